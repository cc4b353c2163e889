/* tags: what the tags of requests and answers mean. Those of requests are described by
 * admin's and the store's tables, counters by theirs; what only answers have is listed
 * here. Pure. */
#ifndef PB_CMD_PBCTL_TAGS_H
#define PB_CMD_PBCTL_TAGS_H

#include "lib/base/str.h"

enum tag_kind { TAG_TEXT, TAG_NUMBER, TAG_SWITCH, TAG_ROWS };
/* Of a leaf: a whole number, a switch (1, 0) or, also when nothing describes it, a
 * text. */
enum tag_kind tag_kind(struct str tag);
/* Long texts and secrets of requests: their values may be @FILE and -. */
bool tag_takes_files(struct str tag);
/* Is it a secret that is stored, so that a slip of the finger would lock somebody out? */
bool tag_sets_secret(struct str tag);

struct answer_tag {
	const char *tag;
	enum tag_kind kind;   /* TAG_ROWS: holds elements */
	const char *commands; /* that answer it, blank separated */
	const char *help;
};
/* Terminated by tag == NULL. A tag stands once for each meaning. */
extern const struct answer_tag answer_tags[];

#endif
