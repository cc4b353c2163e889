/* Finding and moving accounts and aliases at size. */
#include "admin/change.h"
#include "admin/cluster.h"
#include "admin/handlers.h"
#include "admin/record.h"

#define MOVE_BATCH 1000 /* rows copied at a time */

/* --- a page --- */

struct page {
	struct call *c;
	struct xml_out rows;
	const struct table *table;
	const char *row;
	bool full; /* the next row did not fit: the page ends before it */
};

/* The walk goes on behind a page that is full: for the total. */
static int write_row(void *arg, const void *rec, const struct row_meta *m)
{
	struct page *p = arg;
	size_t before = buf_len(&p->rows.buf);

	(void)m;
	if (p->full)
		return 0;
	xml_out_open(&p->rows, p->row, -1);
	record_write(&p->rows, p->table, rec, SECRETS_MASKED);
	xml_out_close(&p->rows, p->row);
	p->full = p->rows.full || buf_len(&p->rows.buf) > LIMIT_XML_PAGE;
	if (p->full)
		xml_out_cut(&p->rows, before);
	return 0;
}

/* list: name of the element around the rows. */
static void search(struct call *c, const struct table *t, const char *list, const char *row)
{
	const struct args *a = &c->args;
	struct store_query q = { .query = a->query,
				 .boxid = call_text(c, "boxid"),
				 .after = a->after,
				 .offset = (uint64_t)a->offset,
				 .limit = (unsigned)a->limit,
				 .boxless = a->no_box };
	struct page p = { .c = c, .table = t, .row = row };
	struct err e = { "" };
	uint64_t total = 0;
	int rc;

	xml_out_init(&p.rows, 2);
	rc = store_read_begin(c->env->accounts, &e);
	if (rc == 0) {
		rc = store_search(c->env->accounts, t, &q, write_row, &p, &total, &e);
		store_read_end(c->env->accounts);
	}
	if (rc < 0) {
		change_unavailable(c, &e);
	} else {
		xml_out_open(&c->body, list, (int64_t)total);
		xml_out_piece(&c->body, &p.rows);
		xml_out_close(&c->body, list);
	}
	xml_out_free(&p.rows);
}

void cmd_searchemail(struct call *c)
{
	if (c->args.no_box && call_text(c, "boxid").n > 0)
		call_fail(c, 400, "bad_value", "no_box: 1 goes with no boxid");
	else
		search(c, &table_accounts, "emails", "email");
}

void cmd_searchalias(struct call *c)
{
	search(c, &table_aliases, "aliases", "alias");
}

/* --- moving --- */

struct batch {
	struct arena arena; /* of the keys */
	struct str keys[MOVE_BATCH];
	unsigned n;
};

static int collect(void *arg, const void *rec, const struct row_meta *m)
{
	struct batch *b = arg;

	(void)m;
	b->keys[b->n++] = arena_str(&b->arena, ((const struct account *)rec)->email_address);
	return 0;
}

/* 1: moved; 0: it was there already; -1 after call_fail. */
static int move_one(struct call *c, struct str key, struct str boxid, struct arena *a)
{
	struct err e = { "" };
	union record rec;
	int rc = store_get(c->env->accounts, &table_accounts, key, &rec, NULL, &e);

	if (rc < 0)
		return change_unavailable(c, &e);
	if (rc == STORE_NONE) {
		call_fail(c, 404, "no_such_email", "no such email address: %.*s", STR_ARG(key));
		return -1;
	}
	if (str_eq(rec.account.boxid, boxid))
		return 0;
	if (record_own(c, &table_accounts, &rec, a) < 0)
		return -1;
	rec.account.boxid = boxid;
	return record_put(c, &table_accounts, &rec) < 0 ? -1 : 1;
}

static int move_batch(struct call *c, struct batch *b, struct str boxid, int64_t *moved)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct arena a = ARENA(0); /* of one row */
		int rc = move_one(c, b->keys[i], boxid, &a);

		arena_free(&a);
		if (rc < 0)
			return -1;
		*moved += rc;
	}
	atomic_fetch_add(&c->env->work->rows.done, b->n);
	return 0;
}

/* The next accounts of the box: 0, or -1 after call_fail. Those that have moved are none of them
 * any more. */
static int next_batch(struct call *c, struct str from, struct batch *b)
{
	struct store_query q = { .boxid = from, .limit = MOVE_BATCH };
	struct csv_progress *p = &c->env->work->rows;
	struct err e = { "" };
	uint64_t left;

	b->arena = ARENA(0);
	b->n = 0;
	if (store_search(c->env->accounts, &table_accounts, &q, collect, b, &left, &e) < 0)
		return change_unavailable(c, &e);
	atomic_store(&p->of, atomic_load(&p->done) + left);
	return 0;
}

/* All accounts of a box, in the one transaction that is open. */
static int move_all(struct call *c, struct str from, struct str boxid, int64_t *moved)
{
	struct batch *b = arena_alloc(c->arena, sizeof(*b));
	static const struct err full = { "the request needs too much memory" };
	int rc = 0;

	if (!b)
		return change_unavailable(c, &full);
	if (str_eq(from, boxid))
		return 0;
	do {
		rc = next_batch(c, from, b);
		if (rc == 0)
			rc = move_batch(c, b, boxid, moved);
		arena_free(&b->arena);
	} while (rc == 0 && b->n > 0);
	return rc;
}

static int move(struct call *c, int64_t *moved)
{
	struct str address = call_text(c, "email_address"), boxid = call_text(c, "boxid");
	int rc;

	if (address.n == 0)
		return move_all(c, c->args.from_boxid, boxid, moved);
	rc = move_one(c, address, boxid, c->arena);
	*moved = rc > 0;
	return rc < 0 ? -1 : 0;
}

void cmd_moveemail(struct call *c)
{
	struct str address = call_text(c, "email_address"), boxid = call_text(c, "boxid");
	int64_t moved = 0;

	if ((address.n == 0) == (c->args.from_boxid.n == 0)) {
		call_fail(c, 400, address.n ? "bad_value" : "missing_parameter",
			  "moveemail needs either email_address or from_boxid");
		return;
	}
	if (change_begin(c) < 0)
		return;
	if (move(c, &moved) < 0 || (moved > 0 && change_commit(c, STR("")) < 0)) {
		change_abort(c);
		return;
	}
	change_abort(c); /* nothing moved: nothing to write; else it is over */
	xml_out_int(&c->body, "moved", moved);
	if (!box_known(c, boxid))
		xml_out_text(&c->body, "warning", STR("no cluster has a box of that name: mail to "
						      "the accounts gets a temporary error"));
}
