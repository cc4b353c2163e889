/* The store made equal to the two files.
 *
 * Four streams in one order of keys are merged: lines and old rows of accounts, lines and old
 * rows of aliases. What becomes of an address is decided when all of them have come to it.
 * First the difference is looked for, until it is known to be nothing, small (then rows are
 * patched) or large (then both tables are written anew; see store_bulk.h). */
#include <stdlib.h>

#include "lib/store/csv_sort.h"
#include "lib/store/store_bulk.h"

#define LINE_ARENA (1u << 20)
#define SMALL_LEAST 1000 /* changes that are patched in any case, */
#define SMALL_PART 64	 /* or one row in so many */

enum { ACCOUNTS, ALIASES, SIDES };

struct csv_files {
	struct csv_sort *sort[SIDES];
};

static const struct {
	const char *file;
	const struct table *t;
} sides[SIDES] = {
	[ACCOUNTS] = { "email.csv", &table_accounts },
	[ALIASES] = { "alias.csv", &table_aliases },
};

int csv_files_open(struct csv_files **out, const char *dir, struct csv_progress *p, struct err *e)
{
	struct csv_files *f = mem_zalloc(sizeof(*f));

	*out = NULL;
	for (int i = 0; i < SIDES; i++)
		if (csv_sort_open(&f->sort[i], dir, sides[i].file, p, e) < 0) {
			csv_files_close(&f);
			return -1;
		}
	*out = f;
	return 0;
}

void csv_files_close(struct csv_files **fp)
{
	struct csv_files *f = *fp;

	*fp = NULL;
	for (int i = 0; f && i < SIDES; i++)
		csv_sort_close(&f->sort[i]);
	free(f);
}

/* --- progress: half a line each time it is passed --- */

struct progress {
	struct csv_progress *p;		    /* NULL: nobody looks */
	uint64_t from, lines, passed, done; /* from: what the first pass has counted */
};

static void progress_to(struct progress *g, uint64_t done)
{
	if (g->p && done > g->done)
		atomic_fetch_add_explicit(&g->p->done, done - g->done, memory_order_relaxed);
	g->done = done;
}

static void progress_line(struct progress *g, bool look)
{
	g->passed++;
	progress_to(g, look ? g->passed / 2 : g->from + g->passed * (g->lines - g->from) / g->lines);
}

/* --- the report --- */

/* Lines are worked through in the order of their keys, but told in that of the files. */
static bool stands_behind(const struct csv_report *r, unsigned i, const char *file, uint64_t line)
{
	int d = strcmp(file, r->bad[i].file); /* email.csv comes first */

	return d ? d > 0 : r->bad[i].line > line;
}

static void report_line(struct csv_report *r, const char *file, uint64_t number, const char *reason)
{
	unsigned at = r->n_bad;
	char *p;

	while (at > 0 && stands_behind(r, at - 1, file, number))
		at--;
	if (at == CSV_BAD_KEPT)
		return;
	if (r->n_bad < CSV_BAD_KEPT)
		r->n_bad++;
	memmove(&r->bad[at + 1], &r->bad[at], (r->n_bad - at - 1) * sizeof(r->bad[0]));
	r->bad[at].line = number;
	str_copy(r->bad[at].file, sizeof(r->bad[0].file), str_z(file));
	str_copy(r->bad[at].reason, sizeof(r->bad[0].reason), str_z(reason));
	for (p = r->bad[at].reason; *p; p++) /* it may quote the file's bytes */
		if (*p < ' ' || *p > '~')
			*p = '?';
}

/* --- streams --- */

struct side {
	const struct table *t;
	struct csv_sort *sort;
	struct bulk *rows;
	struct csv_line line;
	struct bulk_row row;
	bool has_line, has_row;	  /* else that stream is at its end */
	bool line_here, row_here; /* they are of the address that is decided now */
	uint64_t readable; /* lines, also where the address is taken */
};

