/* sessions: each worker's table of its open sessions, in its own slot.
 * Kept so that what a killed worker held is known by name (address, account, box), for the
 * reaper and for `stats`. One writer: the worker. A row is filled before it is published.
 * At most LIMIT rows a worker; a session beyond that runs without a row and is counted. */
#ifndef PB_SHM_SESSIONS_H
#define PB_SHM_SESSIONS_H

#include "lib/base/addr.h"
#include "shm/layout.h"

#define SESSION_ROWS 20000 /* descriptors of a process bound it anyway */

struct session_row {
	struct ipaddr client;
	int16_t cluster; /* index of counters.h */
	int16_t box;	 /* index of boxes.h; -1: none yet */
	uint32_t id;
	int64_t since; /* wall ms */
	uint8_t account[16]; /* keyed hash of the account that logged in; zero: none */
};
/* The row's number, or -1 when the table is full. */
int session_row_open(struct shm *shm, unsigned slot, const struct session_row *r);
void session_row_box(struct shm *shm, unsigned slot, int row, int box);
void session_row_account(struct shm *shm, unsigned slot, int row, const uint8_t hash[16]);
void session_row_close(struct shm *shm, unsigned slot, int row);
/* What session_row_account takes for this account (lower case). */
void session_account_hash(const struct shm *shm, struct str address, uint8_t out[16]);
/* The supervisor, for a dead worker: closes all. */
void session_rows_forget(struct shm *shm, unsigned slot);
/* Calls fn for each row in use; what is read while the writer changes it is skipped. */
void session_rows_each(const struct shm *shm, unsigned slot,
		       void (*fn)(void *arg, const struct session_row *r), void *arg);

#endif
