/* Random tables of accounts and aliases, with loops, duplicates, depth, gaps, catch-alls, tags
 * and members elsewhere, routed and compared to a naive model. */
#include "lib/route/route.c"

#include <check.h>
#include <stdio.h>

#include "unit/route_rig.h"

#define USERS 6
#define LISTS 22
#define NAMES (USERS + LISTS)
#define MOST_MEMBERS 5

/* Addresses of a small world: users and lists of two domains of ours and one that is not; any
 * may stand in the tables or not. */
struct world {
	char address[NAMES][24];
	bool account[NAMES], alias[NAMES];
	unsigned box[NAMES];
	struct {
		char v[MOST_MEMBERS][24];
		unsigned n;
	} members[NAMES];
	int catch_all[2]; /* by domain: -1 none, else the account (USERS: its own row) or list */
	bool ours[2];
};

static const char *const domains[] = { "a.org", "b.org", "f.net" };

static void some_address(struct world *w, char out[24])
{
	unsigned kind = rnd(20);

	if (kind == 0)
		snprintf(out, 24, "stranger%u@%s", rnd(3), domains[rnd(3)]);
	else if (kind == 1)
		snprintf(out, 24, "u%u+tag@%s", rnd(USERS), domains[rnd(3)]);
	else
		memcpy(out, w->address[rnd(NAMES)], 24);
}

static void world_make(struct world *w)
{
	bool chain = rnd(3) == 0;

	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < NAMES; i++)
		snprintf(w->address[i], 24, "%c%u@%s", i < USERS ? 'u' : 'l', i, domains[i % 2]);
	for (unsigned i = 0; i < NAMES; i++) {
		w->account[i] = i < USERS ? rnd(5) > 0 : rnd(30) == 0;
		w->alias[i] = i < USERS ? rnd(20) == 0 : rnd(8) > 0;
		w->box[i] = rnd(3);
		w->members[i].n = 1 + rnd(MOST_MEMBERS);
		for (unsigned j = 0; j < MOST_MEMBERS; j++)
			some_address(w, w->members[i].v[j]);
		if (chain && i >= USERS) { /* deep ones */
			w->members[i].n = 1 + rnd(2);
			memcpy(w->members[i].v[0], w->address[(i + 1) % NAMES], 24);
		}
	}
	for (unsigned d = 0; d < 2; d++)
		w->catch_all[d] = rnd(3) ? -1 : (int)rnd(NAMES);
}

/* The row behind exactly this address: its number, or -1. */
static int exact(const struct world *w, const char *address)
{
	for (int i = 0; i < NAMES; i++)
		if ((w->account[i] || w->alias[i]) && strcmp(w->address[i], address) == 0)
			return i;
	return -1;
}

static int domain_of(const char *address)
{
	const char *at = strchr(address, '@') + 1;

	for (int d = 0; d < 3; d++)
		if (strcmp(at, domains[d]) == 0)
			return d;
	return -1;
}

static bool has_rows(const struct world *w, int d)
{
	for (int i = 0; i < NAMES; i++)
		if ((w->account[i] || w->alias[i]) && domain_of(w->address[i]) == d)
			return true;
	return d < 2 && w->catch_all[d] >= 0;
}

static int model_find(const struct world *w, const char *address)
{
	const char *plus = strchr(address, '+');
	int i = exact(w, address), d = domain_of(address);

	if (i < 0 && plus && smtp.row.plus_addressing) {
		char plain[24];

		snprintf(plain, sizeof(plain), "%.*s%s", (int)(plus - address), address,
			 strchr(plus, '@'));
		i = exact(w, plain);
	}
	if (i < 0 && d < 2 && w->catch_all[d] >= 0)
		i = w->catch_all[d]; /* its row holds what that name's row would */
	return i;
}

struct model {
	char seen[200][24];
	unsigned n;
	char targets[200][64]; /* as text, sorted */
	unsigned n_targets;
};

static bool model_add(struct model *m, const char *address)
{
	for (unsigned i = 0; i < m->n; i++)
		if (strcmp(m->seen[i], address) == 0)
			return false;
	memcpy(m->seen[m->n++], address, 24);
	return true;
}

static void target_text(char out[64], const char *address, const char *box, bool foreign)
{
	snprintf(out, 64, "%.40s>%.10s%s", address, box, foreign ? "!" : "");
}

