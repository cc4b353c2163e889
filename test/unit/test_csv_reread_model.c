/* Any difference between store and files: a model beside the store. Small differences are
 * patched, large ones written anew; either way it is what the rules make of each address. */
#include "lib/store/csv_reread.c"

#include <check.h>
#include <fcntl.h>

#include "unit/child.h"
#include "unit/csv_rig.h"

#define ADDRESSES 6000

/* What stands under an address; of a line: what it says. */
enum { NOTHING = -1, BAD = -2 };
struct model {
	int account, alias; /* a number that stands in the row */
	uint64_t seq[2];
};
static struct model model[ADDRESSES], line_of[ADDRESSES];
static struct csv_report expected;

static const char *address_of(int i)
{
	static char text[32];

	snprintf(text, sizeof(text), "u%04d@d%d.example", i, i % 7);
	return text;
}

/* A row as it is, as one in so many, or as something else. */
static int another(int was, unsigned one_in)
{
	static const int kinds[] = { NOTHING, BAD, 0, 1, 2 };

	return rnd(one_in) ? was : kinds[rnd(ARRAY_LEN(kinds))];
}

static void model_files(unsigned one_in)
{
	for (int i = 0; i < ADDRESSES; i++) {
		line_of[i].account = another(model[i].account, one_in);
		line_of[i].alias = another(model[i].alias, one_in);
	}
}

static void write_model_line(FILE *f, int i, int n, bool account)
{
	expected.read++;
	expected.skipped += n == BAD;
	if (n == BAD)
		fprintf(f, "%s\t%s\n", address_of(i), account ? "p\tM 1" : "no address");
	else if (account)
		fprintf(f, "%s\tp%d\tM%d\n", address_of(i), n, n % 2);
	else
		fprintf(f, "%s\tm%d@x.y\n", address_of(i), n);
}

/* In an order that jumps; some lines once more, which does not count. */
static void write_model_file(const char *file, bool account)
{
	FILE *f = fopen(rig_path(file), "w");

	for (int k = 0; k < ADDRESSES; k++) {
		int i = k * 3571 % ADDRESSES;
		int n = account ? line_of[i].account : line_of[i].alias;

		if (n != NOTHING)
			write_model_line(f, i, n, account);
		if (n != NOTHING && rnd(500) == 0) {
			fprintf(f, "%s\tagain@x.y\n", address_of(i));
			expected.read++;
			expected.skipped++;
		}
	}
	fclose(f);
}

static void count_change(int was, int is)
{
	expected.added += was == NOTHING && is != NOTHING;
	expected.removed += was != NOTHING && is == NOTHING;
	expected.changed += was != NOTHING && is != NOTHING && was != is;
}

/* What the rules make of one address. */
static void model_reread(struct model *m, const struct model *l)
{
	int account = l->account == BAD ? m->account : l->account;
	int alias = l->alias == BAD ? m->alias : l->alias;

	if (account != NOTHING) {
		expected.skipped += l->alias >= 0;
		alias = NOTHING;
	}
	count_change(m->account, account);
	count_change(m->alias, alias);
	m->seq[0] = m->account == account ? m->seq[0] : 0; /* 0: a new one */
	m->seq[1] = m->alias == alias ? m->seq[1] : 0;
	m->account = account;
	m->alias = alias;
}

static void check_row(const struct table *t, int i, int n, uint64_t *seq)
{
	union any_record rec;
	struct row_meta m;
	char want[16];
	int rc = store_get(rig, t, str_z(address_of(i)), &rec, &m, &rig_err);

	ok(rc);
	must(rc == (n == NOTHING ? STORE_NONE : 0), "the row is there as it should be");
	if (rc != 0)
		return;
	snprintf(want, sizeof(want), t == &table_accounts ? "p%d" : "m%d@x.y", n);
	must(str_eq(field_str(&t->fields[1], &rec), str_z(want)), "it says what it should");
	must(*seq == 0 || m.seq == *seq, "a row that stays is not touched");
	*seq = m.seq;
}

