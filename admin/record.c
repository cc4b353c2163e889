#include "admin/record.h"

#include "admin/change.h"
#include "lib/store/mask.h"

/* --- fields --- */

static void copy_field(const struct field *f, void *dst, const void *src)
{
	size_t n = field_is_text(f->kind) ? sizeof(struct str) : sizeof(int64_t);

	memcpy((char *)dst + f->offset, (const char *)src + f->offset, n);
}

static bool same_row(const struct table *t, const union record *a, const union record *b)
{
	for (unsigned i = 0; i < t->n_fields; i++)
		if (!field_same(&t->fields[i], a, b))
			return false;
	return true;
}

int record_own(struct call *c, const struct table *t, union record *rec, struct arena *a)
{
	static const struct err full = { "the request needs too much memory" };

	for (unsigned i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		struct str *s = (struct str *)(void *)((char *)rec + f->offset);

		if (!field_is_text(f->kind))
			continue;
		*s = arena_str(a, *s);
		if (!s->p)
			return change_unavailable(c, &full);
	}
	return 0;
}

static int take_field(struct call *c, const struct field *f, union record *rec, struct str value)
{
	struct err e = { "" };

	if (field_parse(f, rec, value, c->arena, &e) == 0)
		return 0;
	call_fail(c, 400, "bad_value", "%s", e.text);
	return -1;
}

int record_unmask(struct call *c, const struct field *f, void *rec, const void *old)
{
	if (f->kind != FK_URL || !mask_is_on(field_str(f, rec), c->arena))
		return 0;
	if (old && str_eq(field_str(f, rec), field_shown(f, old, c->arena))) {
		copy_field(f, rec, old);
		return 0;
	}
	call_fail(c, 400, "bad_value", "%s: its password is hidden; name it anew", f->name);
	return -1;
}

static int missing(struct call *c, const char *name)
{
	call_fail(c, 400, "missing_parameter", "%.*s needs the parameter %s",
		  STR_ARG(c->req->command), name);
	return -1;
}

/* Where two names may say it, an empty one says nothing. */
static const struct str *either(struct call *c, const char *name)
{
	const struct str *v = name ? xml_get(c->req, name) : NULL;

	return v && v->n > 0 ? v : NULL;
}

static int take_key_field(struct call *c, const struct record_kind *k,
			  const struct field *f, union record *rec)
{
	const struct str *also = either(c, k->key_also);
	const struct str *v = k->key_also ? either(c, f->name) : xml_get(c->req, f->name);

	if (v && also) {
		call_fail(c, 400, "repeated_parameter",
			  "%s and %s name the same; one is enough", f->name, k->key_also);
		return -1;
	}
	if (!v && !also)
		return missing(c, f->name);
	return take_field(c, f, rec, v ? *v : *also);
}

/* The one key of a table with one row has its default. */
static bool is_named_key(const struct field *f)
{
	return (f->flags & FF_KEY) && !(f->flags & FF_HIDDEN);
}

static int take_key(struct call *c, const struct record_kind *k, union record *rec)
{
	record_defaults(k->table, rec);
	for (unsigned i = 0; i < k->table->n_fields; i++)
		if (is_named_key(&k->table->fields[i]) &&
		    take_key_field(c, k, &k->table->fields[i], rec) < 0)
			return -1;
	return 0;
}

static int take_fields(struct call *c, const struct table *t, union record *rec, const union record *old)
{
	for (unsigned i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		const struct str *v = xml_get(c->req, f->name);

		if (f->flags & (FF_KEY | FF_HIDDEN))
			continue;
		if (!v && !old && (f->flags & FF_REQUIRED))
			return missing(c, f->name);
		if (v && (take_field(c, f, rec, *v) < 0 || record_unmask(c, f, rec, old) < 0))
			return -1;
		if (v && old && (f->flags & FF_FIXED) && !field_same(f, rec, old)) {
			call_fail(c, 400, "bad_value",
				  "%s: cannot be changed once it is set", f->name);
			return -1;
		}
	}
	return 0;
}

/* --- what the answer and its errors say --- */

