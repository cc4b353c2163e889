/* env: what a session may reach, handed to it by its worker.
 * Sessions ask, they do not know: addresses and boxes come through struct asks, connections
 * through dial, so that tests and fuzzers put fakes in their place.
 * Memory: a worker owns one env; sessions borrow it. */
#ifndef PB_SESSION_ENV_H
#define PB_SESSION_ENV_H

#include "lib/guard/blocklist.h"
#include "lib/net/connect.h"
#include "lib/net/io.h"
#include "lib/route/balance.h"
#include "lib/route/route.h"
#include "lib/session/traffic.h"

struct env;
struct legpool;
struct resolver;
struct verify;
struct responder;
struct store;
struct gate_envelope;
struct gate_rules;
struct sight;

struct asks {
	enum route_result (*recipient)(struct env *env, const struct topo_cluster *c,
				       struct str address, const struct route_from *from,
				       struct arena *a, struct route_list *out);
	/* The relay box for this sender. */
	enum route_result (*relay)(struct env *env, const struct topo_cluster *c,
				   const struct route_from *from, struct topo_box **out);
	/* What a reverse-path may do here; login "" when the client has none. */
	enum route_result (*sender)(struct env *env, const struct topo_cluster *c,
				    struct str sender, struct str login, struct arena *a,
				    struct route_sender *out);
	enum route_result (*account)(struct env *env, struct str address, struct arena *a,
				     struct account *acc);
	enum route_result (*box)(struct env *env, const struct topo_cluster *c,
				 struct str boxid, struct topo_box **out);
	/* The next box for a plain TCP session, as balance_choose. */
	struct topo_box *(*balance)(struct env *env, const struct topo_cluster *c,
				    const struct ipaddr *client, int failed,
				    struct balance_tried *tried);
	/* Opens a connection to a box; the default is dial_start. */
	void (*dial)(struct env *env, struct dial *d, const struct topo_box *box,
		     void (*done)(struct dial *d, int fd, int error));
	/* Makes an io of what dial gave; the default is io_init_socket. */
	void (*leg_io)(struct env *env, struct io *io, int fd,
		       void (*event)(struct io *io, enum io_event what));
	/* Ledger row of (sender, recipient) pair for one message digest (hex), or for any when
	 * digest is empty, as route_ledger does: an enum ledger_outcome, 0 none. -1: not
	 * readable. */
	int (*ledger)(struct env *env, struct str pair, struct str digest, struct arena *a,
		      struct ledger *out);
	/* May this client or account send no more? As blocklist_has. */
	int (*blocked)(struct env *env, struct str subject);
	/* Has this account been used from the client's network? As access_knows. */
	int (*known)(struct env *env, struct str account, const struct ipaddr *client);
	/* Has this account answered this sender lately? As replied_lately. */
	int (*replied)(struct env *env, struct str account, struct str sender);
	/* The DNS list that has this client, and whether it is known to have no name, as repute.h. */
	struct str (*listed)(struct env *env, const struct topo_cluster *c, const struct ipaddr *client);
	bool (*nameless)(struct env *env, const struct topo_cluster *c, const struct ipaddr *client);
	/* What is known of a stranger's recipient, as gate_look. */
	int (*sight)(struct env *env, const struct settings *settings,
		     const struct gate_envelope *e, const struct gate_rules *r, struct sight *known);
};
extern const struct asks asks_real; /* lib/session/env.c: route.h, store.h, connect.h */

struct env {
	const struct asks *ask;
	struct loop *loop;
	struct shm *shm;	   /* may be NULL in tests */
	unsigned slot;
	struct store *accounts;	   /* read-only handles */
	struct store *traffic_db;  /* NULL until the replicator has made it */
	struct topology *topology; /* the current one */
	struct traffic *traffic;   /* traffic log; NULL: none asked for */
	struct legpool *pool;
	struct resolver *resolver; /* NULL: the DNS is not asked */
	struct verify *verify;	   /* NULL in tests: plain passwords only */
	struct responder *responder; /* NULL: nobody sends automatic replies behind a mail */
	struct list sessions;	   /* all struct session (below) */
	unsigned n_sessions;
	unsigned n_tarpit;	   /* of them, those whose answer is held back (tarpit.h) */
	unsigned n_settling;	   /* mails whose client has gone, their boxes' word still awaited */
	uint32_t next_id;
	struct blocklist blocks;   /* on their way to the disk */
	uint64_t ledger_due;	   /* bytes of journal kept for mails behind their end marks */
	uint64_t ledger_late;	   /* mark of a row that was not durable in time; 0: none */
	bool draining;		   /* TERM: no new transactions, 421 between them */
	struct {		   /* door.c: lines about the refused in this second */
		int64_t second;
		unsigned lines, left_out;
	} door_log;
	/* A session has ended: there may be room for another. May be NULL. */
	void (*room)(struct env *env);
};

/* What every kind of client session begins with. */
struct session {
	struct list node;	/* in env->sessions */
	struct env *env;
	struct topology *topology; /* of its birth or last mail; a reference */
	const struct topo_cluster *cluster;
	struct addr peer, local; /* local: where the client came to */
	struct io io;
	int row;		/* shm/sessions.h */
	char sid[16];		/* "1-4f2a": worker and number, in every log line */
	int64_t started;	/* monotonic ms */
	/* Ends it: red light or drain limit. Answers as the protocol allows, then closes. */
	void (*cut)(struct session *s, const char *why);
	/* Does it use this box of this cluster now? (red light). box NULL: any. */
	bool (*uses)(const struct session *s, struct str clusterid, struct str boxid);
	/* The slot's bell rang (ledger rows may be durable). May be NULL. */
	void (*bell)(struct session *s);
	/* TERM: ends now when nothing is under way, else when that is done. NULL: goes on to the
	 * drain limit (a tunnel from its first byte). */
	void (*drain)(struct session *s);
};
/* Fills it, links it, counts it, logs "connected"; takes fd. */
void session_begin(struct session *s, struct env *env, const struct topo_cluster *c, int fd,
		   const struct addr *peer, size_t in_max, size_t out_max,
		   void (*event)(struct io *io, enum io_event what));
/* Between two mails or logins: goes on with the configuration of now, so that a box that has gone
 * red or moved meanwhile gets nothing new. Does nothing where its cluster is gone. */
void session_refresh(struct session *s);
/* The reverse: closes io, unlinks, gives back counts, logs "disconnected reason=". The
 * caller frees the memory. */
void session_end(struct session *s, const char *reason);

/* --- door.c --- */
/* A connection that was accepted for a listener of cluster c: becomes a session of c's
 * protocol, or is refused (limits, block ranges) with one write and a close. Takes fd. */
void session_accept(struct env *env, const struct topo_cluster *c, int fd, const struct addr *peer);
/* The worker has swapped env->topology: ends the sessions whose box or cluster went red
 * (a cluster that is gone counts as drained, not as red), empties pools of boxes not green. */
void sessions_reconfigured(struct env *env);
/* The slot's bell rang: looks for ledger rows that became durable. */
void sessions_bell(struct env *env);

/* Protocols (smtp_server.h, pop3_server.h, tcp_server.h). */
void smtp_session_start(struct env *env, const struct topo_cluster *c, int fd, const struct addr *peer);
void pop3_session_start(struct env *env, const struct topo_cluster *c, int fd, const struct addr *peer);
void tcp_session_start(struct env *env, const struct topo_cluster *c, int fd, const struct addr *peer);

#endif
