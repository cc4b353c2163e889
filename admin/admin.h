/* admin: the XML interface over HTTP: the only writer of accounts.mdb.
 *
 *   HTTP (server) -> body -> xml_in -> auth -> command table -> handler -> xml_out
 *                                                  |
 *                                 publish: listeners, generation, wait for the workers
 *
 * One process, one loop: a handler may write to the store (a durable commit takes under a
 * millisecond), but it never waits; what must be waited for (confirmations, the delay of a wrong
 * key) suspends that one HTTP connection. What takes seconds (COMMAND_LONG) runs in one thread
 * beside the loop, on a branch of the store; other changes wait for their turn, reading does not.
 * Memory: the process owns one struct admin. */
#ifndef PB_ADMIN_ADMIN_H
#define PB_ADMIN_ADMIN_H

#include "lib/net/loop.h"
#include "lib/store/store.h"
#include "shm/layout.h"

struct admin;

struct admin_config {
	const char *dir;      /* borrowed */
	struct shm *shm;
	struct loop *loop;
	struct store *accounts; /* opened STORE_WRITE; borrowed */
	const char *daily, *monthly; /* directories of the traffic log, or NULL; borrowed */
	int http_fd;	      /* listening TCP socket; taken */
	int local_fd;	      /* listening DIR/admin.sock; taken; -1: none */
	bool tls;	      /* over http_fd */
	const struct ip_ranges *pages; /* who may read /healthz and /metrics over TCP; borrowed */
	unsigned wait_ms;     /* for confirmations; 0: CONFIRM_MS */
	int64_t deadline_ms;  /* of a request, of an answer; 0: DEADLINE_HTTP_MS */
};

/* First start makes credentials and DIR/first-login. Publishes what the store holds (listeners,
 * box and cluster indices) before it answers the first request. Owned. */
MUST_CHECK int admin_start(struct admin **out, const struct admin_config *c, struct err *e);
/* traffic.mdb is there now: opened STORE_READ; borrowed until admin_stop. */
void admin_traffic(struct admin *a, struct store *traffic);
/* The slot's bell rang: a worker or the supervisor may have confirmed. */
void admin_bell(struct admin *a);
/* A long command writes to accounts in its thread: nobody else may now. */
bool admin_writes(const struct admin *a);
/* No new requests; those under way are answered at once. NULL-safe. */
void admin_stop(struct admin **a);

#endif
