/* Any history of writes: a model beside the store. After each transaction the store shows just
 * the model, each row stands once in the index, and stamps moved where something changed. */
#include "lib/store/store_write.c"

#include <check.h>

#include "unit/random_record.h"
#include "unit/store_rig.h"

#define ROWS 128
#define MODEL_KEYS 3 /* in each of two domains; few, so that histories meet */

struct model_row {
	const struct table *t;
	char key[KEY_MAX];
	size_t n;
	bool live;
	union any_record rec; /* texts in the arena */
	uint64_t stamp, seq;
};
static struct model {
	struct model_row v[ROWS];
	size_t n;
} model, saved;
static struct arena model_arena;

static void random_row(const struct table *t, struct model_row *row)
{
	const struct field *f;

	row->t = t;
	random_record(t, &row->rec, &model_arena);
	for (unsigned i = 0; i < t->n_fields; i++) {
		f = &t->fields[i];
		if (f->flags & FF_KEY)
			*(struct str *)(void *)(row->rec.bytes + f->offset) =
				arena_printf(&model_arena,
					     f->kind == FK_BYTES ? "k%014u%u" : "k%u@d%u",
					     rnd(MODEL_KEYS), rnd(2));
	}
	must(record_key(t, &row->rec, row->key, &row->n) == 0, "key");
}

static struct model_row *model_find(const struct model_row *like)
{
	for (size_t i = 0; i < model.n; i++)
		if (model.v[i].t == like->t && model.v[i].n == like->n &&
		    memcmp(model.v[i].key, like->key, like->n) == 0)
			return &model.v[i];
	return NULL;
}

static struct str key_str(const struct model_row *r)
{
	return (struct str){ r->key, r->n };
}

static bool same_row(const struct model_row *a, const struct model_row *b)
{
	for (unsigned i = 0; i < a->t->n_fields; i++)
		if (!field_same(&a->t->fields[i], &a->rec, &b->rec))
			return false;
	return true;
}

/* Stamp and place of the row must be newer than before, or exactly those. */
static void model_touch(struct model_row *r, bool moved)
{
	struct row_meta m;

	memset(&m, 0, sizeof(m));
	must(store_get(rig, r->t, key_str(r), NULL, &m, &rig_err) == (r->live ? 0 : STORE_NONE),
	     "the row is live as it should be");
	if (!r->t->replicated)
		return;
	must(moved ? m.stamp > r->stamp && m.seq > r->seq : m.stamp == r->stamp && m.seq == r->seq,
	     "stamp and place move with a change and only then");
	r->stamp = m.stamp;
	r->seq = m.seq;
}

static void random_put(const struct table *t)
{
	struct model_row row, *old;
	bool moved;

	memset(&row, 0, sizeof(row));
	random_row(t, &row);
	old = model_find(&row);
	if (old && old->live && rnd(3) == 0) { /* one field only, or none */
		memcpy(&row, old, sizeof(row));
		if (rnd(2)) {
			const struct field *f = &t->fields[rnd(t->n_fields)];

			if (!(f->flags & FF_KEY))
				random_field(f, &row.rec, &model_arena);
		}
	}
	moved = !old || !old->live || !same_row(old, &row);
	ok(store_put(rig, t, &row.rec, &rig_err));
	if (!old) {
		must(model.n < ROWS, "few rows");
		old = &model.v[model.n++];
		memset(old, 0, sizeof(*old));
	} else {
		row.stamp = old->stamp;
		row.seq = old->seq;
	}
	row.live = true;
	memcpy(old, &row, sizeof(row));
	model_touch(old, moved);
}

static void model_drop(struct model_row *r)
{
	memmove(r, &model.v[--model.n], sizeof(*r));
}

static void random_delete(const struct table *t)
{
	struct model_row row, *old;

	random_row(t, &row);
	old = model_find(&row);
	must(store_delete(rig, t, key_str(&row), &rig_err) == (old && old->live ? 0 : STORE_NONE),
	     "deleted when there");
	if (!old || !old->live)
		return;
	old->live = false;
	if (t->replicated && !t->compact)
		model_touch(old, true);
	else
		model_drop(old);
}

static void random_expire(const struct table *t)
{
	struct model_row row, *old;

	random_row(t, &row);
	old = model_find(&row);
	must(store_expire(rig, t, key_str(&row), &rig_err) == (old ? 0 : STORE_NONE), "expired");
	if (old)
		model_drop(old);
}

