#include "cmd/pbctl/plan.h"

#include <stdlib.h>

#include "cmd/pbctl/spread.h"
#include "lib/store/csv.h"
#include "lib/store/tables.h"

#define LINE_ARENA (1u << 20) /* of one line, as the service has it */

static const struct {
	const struct table *table;
	const char *noun;
} kinds[PLAN_TABLES] = {
	[PLAN_ACCOUNTS] = { &table_accounts, "accounts" },
	[PLAN_ALIASES] = { &table_aliases, "aliases" },
};

/* --- lines that cannot be taken --- */

static void mark(struct rows *rows, struct row *row, struct str why)
{
	row->bad = arena_str(&rows->arena, why);
}

/* Into the form in which the service writes it. */
static int normalise(const struct table *t, struct rows *rows, struct row *row, struct err *e)
{
	struct arena a = ARENA(LINE_ARENA);
	union {
		struct account account;
		struct alias alias;
	} rec;
	struct buf one;
	int rc;

	buf_init(&one, SIZE_MAX / 2);
	rc = csv_line_parse(t, row->line, &rec, &a, e);
	if (rc == 0)
		rc = csv_line_write(t, &rec, &one) ? err_set(e, "line too long") : 0;
	if (rc == 0) {
		struct str text = buf_str(&one);

		row->line = arena_str(&rows->arena, (struct str){ text.p, text.n - 1 });
		row->box = t == &table_accounts ? row_box(row->line) : STR("");
	}
	buf_release(&one);
	arena_free(&a);
	return rc;
}

static bool same_key(const struct row *a, const struct row *b)
{
	return row_key_order(row_key(a->line), row_key(b->line)) == 0;
}

static void check_lines(struct plan_part *p, const struct table *t)
{
	struct rows *rows = &p->rows;

	for (size_t i = 0; i < rows->n; i++) {
		struct row *row = &rows->v[i];
		struct err why = { "" };

		if (i > 0 && same_key(row - 1, row))
			mark(rows, row, STR("the address stands in an earlier line"));
		else if (normalise(t, rows, row, &why))
			mark(rows, row, str_z(why.text));
	}
}

/* Is there an account of that address in the end? */
static bool will_be_account(const struct plan *p, struct str key)
{
	const struct plan_part *accounts = &p->parts[PLAN_ACCOUNTS];
	const struct row *row = rows_find(&accounts->rows, key);

	if (row && row->bad.n == 0)
		return true;
	return (row || p->keep || !accounts->replaced) && rows_find(&accounts->was, key);
}

/* An address is an account or an alias, never both. A FILE of accounts takes no alias away,
 * but where there is one of aliases, and aliases may go. */
static void check_both(struct plan *p)
{
	struct plan_part *accounts = &p->parts[PLAN_ACCOUNTS], *aliases = &p->parts[PLAN_ALIASES];

	for (size_t i = 0; i < accounts->rows.n && (p->keep || !aliases->replaced); i++) {
		struct row *row = &accounts->rows.v[i];

		if (row->bad.n == 0 && rows_find(&aliases->was, row_key(row->line)))
			mark(&accounts->rows, row, STR("is an alias"));
	}
	for (size_t i = 0; i < aliases->rows.n; i++) {
		struct row *row = &aliases->rows.v[i];

		row->yields = will_be_account(p, row_key(row->line));
		if (row->bad.n == 0 && row->yields)
			mark(&aliases->rows, row, STR("is an account"));
	}
}

static void keep_first(struct plan_part *p, const struct row *row)
{
	unsigned at = p->n_bad;

	while (at > 0 && p->bad[at - 1].line > row->number)
		at--;
	if (at == PLAN_NAMED)
		return;
	if (p->n_bad < PLAN_NAMED)
		p->n_bad++;
	memmove(&p->bad[at + 1], &p->bad[at], (p->n_bad - at - 1) * sizeof(p->bad[0]));
	p->bad[at] = (struct plan_bad){ row->number, row->bad };
}

static void count_bad(struct plan_part *p)
{
	p->lines = p->rows.n;
	p->skipped = p->n_bad = 0;
	for (size_t i = 0; i < p->rows.n; i++)
		if (p->rows.v[i].bad.n > 0) {
			p->skipped++;
			keep_first(p, &p->rows.v[i]);
		}
}

static int check(struct plan *p, struct err *e)
{
	for (int i = 0; i < PLAN_TABLES; i++)
		check_lines(&p->parts[i], kinds[i].table);
	check_both(p);
	for (int i = 0; i < PLAN_TABLES; i++) {
		struct plan_part *part = &p->parts[i];

		count_bad(part);
		if (part->skipped > 0 && part->skipped == part->lines)
			return err_set(e,
				       "no line of %s can be taken (columns are separated by tabs, see "
				       "protobalance(8)); nothing was changed",
				       kinds[i].noun);
		if (part->skipped > 0 && (!p->yes || part->skipped >= part->lines - part->skipped))
			p->keep = true;
	}
	if (p->keep) {
		check_both(p);
		count_bad(&p->parts[PLAN_ACCOUNTS]);
		count_bad(&p->parts[PLAN_ALIASES]);
	}
	return 0;
}

/* --- both in the order of their keys --- */

/* A row that is there, the first line of that key in the FILE, or both. */
struct pair {
	const struct row *was;
	struct row *row;
	size_t i, j; /* the next ones */
};

