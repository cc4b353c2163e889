/* log: the error log (-logfile): few lines, for administrators.
 * One write(2) a line, so that processes never mix; control bytes are escaped.
 * Not here: the traffic log (lib/session/traffic.h).
 * Line: "2026-11-23 Mon 08:15:00.123 worker 1[4711]: warning: text". */
#ifndef PB_BASE_LOG_H
#define PB_BASE_LOG_H

#include <sys/types.h>

#include "lib/base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

/* Files are opened for this user from now on: root gives them to it (it opens them anew by itself),
 * and follows no link but root's own. */
void log_owner(uid_t uid, gid_t gid);
/* Opens path for appending; NULL or "" means standard error. The path is copied. */
MUST_CHECK int log_open(const char *path, struct err *e);
/* Opens the same path again (HUP); on failure the old file stays in use and -1 is returned. */
MUST_CHECK int log_reopen(struct err *e);
/* The role that stands in each line ("worker 1"); copied. */
void log_role(const char *role);
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

/* Copies s into dst (cap bytes with the NUL). Bytes as \xHH: controls (0-31, 127, and those of
 * U+0080-U+009F, which terminals obey as well), '\\', and what is no UTF-8. Other characters stay
 * readable. What does not fit is cut. Returns the length. */
size_t log_escape(char *dst, size_t cap, struct str s);

#endif