static void check_model(void)
{
	read_begin();
	for (int i = 0; i < ADDRESSES; i++) {
		check_row(&table_accounts, i, model[i].account, &model[i].seq[0]);
		check_row(&table_aliases, i, model[i].alias, &model[i].seq[1]);
	}
	store_read_end(rig);
}

/* One in so many rows differs. */
static const unsigned differ[] = { 1, 3, 60, 2000, 100, 1, 100000, 2, 40 };

START_TEST(any_difference)
{
	property_seed += (uint64_t)_i * 7919;
	for (int i = 0; i < ADDRESSES; i++)
		model[i] = (struct model){ NOTHING, NOTHING, { 0, 0 } };
	for (size_t k = 0; k < ARRAY_LEN(differ); k++) {
		expected = (struct csv_report){ 0 };
		model_files(differ[k]);
		write_model_file("email.csv", true);
		write_model_file("alias.csv", false);
		for (int i = 0; i < ADDRESSES; i++)
			model_reread(&model[i], &line_of[i]);
		reread();
		reported(expected.read, expected.skipped, expected.added,
			 expected.changed, expected.removed);
		check_model();
	}
}
END_TEST

/* --- look-ups beside it --- */

#define BESIDE 20000
#define SET 64 /* look-ups of one transaction */

static void write_words(char word)
{
	FILE *f = fopen(rig_path("email.csv"), "w");

	for (int i = 0; i < BESIDE; i++)
		fprintf(f, "u%05d@b.c\t%c%d\n", i, word, i);
	fclose(f);
}

/* The first letter of all passwords of a set; 0: they differ, or one is missing. */
static char word_of_set(void)
{
	char word = 0, address[32];

	ok(store_read_begin(rig, &rig_err));
	for (int i = 0; i < SET; i++) {
		struct account a;

		snprintf(address, sizeof(address), "u%05u@b.c", rnd(BESIDE));
		if (store_account(rig, str_z(address), &a, &rig_err) != 0 ||
		    (word && a.user_password.p[0] != word))
			return 0;
		word = a.user_password.p[0];
	}
	store_read_end(rig);
	return word;
}

struct beside {
	int up[2], stop[2];
};

/* Says when it has seen the first file, and looks until it is told to stop: the last one must
 * be there then. */
static bool look_beside(void *arg)
{
	struct beside *b = arg;
	char c = 0, word = 'p';

	close(b->stop[1]);
	if (store_open(&rig, rig_dir, STORE_ACCOUNTS, STORE_READ, &rig_err) < 0 ||
	    word_of_set() != 'p' || write(b->up[1], &c, 1) != 1)
		return false;
	fcntl(b->stop[0], F_SETFL, O_NONBLOCK);
	do {
		word = word_of_set();
	} while (word && read(b->stop[0], &c, 1) < 0);
	return word && word_of_set() == 'r';
}

START_TEST(look_ups_see_one_file)
{
	static const char words[] = "qpqpqpqpr";
	struct beside b;
	pid_t pid[2];
	char c;

	write_words('p');
	write_file("alias.csv", "");
	reread();
	store_close(&rig); /* it must not cross a fork */
	must(pipe(b.up) == 0 && pipe(b.stop) == 0, "pipe");
	for (size_t i = 0; i < ARRAY_LEN(pid); i++)
		pid[i] = child_start(look_beside, &b);
	rig_open_env(STORE_ACCOUNTS);
	for (size_t i = 0; i < ARRAY_LEN(pid); i++)
		must(read(b.up[0], &c, 1) == 1, "it looks");
	for (const char *w = words; *w; w++) {
		write_words(*w);
		ok(reread_all(rig, rig_dir, rig_wall, &report, &rig_err));
		reported(BESIDE, 0, 0, BESIDE, 0);
	}
	close(b.stop[1]);
	for (size_t i = 0; i < ARRAY_LEN(pid); i++)
		ck_assert(child_ended_well(pid[i]));
	rig_check();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("csv_reread_model");
	TCase *t = tcase_create("csv_reread_model");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_test(t, look_ups_see_one_file);
	tcase_add_loop_test(t, any_difference, 0, 3);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
