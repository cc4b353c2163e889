/* request: a command and its parameters, from "tag=value" words to one document.
 *
 *   tag=value    the value as it stands
 *   tag=@file    what the file holds (long texts and secrets only, see tag_takes_files)
 *   tag=-        what comes on standard input, likewise; a terminal is asked without echo
 *   tag=@@text   "@text"
 * Memory: borrows the words, owns what was read; request_free ends that. */
#ifndef PB_CMD_PBCTL_REQUEST_H
#define PB_CMD_PBCTL_REQUEST_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/limits.h"

struct request {
	const char *command; /* borrowed */
	struct arena arena;
	unsigned n;
	struct {
		struct str tag, value;
	} params[LIMIT_XML_CHILDREN];
};

void request_init(struct request *r, const char *command);
void request_free(struct request *r);
/* A value as it stands; takes the place of one that is there. */
void request_set(struct request *r, const char *tag, struct str value);
/* A value in one of the forms above. */
MUST_CHECK int request_read(struct request *r, struct str tag, const char *text, struct err *e);
/* A word "tag=value", in one of the forms above. */
MUST_CHECK int request_word(struct request *r, const char *word, struct err *e);
/* NULL: it is not there. */
const struct str *request_get(const struct request *r, struct str tag);
/* key: empty for none. out is initialised here; owned. */
MUST_CHECK int request_document(const struct request *r, struct str key, struct buf *out,
				struct err *e);

/* A value of the forms above; of the key as -key takes it. Lives in the arena. */
MUST_CHECK int value_read(const char *tag, const char *text, struct arena *a,
			  struct str *out, struct err *e);

#endif
