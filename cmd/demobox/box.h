/* box: what all sessions of the process share: settings, accounts, faults, the log.
 * Log, one line an event, one write(2) a line; tests read it:
 *
 *   connect SESSION PROTOCOL PEER         command SESSION LINE      (passwords included)
 *   delivered ADDRESS MESSAGE-ID|- BYTES  one a copy, before the answer goes out
 *   fault SESSION STEP ACTION             pipelined SESSION   though it was not offered
 *   control N | control failed: REASON    after HUP: now N faults
 *   disconnect SESSION
 *
 * Not here: connections (conn.h), mail (maildir.h). */
#ifndef PB_DEMOBOX_BOX_H
#define PB_DEMOBOX_BOX_H

#include "cmd/demobox/fault.h"
#include "lib/base/buf.h"
#include "lib/base/list.h"

struct loop;

struct box {
	struct loop *loop;
	const char *name;
	const char *directory;
	const char *users_path; /* NULL: everybody is known, any password is right */
	const char *control_path;
	uint64_t max_size; /* bytes of one mail */
	bool sync;
	bool ehlo, pipelining, eightbit; /* offered */
	int log_fd;			 /* -1: none */
	unsigned sessions;		 /* so far; the next one's number */
	struct list conns;
	struct faults faults;
	struct buf users; /* lines ADDRESS TAB PASSWORD */
};

void box_log(const struct box *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Reads users and control file anew; each stays as it was when it cannot be read. A
 * control file replaces all faults, those of -fault included. */
MUST_CHECK int box_reread_users(struct box *b, struct err *e);
MUST_CHECK int box_reread_control(struct box *b, struct err *e);

/* By address or login, in any case of letters. */
bool box_knows(const struct box *b, struct str address);
bool box_password_ok(const struct box *b, struct str address, struct str password);

/* All of a file into out, which the caller releases. */
MUST_CHECK int box_read_file(const char *path, struct buf *out, struct err *e);

#endif