static int text_order(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* An account before an alias; a catch-all row is an account where the name it copies is one. */
static enum route_result model_route(const struct world *w, const char *address, struct model *m)
{
	unsigned from = 0, to;

	m->n = m->n_targets = 0;
	model_add(m, address);
	for (unsigned level = 0; from < m->n; level++, from = to) {
		if (level > LIMIT_ALIAS_DEPTH)
			return ROUTE_TOO_MANY;
		to = m->n;
		for (unsigned i = from; i < to; i++) {
			const char *a = m->seen[i];
			int row = model_find(w, a), d = domain_of(a);
			char *text = m->targets[m->n_targets];

			if (row >= 0 && w->account[row]) {
				static const char *const ids[] = { "BOX1", "BOX2", "NONE" };

				target_text(text, a, ids[w->box[row]], false);
				m->n_targets++;
			} else if (row >= 0 && w->alias[row]) {
				for (unsigned j = 0; j < w->members[row].n; j++)
					model_add(m, w->members[row].v[j]);
			} else if (i > 0 && !has_rows(w, d)) {
				target_text(text, a, "RELAY", true);
				m->n_targets++;
			}
		}
	}
	qsort(m->targets, m->n_targets, sizeof(m->targets[0]), text_order);
	if (m->n_targets > 0)
		return ROUTE_OK;
	return has_rows(w, domain_of(address)) ? ROUTE_UNKNOWN : ROUTE_FOREIGN;
}

static void put_row(const struct world *w, int i, const char *address)
{
	static const char *const ids[] = { "BOX1", "BOX2", "NONE" };
	char text[MOST_MEMBERS * 24];
	size_t n = 0;

	if (w->account[i]) {
		struct account a = account_of(address, "x");

		a.boxid = str_z(ids[w->box[i]]);
		ok(store_put(rig, &table_accounts, &a, &rig_err));
	}
	if (w->alias[i]) {
		struct alias a;

		for (unsigned j = 0; j < w->members[i].n; j++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", j ? "," : "",
					      w->members[i].v[j]);
		record_defaults(&table_aliases, &a);
		a.alias_address = str_z(address);
		a.alias_list = str_z(text);
		ok(store_put(rig, &table_aliases, &a, &rig_err));
	}
}

static int delete_row(void *arg, const void *rec, const struct row_meta *m)
{
	struct str *keys = arg;

	(void)m;
	while (keys->n > 0)
		keys++;
	*keys = arena_str(&arena, *(const struct str *)rec); /* first field of both tables */
	return 0;
}

static void delete_all(const struct table *t)
{
	struct str keys[NAMES + 8] = { { NULL, 0 } };

	read_begin();
	ok(store_each(rig, t, STR(""), delete_row, keys, &rig_err));
	store_read_end(rig);
	begin();
	for (struct str *k = keys; k->n > 0; k++)
		ok(store_delete(rig, t, *k, &rig_err));
	commit();
}

static void world_put(struct world *w)
{
	delete_all(&table_accounts);
	delete_all(&table_aliases);
	begin();
	for (int i = 0; i < NAMES; i++)
		put_row(w, i, w->address[i]);
	for (int d = 0; d < 2; d++) {
		int row = w->catch_all[d];
		char address[24];

		snprintf(address, sizeof(address), "@%s", domains[d]);
		if (row >= 0 && !w->account[row] && !w->alias[row])
			w->catch_all[d] = -1;
		if (w->catch_all[d] >= 0)
			put_row(w, w->catch_all[d], address);
	}
	commit();
}

static unsigned sorted_targets(char out[200][64])
{
	for (unsigned i = 0; i < list.n; i++) {
		const struct target *t = &list.v[i];
		bool lost = str_eq(t->boxid, STR("NONE"));
		char address[64];

		must(t->foreign || (t->result == ROUTE_OK) == !lost, "result");
		snprintf(address, sizeof(address), "%.*s", STR_ARG(t->address));
		target_text(out[i], address, t->foreign	   ? "RELAY" :
					     t->box	   ? t->box->row.boxid.p :
							     "NONE", t->foreign);
	}
	qsort(out, list.n, sizeof(out[0]), text_order);
	return list.n;
}

START_TEST(as_the_model)
{
	static struct world w;
	static struct model m;
	static char got[200][64];
	unsigned results[ROUTE_ERROR + 1] = { 0 };

	for (int round = 0; round < 150; round++) {
		world_make(&w);
		world_put(&w);
		for (int i = 0; i < 60; i++) {
			char address[24];
			enum route_result want, res;

			arena_free(&arena);
			some_address(&w, address);
			smtp.row.plus_addressing = rnd(4) > 0;
			want = model_route(&w, address, &m);
			res = route(address);
			results[res]++;
			must(res == want, "result");
			if (res != ROUTE_OK) {
				must(list.n == 0, "no targets");
				continue;
			}
			must(sorted_targets(got) == m.n_targets, "as many");
			for (unsigned j = 0; j < m.n_targets; j++)
				must(strcmp(got[j], m.targets[j]) == 0, "the same");
		}
	}
	for (int i = 0; i < ROUTE_ERROR; i++)
		ck_assert(results[i] > 0 || i == ROUTE_NO_BOX || i == ROUTE_BOX_DOWN ||
			  i == ROUTE_NO_RELAY);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("route_model");
	TCase *t = tcase_create("route_model");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, route_setup, route_teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, as_the_model);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
