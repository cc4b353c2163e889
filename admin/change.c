#include "admin/change.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/mask.h"

int change_unavailable(struct call *c, const struct err *e)
{
	log_warning("%.*s: %s", STR_ARG(c->req->command), e->text);
	call_fail(c, 503, "store_failed", "%s", e->text);
	return -1;
}

/* --- the audit --- */

void audit_key(uint64_t number, char key[AUDIT_KEY + 1])
{
	snprintf(key, AUDIT_KEY + 1, "%016" PRIu64, (AUDIT_LAST - number) % (AUDIT_LAST + 1));
}

uint64_t audit_number(struct str key)
{
	uint64_t v;

	return key.n == AUDIT_KEY && str_u64(key, 0, AUDIT_LAST, &v) == 0 ? AUDIT_LAST - v : 0;
}

static int take_first(void *arg, const void *rec, const struct row_meta *m)
{
	(void)m;
	*(uint64_t *)arg = audit_number(((const struct audit *)rec)->number);
	return 1;
}

/* What describes a parameter; NULL: it is not known. */
static const struct field *described(const struct command *cmd, struct str name)
{
	struct param p = { .command = cmd };

	while (param_next(&p))
		if (str_eq(p.name, name))
			return p.field;
	return NULL;
}

/* Its first bytes, whole characters (of UTF-8, as all values are). */
static struct str beginning(struct str value, size_t max)
{
	size_t n = value.n < max ? value.n : max;

	while (n > 0 && n < value.n && ((unsigned char)value.p[n] & 0xc0) == 0x80)
		n--;
	return (struct str){ value.p, n };
}

static int name_value(struct buf *b, const struct command *cmd, const struct xml_param *p,
		      struct arena *a)
{
	const struct field *f = described(cmd, p->name);
	bool shown = f && !p->rows && !field_is_secret(f->kind);
	struct str whole = shown && f->kind == FK_URL ? mask_url(p->value, a) : p->value;
	struct str value = beginning(whole, shown ? LIMIT_AUDIT_VALUE : 0);

	return buf_addf(b, "%s%.*s=%.*s%s", buf_len(b) ? " " : "", STR_ARG(p->name),
			STR_ARG(value), shown && value.n == whole.n ? "" : "...");
}

struct str change_named(struct call *c)
{
	static const struct str more = STR_INIT(" ...");
	const struct command *cmd = command_find(c->req->command);
	unsigned i = 0;
	struct buf b;
	struct str out;

	buf_init(&b, LIMIT_AUDIT_WHAT - more.n);
	while (cmd && i < c->req->n && name_value(&b, cmd, &c->req->v[i], c->arena) == 0)
		i++;
	out = arena_printf(c->arena, "%.*s%s", STR_ARG(buf_str(&b)), i < c->req->n ? more.p : "");
	buf_release(&b);
	return out;
}

static int audit(struct call *c, struct str what, struct err *e)
{
	struct store *s = c->env->accounts;
	uint64_t number = 0;
	char key[AUDIT_KEY + 1], old[AUDIT_KEY + 1];
	struct audit row;

	if (store_each(s, &table_audit, STR(""), take_first, &number, e) < 0)
		return -1;
	audit_key(++number, key);
	record_defaults(&table_audit, &row);
	row.number = str_z(key);
	row.time = clock_wall_ms();
	row.who = str_z(c->who ? c->who : "");
	row.from = str_z(c->from ? c->from : "");
	row.command = c->req->command;
	row.what = what.n ? what : change_named(c);
	if (!row.what.p)
		row.what = STR("");
	if (store_put(s, &table_audit, &row, e) < 0)
		return -1;
	if (number <= LIMIT_AUDIT_ROWS)
		return 0;
	audit_key(number - LIMIT_AUDIT_ROWS, old);
	return store_delete(s, &table_audit, str_z(old), e) < 0 ? -1 : 0;
}

/* --- the transaction --- */

int change_begin(struct call *c)
{
	struct err e = { "" };

	return store_write_begin(c->env->accounts, clock_wall_ms(), &e) < 0 ?
		       change_unavailable(c, &e) :
		       0;
}

int change_commit(struct call *c, struct str what)
{
	struct err e = { "" };

	if (audit(c, what, &e) < 0) {
		change_abort(c);
		return change_unavailable(c, &e);
	}
	return store_commit(c->env->accounts, &e) < 0 ? change_unavailable(c, &e) : 0;
}

void change_abort(struct call *c)
{
	store_abort(c->env->accounts);
}

int change_note(struct call *c)
{
	return change_begin(c) < 0 || change_commit(c, STR("")) < 0 ? -1 : 0;
}
