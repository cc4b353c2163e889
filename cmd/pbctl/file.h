/* file: whole files in and out. */
#ifndef PB_CMD_PBCTL_FILE_H
#define PB_CMD_PBCTL_FILE_H

#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

/* All of the file; "-" is standard input. At most max bytes. out is initialised here;
 * owned on 0. */
MUST_CHECK int file_read(const char *path, size_t max, struct buf *out, struct err *e);
/* The same for a file in a directory that belongs to another user, who may set traps:
 * nothing but a file that stands there itself, no link, no pipe. */
MUST_CHECK int file_read_of_other(const char *path, size_t max, struct buf *out, struct err *e);
/* Puts a new file of mode 0600 in the place of the file that is there, at once: whoever
 * looks sees the old one or all of the new one, also after a power cut. like: the new one
 * belongs to whoever this file belongs to (root only); NULL: to us. */
MUST_CHECK int file_replace(const char *path, struct str content, const char *like, struct err *e);

#endif