static bool is_left_out(const struct field *f, const void *rec, enum record_secrets secrets)
{
	if ((f->flags & FF_HIDDEN) || ((f->flags & FF_WHEN_SET) && field_is_default(f, rec)))
		return true;
	if (secrets == SECRETS_LEFT_OUT && f->kind == FK_URL)
		return mask_hides(field_str(f, rec));
	return secrets != SECRETS_SHOWN && field_is_secret(f->kind);
}

void record_write(struct xml_out *o, const struct table *t, const void *rec,
		  enum record_secrets secrets)
{
	struct arena a = ARENA(0); /* of numbers alone: a listing must not fill the call's */

	for (unsigned i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];

		if (!is_left_out(f, rec, secrets))
			xml_out_text(o, f->name,
				     secrets == SECRETS_SHOWN ? field_text(f, rec, &a) :
								field_shown(f, rec, &a));
	}
	arena_free(&a);
}

static void write_key(struct call *c, const struct table *t, const union record *rec)
{
	for (unsigned i = 0; i < t->n_fields; i++)
		if (is_named_key(&t->fields[i]))
			xml_out_text(&c->body, t->fields[i].name, field_str(&t->fields[i], rec));
}

static void answer(struct call *c, const struct record_kind *k, const union record *rec)
{
	write_key(c, k->table, rec);
	if (k->tell)
		k->tell(c, rec);
}

/* "MAIL" or "MAIL/BOX1". */
static struct str key_shown(struct call *c, const struct table *t, const union record *rec)
{
	char key[KEY_MAX], *at;
	size_t n;

	if (record_key(t, rec, key, &n) < 0)
		return STR("");
	while ((at = memchr(key, '\0', n)))
		*at = '/';
	return arena_str(c->arena, (struct str){ key, n });
}

static int no_such(struct call *c, const struct record_kind *k, const union record *rec)
{
	struct str key = key_shown(c, k->table, rec);

	call_fail(c, 404, k->none, "no such %s: %.*s", k->noun, STR_ARG(key));
	return -1;
}

static int already(struct call *c, const struct record_kind *k, const union record *rec)
{
	struct str key = key_shown(c, k->table, rec);

	call_fail(c, 409, k->exists, "%s exists already: %.*s", k->noun, STR_ARG(key));
	return -1;
}

/* --- the store --- */

int record_load_key(struct call *c, const struct table *t, struct str key, union record *out)
{
	struct err e = { "" };
	int rc = store_get(c->env->accounts, t, key, out, NULL, &e);

	if (rc < 0)
		return change_unavailable(c, &e);
	return rc == 0 ? record_own(c, t, out, c->arena) : rc;
}

int record_load(struct call *c, const struct table *t, const union record *key, union record *out)
{
	char bytes[KEY_MAX];
	size_t n;

	if (record_key(t, key, bytes, &n) < 0)
		return STORE_NONE;
	return record_load_key(c, t, (struct str){ bytes, n }, out);
}

int record_put(struct call *c, const struct table *t, const union record *rec)
{
	struct err e = { "" };

	return store_put(c->env->accounts, t, rec, &e) < 0 ? change_unavailable(c, &e) : 0;
}

int record_drop(struct call *c, const struct table *t, const union record *rec)
{
	struct err e = { "the key is too long" };
	char key[KEY_MAX];
	size_t n;

	if (record_key(t, rec, key, &n) < 0 ||
	    store_delete(c->env->accounts, t, (struct str){ key, n }, &e) < 0)
		return change_unavailable(c, &e);
	return 0;
}

/* --- taking a change back --- */

struct change {
	const struct record_kind *k;
	bool added;
	union record before, after;
};

/* Only what the change changed: others may have changed the row since. */
static int restore(struct call *c, const struct change *ch)
{
	const struct table *t = ch->k->table;
	union record now;
	int rc = record_load(c, t, &ch->after, &now);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	for (unsigned i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];

		if (!field_same(f, &ch->before, &ch->after) && field_same(f, &now, &ch->after))
			copy_field(f, &now, &ch->before);
	}
	return record_put(c, t, &now);
}

static int remove_added(struct call *c, const struct change *ch)
{
	if (ch->k->check_delete && ch->k->check_delete(c, &ch->after) < 0)
		return -1;
	return record_drop(c, ch->k->table, &ch->after);
}

