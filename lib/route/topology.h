/* topology: clusters, boxes and general settings compiled into an immutable snapshot of one generation.
 * A worker builds a new one when the generation moves and drops the old when the last
 * session that uses it ends. Texts are owned by the snapshot.
 * Not here: addresses (route.h), health (shm/boxes.h). */
#ifndef PB_ROUTE_TOPOLOGY_H
#define PB_ROUTE_TOPOLOGY_H

#include "lib/base/addr.h"
#include "lib/base/arena.h"
#include "lib/store/store.h"
#include "shm/layout.h"

enum light { LIGHT_GREEN, LIGHT_YELLOW, LIGHT_RED };
enum protocol { PROTO_SMTP, PROTO_LMTP, PROTO_POP3, PROTO_IMAP, PROTO_TCP };
/* How a plain TCP cluster chooses a box (balance.h), in the order of the setting's words. */
enum method { METHOD_ROUND_ROBIN, METHOD_LEAST_SESSIONS, METHOD_CLIENT_HASH };
/* How a box learns who its client is, likewise. */
enum client_info { INFO_NONE, INFO_XCLIENT, INFO_XFORWARD, INFO_PROXY_V1, INFO_PROXY_V2 };

/* relay_box_choice */
enum relay_choice { RELAY_BALANCED = 0, RELAY_OWN_BOX = 1 };

struct topo_cluster;
struct topo_box {
	struct box row;		   /* all settings */
	struct topo_cluster *cluster;
	struct addr addr;
	enum protocol protocol;
	enum light light;
	enum client_info client_info;
	int64_t connect_timeout_ms; /* resolved: box, else cluster */
	int shm;		   /* index in shm/boxes.h */
	int fallover;		   /* index in the cluster's boxes, or -1 */
};
struct ring;
struct topo_cluster {
	struct cluster row;
	enum protocol protocol;
	struct topo_box *boxes;
	unsigned n_boxes;
	int shm;		   /* index in shm/counters.h */
	struct ip_ranges relay, block, spam_whitelist, proxy;
	/* Over green boxes with smtp_relay; where mail goes through the sender's own box and none
	 * has it, over all green ones. NULL when there are none. */
	struct ring *relay_ring;
	struct ring *client_ring;  /* tcp: over all green boxes; NULL when there are none */
	enum method method;	   /* tcp */
	int64_t affinity_ms, idle_ms; /* tcp; affinity 0: none */
	struct str host_name;	   /* smtp_host_name, or the machine's */
	bool normalize, one_per_transaction; /* from their words */
};
struct topology {
	struct topo_cluster *clusters;
	unsigned n_clusters;
	/* What signs rewritten senders: a key of the sisters' when they have one, so that bounces may
	 * come back by any of them; else this machine's own. The first signs, all verify. */
	struct str srs_secrets[2];
	unsigned n_srs_secrets;
	uint8_t sketch_key[16]; /* lib/guard/sketch.h: of the same secret */
	struct settings settings; /* as stored, else the defaults */
	uint32_t generation;
	uint32_t refs;
	struct arena arena;
};

/* Reads the store (inside one read transaction of its own). shm may be NULL (tests): then
 * shm indices are -1. Owned with one reference. */
MUST_CHECK int topology_build(struct topology **out, struct store *s, struct shm *shm,
			      uint32_t generation, struct err *e);
struct topology *topology_ref(struct topology *t);
/* Frees it with the last reference; nulls the caller's pointer; NULL-safe. */
void topology_unref(struct topology **t);
struct topo_cluster *topology_cluster(struct topology *t, struct str clusterid); /* NULL: none */
struct topo_box *topology_box(const struct topo_cluster *c, struct str boxid);	  /* NULL: none */
/* Is a box of any cluster at this address (smtp: of an SMTP cluster)? A loopback address never is: there a
 * box and a program that goes wild look the same. */
bool topology_has_box(const struct topology *t, const struct ipaddr *ip, bool smtp);

#endif
