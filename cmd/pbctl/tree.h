/* tree: a document as elements within elements, read once; printers walk it. Pure.
 * A list is an element with the attribute "total"; a leaf has neither that nor children.
 * Document type declarations, other roots and more than TREE_DEPTH levels are refused.
 * Memory: everything lives in the caller's arena. */
#ifndef PB_CMD_PBCTL_TREE_H
#define PB_CMD_PBCTL_TREE_H

#include "lib/base/arena.h"
#include "lib/base/err.h"

#define TREE_DEPTH 16

struct node {
	struct str name, text; /* text: of a leaf */
	int64_t total;	       /* of a list, else -1 */
	struct node *up, *first, *last, *next;
};

/* root: the name that the document must have. -1: not such a document; the text says
 * why. */
MUST_CHECK int tree_parse(struct str document, const char *root, struct arena *a,
			  struct node **out, struct err *e);
static inline bool node_is_leaf(const struct node *n)
{
	return !n->first && n->total < 0;
}
/* Its first child of that name; NULL: none. */
const struct node *node_child(const struct node *n, struct str name);
/* The text of that child; an empty slice when there is none. */
struct str node_text(const struct node *n, const char *name);
/* The same as a number; 0 when it is none. */
int64_t node_int(const struct node *n, const char *name);
/* Elements at "outer/inner" below n, one after the other in the order of the document:
 * NULL at first, and in the end. */
const struct node *node_each(const struct node *n, const char *path, const struct node *before);

#endif
