/* csv_sort: the lines of a text file in the order of their keys, in bounded memory.
 * A key is what stands before the first tab, ASCII letters in lower case: lines come in the
 * order in which the store has rows, those of one key in the order of the file. Empty lines are
 * left out; a CR at the end and a byte order mark in front, which some editors write, too.
 *
 * The file is read once, in runs of some MiB. Each is sorted and written to a file without a
 * name in the same directory; reading them back merges the runs. So nobody can change, or cut
 * short, what is being read.
 * Not here: what a line says (csv.h).
 * test/unit/test_csv_sort.c. */
#ifndef PB_STORE_CSV_SORT_H
#define PB_STORE_CSV_SORT_H

#include "lib/store/csv.h"

struct csv_sort;
struct csv_line {
	struct str text; /* the key in lower case; too long: the key alone, its first KEY_MAX bytes */
	size_t key_n;
	uint64_t number; /* in the file, from 1 */
	bool too_long;	 /* more than CSV_LINE_MAX */
	bool again;	 /* an earlier line has the same key */
};

/* Reads and sorts DIR/FILE. Owned. p may be NULL; adds the lines to p->of. */
MUST_CHECK int csv_sort_open(struct csv_sort **out, const char *dir, const char *file,
			     struct csv_progress *p, struct err *e);
void csv_sort_close(struct csv_sort **s); /* NULL-safe */
uint64_t csv_sort_lines(const struct csv_sort *s);
const char *csv_sort_file(const struct csv_sort *s);

/* To the first line again. */
void csv_sort_rewind(struct csv_sort *s);
/* The next line: 0, STORE_NONE or -1. Borrows until the next call. */
MUST_CHECK int csv_sort_next(struct csv_sort *s, struct csv_line *out, struct err *e);

#endif
