/* request: from "tag=value" words to one request document.
 *
 *   tag=value    the value as it stands
 *   tag=@file    what the file holds (long texts and secrets only, see takes_files)
 *   tag=-        what comes on standard input, likewise; a terminal is asked without echo
 *   tag=@@text   "@text"
 * Memory: the document lives in the caller's buffer. */
#ifndef PB_CMD_PBCTL_REQUEST_H
#define PB_CMD_PBCTL_REQUEST_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

/* words: n of "tag=value". key: NULL for none. out is initialised here; owned. */
MUST_CHECK int request_build(const char *command, char *const *words, int n,
			     const char *key, struct buf *out, struct err *e);
/* A value as tag=... takes it; the key as -key takes it. Lives in the arena. */
MUST_CHECK int value_read(const char *tag, const char *text, struct arena *a,
			  struct str *out, struct err *e);

#endif
