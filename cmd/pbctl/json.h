/* json: an answer for programs. Pure, but for the stream.
 * The rule: what has children is an object of them; a list (an element with a "total") is
 * an array of its elements, whose own names fall away, and its total stands before it
 * under the list's name with "_total" behind. Elements of one name that no list is around
 * become an array, too. A leaf is a string, but for those that their description calls a
 * whole number (number; empty: null) or a switch (true, false); one that does not look so
 * is a string all the same. The frame (<command>, <status>) falls away; of a refusal
 * remain code and error. All of it stands in one line. */
#ifndef PB_CMD_PBCTL_JSON_H
#define PB_CMD_PBCTL_JSON_H

#include <stdio.h>

#include "cmd/pbctl/answer.h"

/* With a newline behind. */
void json_answer(FILE *out, const struct answer *a);
/* An answer that comes in pages: the frame of its one list, and its elements page by
 * page. */
void json_page_begin(FILE *out, const struct node *list);
/* first: is it the first page? */
void json_page(FILE *out, const struct node *list, bool first);
void json_page_end(FILE *out);
/* A string with its quotes. */
void json_string(FILE *out, struct str s);

#endif
