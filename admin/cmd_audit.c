/* Who changed what on this machine. */
#include "admin/change.h"
#include "admin/handlers.h"

struct page {
	struct xml_out rows;
	int64_t left;
};

static int write_row(void *arg, const void *rec, const struct row_meta *m)
{
	const struct audit *a = rec;
	struct arena dates = ARENA(0);
	struct page *p = arg;

	(void)m;
	if (p->left-- == 0)
		return 1;
	xml_out_open(&p->rows, "change", -1);
	xml_out_int(&p->rows, "number", (int64_t)audit_number(a->number));
	xml_out_text(&p->rows, "time", field_text(table_field(&table_audit, STR("time")), a, &dates));
	xml_out_text(&p->rows, "who", a->who);
	xml_out_text(&p->rows, "from", a->from);
	xml_out_text(&p->rows, "command", a->command);
	xml_out_text(&p->rows, "what", a->what);
	xml_out_close(&p->rows, "change");
	arena_free(&dates);
	return 0;
}

/* Where the page begins: behind row `after`, which is one older. -1 after call_fail. */
static int first_key(struct call *c, char key[AUDIT_KEY + 1])
{
	uint64_t after;

	key[0] = '\0';
	if (c->args.after.n == 0)
		return 0;
	if (str_u64(c->args.after, 1, AUDIT_LAST, &after) < 0) {
		call_fail(c, 400, "bad_value", "after: \"%.*s\" is not the number of a row",
			  c->args.after.n < 40 ? (int)c->args.after.n : 40, c->args.after.p);
		return -1;
	}
	audit_key(after - 1, key);
	return 0;
}

void cmd_audit(struct call *c)
{
	struct page p = { .left = c->args.limit };
	char key[AUDIT_KEY + 1];
	struct err e = { "" };
	uint64_t total = 0;
	int rc;

	if (first_key(c, key) < 0)
		return;
	xml_out_init(&p.rows, 2);
	rc = store_read_begin(c->env->accounts, &e);
	if (rc == 0) {
		rc = store_count(c->env->accounts, &table_audit, &total, &e);
		if (rc == 0)
			rc = store_each(c->env->accounts, &table_audit, str_z(key), write_row, &p, &e);
		store_read_end(c->env->accounts);
	}
	if (rc < 0) {
		change_unavailable(c, &e);
	} else {
		xml_out_open(&c->body, "changes", (int64_t)total);
		xml_out_piece(&c->body, &p.rows);
		xml_out_close(&c->body, "changes");
	}
	xml_out_free(&p.rows);
}