struct reread {
	struct store *s;
	struct side side[SIDES];
	enum bulk_way way;
	struct csv_report *r;
	struct progress progress;
	uint64_t changes, many; /* BULK_LOOK ends with more than many */
	struct arena arena;	/* of one line */
	struct err *e;
};

static struct str line_key(const struct side *d)
{
	return (struct str){ d->line.text.p, d->line.key_n };
}

static void bad_line(struct reread *x, struct side *d, const char *reason)
{
	x->r->skipped++;
	report_line(x->r, csv_sort_file(d->sort), d->line.number, reason);
}

/* Lines whose key has been there are passed. */
static int next_line(struct reread *x, struct side *d)
{
	for (;;) {
		int rc = csv_sort_next(d->sort, &d->line, x->e);

		if (rc < 0)
			return -1;
		d->has_line = rc == 0;
		if (!d->has_line)
			return 0;
		progress_line(&x->progress, x->way == BULK_LOOK);
		if (!d->line.again)
			return 0;
		bad_line(x, d, "the address stands in an earlier line");
	}
}

static int next_row(struct reread *x, struct side *d)
{
	int rc = bulk_next(d->rows, &d->row, x->e);

	d->has_row = rc == 0;
	return rc < 0 ? -1 : 0;
}

/* --- one address --- */

union row {
	struct account account;
	struct alias alias;
};

/* May the line be put? */
static bool good_line(struct reread *x, struct side *d, bool taken, union row *rec)
{
	struct err why = { "line too long" };

	if (!d->line.too_long && csv_line_parse(d->t, d->line.text, rec, &x->arena, &why) == 0) {
		d->readable++;
		if (!taken)
			return true;
		str_copy(why.text, sizeof(why.text),
			 STR("the address is an account of email.csv already"));
	}
	bad_line(x, d, why.text);
	return false;
}

static int put_line(struct reread *x, struct side *d, const union row *rec)
{
	int rc = bulk_put(d->rows, d->row_here, rec, x->e);

	if (rc > 0)
		++*(d->row_here && d->row.live ? &x->r->changed : &x->r->added);
	return rc;
}

static int drop_row(struct reread *x, struct side *d)
{
	int rc = bulk_drop(d->rows, x->e);

	x->r->removed += rc > 0;
	return rc;
}

/* taken: the address is one of the other kind. Where the line is bad the row stays. */
static int decide(struct reread *x, struct side *d, bool taken, bool *live)
{
	union row rec;
	bool good = d->line_here && good_line(x, d, taken, &rec);
	bool stays = d->line_here && !good && !taken && d->row_here;
	int rc = 0;

	*live = good || (stays && d->row.live);
	if (good)
		rc = put_line(x, d, &rec);
	else if (stays)
		rc = bulk_keep(d->rows, x->e);
	else if (d->row_here)
		rc = drop_row(x, d);
	arena_free(&x->arena);
	x->changes += rc > 0;
	return rc < 0 ? -1 : 0;
}

/* An address is an account or an alias, never both: an account takes the place of an alias. */
static int decide_both(struct reread *x)
{
	bool account, alias;

	if (decide(x, &x->side[ACCOUNTS], false, &account) < 0)
		return -1;
	return decide(x, &x->side[ALIASES], account, &alias);
}

/* --- all of them --- */

static void least(struct str *key, bool has, struct str k)
{
	if (has && (!key->p || str_cmp(k, *key) < 0))
		*key = k;
}

/* The next address: which streams have come to it. false: all are at their ends. */
static bool come_to_next(struct reread *x)
{
	struct str key = { NULL, 0 };

	for (struct side *d = x->side; d < x->side + SIDES; d++) {
		least(&key, d->has_line, line_key(d));
		least(&key, d->has_row, d->row.key);
	}
	for (struct side *d = x->side; d < x->side + SIDES; d++) {
		d->line_here = d->has_line && str_eq(line_key(d), key);
		d->row_here = d->has_row && str_eq(d->row.key, key);
	}
	return key.p != NULL;
}