static bool pair_next(const struct plan_part *p, struct pair *at)
{
	const struct row *was = at->i < p->was.n ? &p->was.v[at->i] : NULL;
	struct row *row;
	int d;

	while (at->j > 0 && at->j < p->rows.n && same_key(&p->rows.v[at->j - 1], &p->rows.v[at->j]))
		at->j++;
	row = at->j < p->rows.n ? &p->rows.v[at->j] : NULL;
	d = !was ? 1 : !row ? -1 : row_key_order(row_key(was->line), row_key(row->line));
	at->was = d <= 0 ? was : NULL;
	at->row = d >= 0 ? row : NULL;
	at->i += at->was != NULL;
	at->j += at->row != NULL;
	return at->was || at->row;
}

static bool is_taken(const struct pair *at)
{
	return at->row && at->row->bad.n == 0;
}

/* Of one that is not taken: does the row that is there remain? */
static bool remains(const struct plan *p, const struct pair *at)
{
	if (!at->was)
		return false;
	return at->row ? !at->row->yields : p->keep;
}

/* --- boxes --- */

static struct str box_of(const struct row *was)
{
	return was ? row_box(was->line) : STR("");
}

/* What is known of boxes, and how full they are. */
static void keep_boxes(struct plan *p, struct spread *s)
{
	struct plan_part *part = &p->parts[PLAN_ACCOUNTS];
	struct pair at = { 0 };

	while (pair_next(part, &at)) {
		if (!is_taken(&at)) {
			if (remains(p, &at))
				spread_count(s, box_of(at.was));
			continue;
		}
		part->from_now |= at.row->box.n == 0;
		if (at.row->box.n == 0 && !p->respread)
			at.row->box = box_of(at.was);
		spread_count(s, at.row->box);
	}
}

static void give_boxes(struct plan *p)
{
	struct pair at = { 0 };
	struct spread s;

	spread_init(&s, str_z(p->spread));
	keep_boxes(p, &s);
	while (pair_next(&p->parts[PLAN_ACCOUNTS], &at)) {
		struct str had = box_of(at.was);

		if (!is_taken(&at) || at.row->box.n > 0)
			continue;
		p->boxless += !p->spread;
		if (!p->spread)
			continue;
		at.row->box = spread_next(&s);
		p->got_a_box += had.n == 0;
		p->moved += had.n > 0 && !str_eq(had, at.row->box);
	}
	spread_free(&s);
}

/* --- the text --- */

static void put(struct buf *out, struct str line)
{
	if (buf_add(out, line) || buf_addc(out, '\n'))
		bug("a buffer without a limit is full");
}

static void put_taken(struct plan_part *p, const struct pair *at, bool account)
{
	size_t start = buf_len(&p->text);
	struct str line;

	if (account)
		row_put(&p->text, at->row->line, at->row->box);
	else
		put(&p->text, at->row->line);
	line = str_skip(buf_str(&p->text), start);
	line.n--;
	p->added += !at->was;
	p->changed += at->was && !str_eq(line, at->was->line);
	p->after++;
}

static void put_other(const struct plan *p, struct plan_part *part, const struct pair *at)
{
	if (!at->was)
		return;
	if (remains(p, at)) {
		put(&part->text, at->was->line);
		part->from_now = true;
		part->stay += !at->row;
		part->after++;
		return;
	}
	part->removed++;
	if (part->n_gone < PLAN_NAMED)
		part->gone[part->n_gone++] = row_key(at->was->line);
}

static void write_text(const struct plan *p, struct plan_part *part, bool account)
{
	struct pair at = { 0 };

	while (pair_next(part, &at))
		if (is_taken(&at))
			put_taken(part, &at, account);
		else
			put_other(p, part, &at);
}

/* --- the whole --- */

/* Anew: the service may have been asked again meanwhile. */
static void begin(struct plan *p, enum plan_table i)
{
	struct plan_part *part = &p->parts[i];
	bool spreads = i == PLAN_ACCOUNTS && p->spread;

	*part = (struct plan_part){ .given = part->given, .file = part->file, .now = part->now };
	part->replaced = part->given || spreads;
	part->from_now = !part->given;
	buf_init(&part->text, SIZE_MAX / 2);
	rows_take(&part->was, part->now);
	rows_take(&part->rows, part->given    ? part->file :
			       part->replaced ? part->now :
						STR(""));
	part->before = part->after = part->was.n;
}

int plan_make(struct plan *p, struct err *e)
{
	plan_free(p);
	for (int i = 0; i < PLAN_TABLES; i++)
		begin(p, (enum plan_table)i);
	p->keep = false;
	p->got_a_box = p->moved = p->boxless = 0;
	if (check(p, e))
		return -1;
	if (p->parts[PLAN_ACCOUNTS].replaced)
		give_boxes(p);
	for (int i = 0; i < PLAN_TABLES; i++)
		if (p->parts[i].replaced) {
			p->parts[i].after = 0;
			write_text(p, &p->parts[i], i == PLAN_ACCOUNTS);
		}
	return 0;
}

void plan_free(struct plan *p)
{
	for (int i = 0; i < PLAN_TABLES; i++) {
		rows_free(&p->parts[i].was);
		rows_free(&p->parts[i].rows);
		buf_release(&p->parts[i].text);
	}
}

static int name_order(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void plan_each_box(const struct plan *p,
		   void (*fn)(void *arg, struct str box, uint64_t rows), void *arg)
{
	const struct rows *rows = &p->parts[PLAN_ACCOUNTS].rows;
	struct str *names = mem_alloc((rows->n + 1) * sizeof(*names));
	size_t n = 0, first = 0;

	for (size_t i = 0; i < rows->n; i++)
		if (rows->v[i].bad.n == 0 && rows->v[i].box.n > 0)
			names[n++] = rows->v[i].box;
	if (n > 0)
		qsort(names, n, sizeof(*names), name_order);
	for (size_t i = 1; i <= n; i++)
		if (i == n || !str_eq(names[i], names[first])) {
			fn(arg, names[first], i - first);
			first = i;
		}
	free(names);
}
