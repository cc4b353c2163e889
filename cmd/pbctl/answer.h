/* answer: what the service said to one request. Pure.
 * Memory: owns the document and its tree; answer_free ends them. */
#ifndef PB_CMD_PBCTL_ANSWER_H
#define PB_CMD_PBCTL_ANSWER_H

#include "cmd/pbctl/tree.h"
#include "lib/base/buf.h"

struct answer {
	struct buf document; /* as it came */
	struct arena arena;
	struct node *root; /* <response> */
	bool ok;
	struct str code, error; /* of one that is not ok; code may be empty */
};
/* Takes the document. -1: this is no answer of a protobalance; nothing to free then. */
MUST_CHECK int answer_parse(struct buf *document, struct answer *out, struct err *e);
void answer_free(struct answer *a);
/* The values of an answer: its elements behind the frame (<command>, <status>), one after
 * the other: NULL at first, and in the end. */
const struct node *answer_each(const struct answer *a, const struct node *before);

#endif