static int undo(struct call *c, struct err *e)
{
	const struct change *ch = c->undo_arg;

	if (change_begin(c) < 0)
		return err_set(e, "%s", c->err.text);
	if ((ch->added ? remove_added(c, ch) : restore(c, ch)) < 0) {
		change_abort(c);
		return err_set(e, "%s", c->err.text);
	}
	return change_commit(c, STR("taken back")) < 0 ? err_set(e, "%s", c->err.text) : 0;
}

static int remember(struct call *c, const struct record_kind *k, const union record *rec,
		    const union record *old)
{
	static const struct err full = { "the request needs too much memory" };
	struct change *ch = arena_alloc(c->arena, sizeof(*ch));

	if (!ch)
		return change_unavailable(c, &full);
	*ch = (struct change){ .k = k, .added = !old, .after = *rec };
	if (old)
		ch->before = *old;
	c->undo_arg = ch;
	return 0;
}

/* --- add and modify --- */

/* Inside the transaction. rec holds the key, then the whole row. 1: nothing changes. */
static int change_row(struct call *c, const struct record_kind *k, bool adding, union record *rec)
{
	union record stored, *old = adding ? NULL : &stored;
	int rc = record_load(c, k->table, rec, &stored);

	if (rc < 0)
		return -1;
	if (rc == STORE_NONE && k->always) {
		record_defaults(k->table, &stored);
		rc = 0;
	}
	if (adding && rc == 0)
		return already(c, k, rec);
	if (!adding && rc == STORE_NONE)
		return no_such(c, k, rec);
	if (old)
		*rec = *old;
	if (take_fields(c, k->table, rec, old) < 0 || (k->check && k->check(c, rec, old) < 0))
		return -1;
	if (old && same_row(k->table, rec, old))
		return 1;
	if (k->undo && remember(c, k, rec, old) < 0)
		return -1;
	return record_put(c, k->table, rec);
}

static void change(struct call *c, const struct record_kind *k, bool adding)
{
	union record rec;
	int rc;

	if (take_key(c, k, &rec) < 0 || change_begin(c) < 0)
		return;
	rc = change_row(c, k, adding, &rec);
	if (rc != 0)
		change_abort(c);
	else if (change_commit(c, STR("")) < 0)
		return;
	if (rc < 0)
		return;
	c->publish = k->publish && rc == 0;
	c->stands = k->publish && rc == 1;
	c->undo = k->undo && rc == 0 ? undo : NULL;
	answer(c, k, &rec);
}

void record_add(struct call *c, const struct record_kind *k)
{
	change(c, k, true);
}

void record_modify(struct call *c, const struct record_kind *k)
{
	change(c, k, false);
}

/* --- delete and get --- */

static int delete_row(struct call *c, const struct record_kind *k, const union record *key)
{
	union record rec;
	int rc = record_load(c, k->table, key, &rec);

	if (rc < 0)
		return -1;
	if (rc == STORE_NONE)
		return no_such(c, k, key);
	if (k->check_delete && k->check_delete(c, &rec) < 0)
		return -1;
	return record_drop(c, k->table, &rec);
}

void record_delete(struct call *c, const struct record_kind *k)
{
	union record key;

	if (take_key(c, k, &key) < 0 || change_begin(c) < 0)
		return;
	if (delete_row(c, k, &key) < 0) {
		change_abort(c);
		return;
	}
	if (change_commit(c, STR("")) < 0)
		return;
	c->publish = k->publish;
	write_key(c, k->table, &key);
	if (k->tell_deleted)
		k->tell_deleted(c, &key);
}

int record_get(struct call *c, const struct record_kind *k, bool secrets, union record *rec)
{
	struct err e = { "" };
	union record key;
	int rc;

	if (take_key(c, k, &key) < 0)
		return -1;
	if (store_read_begin(c->env->accounts, &e) < 0)
		return change_unavailable(c, &e);
	rc = record_load(c, k->table, &key, rec);
	store_read_end(c->env->accounts);
	if (rc == STORE_NONE && k->always) {
		record_defaults(k->table, rec);
		rc = 0;
	}
	if (rc == STORE_NONE)
		return no_such(c, k, &key);
	if (rc == 0)
		record_write(&c->body, k->table, rec,
			     secrets ? SECRETS_SHOWN : SECRETS_MASKED);
	return rc;
}
