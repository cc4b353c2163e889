/* csv: email.csv and alias.csv, the account tables as text (manual, section 5 and 10).
 * Tab separated. accounts: address, password, box; aliases: address, list. Every byte of these
 * is literal. Further columns are name=value for fields not at their default, with \t \n \r
 * and \\ escaped; a password that holds a tab or line break stands there, too. A line that
 * cannot be read is skipped, counted and reported; the row of its address stays.
 *
 * A reread has two halves: the files are read and sorted (csv_files_open), which takes no
 * transaction, and then the store is made equal to them (csv_apply) in the caller's. Memory
 * stays bounded whatever their size: sorted lines go through a file without a name in DIR, and
 * pages of the store that were read are given back. */
#ifndef PB_STORE_CSV_H
#define PB_STORE_CSV_H

#include <stdatomic.h>

#include "lib/store/store.h"

#define CSV_BAD_KEPT 20
#define CSV_LINE_MAX \
	(512u << 10) /* a longer one cannot be right: fields have their lengths */

struct csv_report {
	uint64_t read, skipped; /* rows */
	uint64_t added, changed, removed;
	struct {
		uint64_t line;
		char file[16], reason[160];
	} bad[CSV_BAD_KEPT];
	unsigned n_bad; /* the first ones, by file and line; printable ASCII */
};

/* Rows of both files; another thread may look while the work goes on. While files are read, of
 * grows with the lines that were found. Counts up from what is there. */
struct csv_progress {
	_Atomic uint64_t done, of;
};

/* Writes DIR/email.csv and DIR/alias.csv by atomic rename (fsync before). Mode 0600.
 * p may be NULL. */
MUST_CHECK int csv_vacuum(struct store *s, const char *dir, struct csv_progress *p, struct err *e);

/* The lines of DIR/email.csv and DIR/alias.csv as they are now. A missing file is an error. What
 * happens to the files later does not matter. Owned. p may be NULL, here and below. */
struct csv_files;
MUST_CHECK int csv_files_open(struct csv_files **out, const char *dir,
			      struct csv_progress *p, struct err *e);
void csv_files_close(struct csv_files **f); /* NULL-safe */
/* Makes the store equal to them within the write transaction that the caller has begun and
 * changed nothing in (bug()), as a difference: unchanged rows keep their stamps. An address in
 * both files: the account counts, the alias line is bad. CSV_REFUSED: a file has lines, and none
 * of them can be read. On that and on -1 the caller aborts. Once a files object. */
#define CSV_REFUSED 1
MUST_CHECK int csv_apply(struct store *s, struct csv_files *f, struct csv_report *r,
			 struct csv_progress *p, struct err *e);

/* One line without its newline into rec (texts borrow the line, or arena): 0, or -1 with the
 * reason. */
MUST_CHECK int csv_line_parse(const struct table *t, struct str line, void *rec,
			      struct arena *a, struct err *e);
MUST_CHECK int csv_line_write(const struct table *t, const void *rec, struct buf *out);

#endif
