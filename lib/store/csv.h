/* csv: email.csv and alias.csv, the account tables as text (manual, section 5 and 10).
 * Tab separated. accounts: address, password, box; aliases: address, list. Every byte of these
 * is literal. Further columns are name=value for fields not at their default, with \t \n \r
 * and \\ escaped; a password that holds a tab or line break stands there, too. A line that
 * cannot be read is skipped, counted and reported; the row of its address stays. */
#ifndef PB_STORE_CSV_H
#define PB_STORE_CSV_H

#include "lib/store/store.h"

#define CSV_BAD_KEPT 20

struct csv_report {
	uint64_t read, skipped; /* rows */
	uint64_t added, changed, removed;
	struct {
		uint64_t line;
		char file[16], reason[160];
	} bad[CSV_BAD_KEPT];
	unsigned n_bad; /* the first ones, by file and line; printable ASCII */
};

struct csv_progress { _Atomic uint64_t done, of; };
struct csv_files { char dir[4096]; };
MUST_CHECK static inline int csv_files_open(struct csv_files **out, const char *dir, struct csv_progress *p, struct err *e)
{ (void)p; (void)e; *out = mem_zalloc(sizeof(**out)); strcpy((*out)->dir, dir); return 0; }
int csv_apply(struct store *s, struct csv_files *f, struct csv_report *r, struct csv_progress *p, struct err *e);
static inline void csv_files_close(struct csv_files **f) { __builtin_free(*f); *f = NULL; }
/* Writes DIR/email.csv and DIR/alias.csv by atomic rename (fsync before). Mode 0600. */
MUST_CHECK int csv_vacuum(struct store *s, const char *dir, struct csv_progress *p, struct err *e);
/* Makes the store equal to the two files in one transaction, as a difference: unchanged rows
 * keep their stamps; look-ups see the old set or the new one. A missing file is an error and
 * changes nothing. An address in both files: the account counts, the alias line is bad. */


/* One line without its newline into rec (texts in arena): 0, or -1 with the reason. */
MUST_CHECK int csv_line_parse(const struct table *t, struct str line, void *rec,
			      struct arena *a, struct err *e);
MUST_CHECK int csv_line_write(const struct table *t, const void *rec, struct buf *out);

#endif