static int go_on(struct reread *x)
{
	for (struct side *d = x->side; d < x->side + SIDES; d++)
		if ((d->line_here && next_line(x, d) < 0) || (d->row_here && next_row(x, d) < 0))
			return -1;
	return 0;
}

static int merge(struct reread *x)
{
	for (struct side *d = x->side; d < x->side + SIDES; d++)
		if (next_line(x, d) < 0 || next_row(x, d) < 0)
			return -1;
	while (come_to_next(x)) {
		if (decide_both(x) < 0)
			return -1;
		if (x->way == BULK_LOOK && x->changes > x->many)
			return 0;
		if (go_on(x) < 0)
			return -1;
	}
	return 0;
}

static int pass(struct reread *x, struct csv_files *f, enum bulk_way way)
{
	int rc = 0;

	x->way = way;
	x->changes = x->progress.passed = 0;
	*x->r = (struct csv_report){ 0 };
	for (int i = 0; i < SIDES; i++) {
		struct side *d = &x->side[i];

		*d = (struct side){ .t = sides[i].t, .sort = f->sort[i] };
		csv_sort_rewind(d->sort);
		x->r->read += csv_sort_lines(d->sort);
		if (rc == 0)
			rc = bulk_begin(&d->rows, x->s, d->t, way, x->e);
	}
	if (rc == 0)
		rc = merge(x);
	for (int i = 0; i < SIDES && rc == 0; i++)
		rc = bulk_finish(x->side[i].rows, x->e);
	for (int i = 0; i < SIDES; i++)
		bulk_end(&x->side[i].rows);
	return rc;
}

static const char *first_reason(const struct csv_report *r, const char *file)
{
	for (unsigned i = 0; i < r->n_bad; i++)
		if (strcmp(r->bad[i].file, file) == 0)
			return r->bad[i].reason;
	return "";
}

/* A file in another form (commas) would read as "all rows are gone". Of an empty one that is what
 * it says. */
static int check_form(const struct side *d, const struct csv_report *r, struct err *e)
{
	const char *file = csv_sort_file(d->sort);

	if (csv_sort_lines(d->sort) == 0 || d->readable > 0)
		return 0;
	(void)err_set(e,
		      "no line of %s can be read (columns are separated by tabs, see "
		      "protobalance(8)); nothing was changed: %s",
		      file, first_reason(r, file));
	return CSV_REFUSED;
}

/* How many changes are many? -1: the store cannot be read. */
static int count_many(struct store *s, uint64_t *many, uint64_t *rows, struct err *e)
{
	*rows = 0;
	for (int i = 0; i < SIDES; i++) {
		uint64_t n;

		if (store_count(s, sides[i].t, &n, e) < 0)
			return -1;
		*rows += n;
	}
	*many = SMALL_LEAST + *rows / SMALL_PART;
	return 0;
}

static int passes(struct reread *x, struct csv_files *f)
{
	uint64_t rows;

	if (count_many(x->s, &x->many, &rows, x->e) < 0)
		return -1;
	if (rows == 0 && x->progress.lines > x->many)
		return pass(x, f, BULK_ANEW); /* no need to look */
	if (pass(x, f, BULK_LOOK) < 0)
		return -1;
	if (x->changes == 0)
		return 0;
	x->progress.from = x->progress.done;
	return pass(x, f, x->changes > x->many ? BULK_ANEW : BULK_PATCH);
}

int csv_apply(struct store *s, struct csv_files *f, struct csv_report *r,
	      struct csv_progress *p, struct err *e)
{
	struct reread x = { .s = s, .r = r, .e = e, .arena = ARENA(LINE_ARENA) };

	x.progress.p = p;
	for (int i = 0; i < SIDES; i++)
		x.progress.lines += csv_sort_lines(f->sort[i]);
	if (passes(&x, f) < 0)
		return -1;
	for (int i = 0; i < SIDES; i++)
		if (check_form(&x.side[i], r, e))
			return CSV_REFUSED;
	progress_to(&x.progress, x.progress.lines);
	return 0;
}
