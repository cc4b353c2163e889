/* naming: whose domain is named by too many, and the laws of merging. */
#include "lib/guard/naming.c"

#include "lib/base/hash.h"

#define RECORD struct naming_record
#define PACKED NAMING_PACKED
#define ENCODE naming_encode
#define DECODE naming_decode
#define MERGE naming_merge
#include "unit/guard_pure.h"

#define WINDOW INT64_C(2592000000)

static uint64_t network(uint64_t i)
{
	return hash_stable((struct str){ (const char *)&i, sizeof(i) }, 7);
}

static const struct {
	unsigned networks, mails_each, established, least, most; /* established: of a network's mails */
} cases[] = {
	{ 0, 0, 0, 0, 0 },	  { 1, 1, 0, 1, 1 },	 { 40, 1, 1, 26, 36 },
	{ 40, 4, 4, 0, 6 },	  { 24, 100, 99, 0, 0 }, { 3, 1, 0, 3, 3 },
	{ 1000, 1, 1, 600, 900 }, { 40, 9, 0, 34, 46 },	 { 40, 9, 2, 14, 26 },
};

START_TEST(strangers)
{
	static struct naming_record r;
	uint64_t n;

	memset(&r, 0, sizeof(r));
	for (unsigned i = 0; i < cases[_i].networks; i++)
		for (unsigned m = 0; m < cases[_i].mails_each; m++)
			naming_note(&r, network(i), m < cases[_i].established, 1, WALL + m, WINDOW);
	n = naming_strangers(&r, WALL + 100, WINDOW);
	ck_assert_uint_ge(n, cases[_i].least);
	ck_assert_uint_le(n, cases[_i].most);
	if (cases[_i].networks > 0)
		ck_assert_uint_eq(naming_strangers(&r, naming_expiry(&r, WINDOW), WINDOW), 0);
}
END_TEST

static void random_naming(struct naming_record *r)
{
	int64_t now = WALL + rnd(1000);

	memset(r, 0, sizeof(*r));
	for (unsigned n = rnd(40); n > 0; n--) {
		naming_note(r, network(rnd(1000)), rnd(2), machine(4), now, WINDOW);
		now += WINDOW / 16 * rnd(2);
	}
}

START_TEST(laws)
{
	static struct naming_record a, b, c;

	for (unsigned run = 0; run < 500; run++) {
		random_naming(&a);
		random_naming(&b);
		random_naming(&c);
		check_laws(&a, &b, &c);
	}
}
END_TEST

START_TEST(packed)
{
	static struct naming_record r;

	for (unsigned run = 0; run < 300; run++) {
		random_naming(&r);
		check_round_trip(&r);
		for (unsigned i = 0; i < 20; i++)
			check_damaged(&r);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("naming");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_loop_test(t, strangers, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, laws);
	tcase_add_test(t, packed);
	return pure_run(t, "naming");
}