static void random_collect(void)
{
	int64_t age = rnd(2000);
	uint64_t before = rig_wall > age ? (uint64_t)(rig_wall - age) << 16 : 0;
	int limit = 1 + (int)rnd(10), gone = 0;
	int n = store_collect(rig, rig_wall, age, limit, &rig_err);

	for (size_t i = model.n; i-- > 0;) {
		struct model_row *r = &model.v[i];
		struct row_meta m;

		memset(&m, 0, sizeof(m));
		must(store_get(rig, r->t, key_str(r), NULL, &m, &rig_err) == (r->live ? 0 : STORE_NONE),
		     "collecting takes no live row");
		if (r->live || m.seq)
			continue;
		must(r->stamp < before, "an old tombstone");
		model_drop(r);
		gone++;
	}
	must(n == gone && n <= limit, "collected as many as it says");
}

static void random_change(void)
{
	const struct table *t = rig->tables[0];
	unsigned n = 0;

	for (int i = 0; rig->tables[i]; i++)
		if (rnd(++n) == 0)
			t = rig->tables[i];
	switch (rnd(10)) {
	case 0:
	case 1:
	case 2:
		random_delete(t);
		break;
	case 3:
		random_expire(t);
		break;
	case 4:
		random_collect();
		break;
	default:
		random_put(t);
	}
}

static int by_key(const void *pa, const void *pb)
{
	const struct model_row *a = pa, *b = pb;

	return str_cmp(key_str(a), key_str(b));
}

struct walk {
	const struct model_row *next, *end;
};

static int walk_row(void *arg, const void *rec, const struct row_meta *m)
{
	struct walk *w = arg;

	while (w->next < w->end && !w->next->live)
		w->next++;
	must(w->next < w->end, "no row too many");
	must_be_same(w->next->t, rec, &w->next->rec);
	must(m->seq == w->next->seq && m->stamp == w->next->stamp, "meta");
	w->next++;
	return 0;
}

/* The store shows exactly the model, in order of keys. */
static void model_check(void)
{
	static struct model_row sorted[ROWS];

	read_begin();
	for (int i = 0; rig->tables[i]; i++) {
		struct walk w = { sorted, sorted };
		uint64_t n, live = 0;

		for (size_t j = 0; j < model.n; j++) {
			if (model.v[j].t != rig->tables[i])
				continue;
			sorted[w.end++ - sorted] = model.v[j];
			live += model.v[j].live;
		}
		qsort(sorted, (size_t)(w.end - sorted), sizeof(*sorted), by_key);
		ok(store_each(rig, rig->tables[i], STR(""), walk_row, &w, &rig_err));
		while (w.next < w.end && !w.next->live)
			w.next++;
		must(w.next == w.end, "no row missing");
		ok(store_count(rig, rig->tables[i], &n, &rig_err));
		must(n == live, "count");
	}
	store_read_end(rig);
	rig_check();
}

static void random_transaction(void)
{
	size_t changes = 1 + rnd(8);

	memcpy(&saved, &model, sizeof(model));
	rig_wall += (int64_t)rnd(2000) - 500;
	begin();
	while (changes-- > 0)
		random_change();
	if (rnd(4)) {
		commit();
	} else {
		store_abort(rig);
		memcpy(&model, &saved, sizeof(model));
	}
}

static void history(enum store_env env, int transactions)
{
	uint64_t clock = 0;

	model_arena = ARENA(0);
	model.n = 0;
	for (int i = 0; i < transactions; i++) {
		random_transaction();
		if (rnd(30) == 0) {
			store_close(&rig);
			rig_open_env(env);
		}
		must(info().clock_mark >= clock, "the clock never goes back");
		clock = info().clock_mark;
		model_check();
	}
	arena_free(&model_arena);
}

START_TEST(any_history_of_accounts)
{
	property_seed += (uint64_t)_i * 7919;
	history(STORE_ACCOUNTS, 250);
}
END_TEST

START_TEST(any_history_of_traffic)
{
	property_seed += (uint64_t)_i * 104729;
	store_close(&rig);
	rig_open_env(STORE_TRAFFIC);
	history(STORE_TRAFFIC, 250);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_history");
	TCase *t = tcase_create("store_history");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_checked_fixture(t, rig_setup, rig_teardown);
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, any_history_of_accounts, 0, 4);
	tcase_add_loop_test(t, any_history_of_traffic, 0, 4);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
