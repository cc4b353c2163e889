/* traffic: the traffic log (-monthly, -daily): who sent what to whom, and every refusal.
 * One write(2) a line, files opened for appending, so that workers never mix; the file's name
 * is the GMT month ("2026-11") or day ("2026-11-23") of the line.
 *
 *   2010-01-06 Wed 10:32:48.365: 10.11.12.13: admin@org.us => henry@org.us "test":0kB success - 250 [MAIL1:250_ok]
 *   2010-01-06 Wed 10:32:48.365: 10.11.12.13: 1-4f2a connected cluster=MX
 *
 * Not here: the error log (lib/base/log.h). */
#ifndef PB_SESSION_TRAFFIC_H
#define PB_SESSION_TRAFFIC_H

#include "lib/base/addr.h"
#include "lib/base/err.h"

struct traffic;

/* monthly, daily: directories that exist, or NULL; both may be given. Owned. */
MUST_CHECK int traffic_open(struct traffic **out, const char *monthly, const char *daily,
			    struct err *e);
void traffic_close(struct traffic **t);
/* HUP: opens the files anew at the next line. */
void traffic_reopen(struct traffic *t);
/* Formats, escapes control bytes of the whole text (log_escape), writes; lines are cut at 4 KiB.
 * A line that cannot be written is told to the error log once a minute. t NULL: nothing. */
void traffic_line(struct traffic *t, int64_t wall_ms, const struct ipaddr *client, const char *fmt,
		  ...) PRINTF_LIKE(4, 5);

#endif
