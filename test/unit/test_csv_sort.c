/* Lines in the order of their keys: every line of the file, once, also where it needs many
 * runs; and what a file that changes, a full disk and a damaged run leave. */
#include "lib/store/csv_sort.c"

#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#include "unit/property.h"

static char dir[64], path[128];
static struct csv_sort *sorted;
static struct err err;

static void setup(void)
{
	strcpy(dir, "/tmp/pb_sort_XXXXXX");
	must(mkdtemp(dir) != NULL, "mkdtemp");
	snprintf(path, sizeof(path), "%s/f", dir);
}

static void teardown(void)
{
	csv_sort_close(&sorted);
	unlink(path);
	must(rmdir(dir) == 0, "nothing else is left in the directory");
}

static void write_text(struct str text)
{
	FILE *f = fopen(path, "w");

	must(f && fwrite(text.p, 1, text.n, f) == text.n && fclose(f) == 0, "written");
}

static void sort_it(struct csv_progress *p)
{
	csv_sort_close(&sorted);
	if (csv_sort_open(&sorted, dir, "f", p, &err) < 0)
		ck_abort_msg("%s", err.text);
}

static int next(struct csv_line *l)
{
	int rc = csv_sort_next(sorted, l, &err);

	if (rc < 0)
		ck_abort_msg("%s", err.text);
	return rc;
}

/* --- small files --- */

/* Each line as "number:text", "!" behind it where its key has been there; '|' between. */
static const struct {
	struct str file;
	const char *lines;
} small[] = {
	{ STR_INIT(""), "" },
	{ STR_INIT("\n\n\r\n"), "" },
	{ STR_INIT("b\tx\na\ty\n"), "2:a\ty|1:b\tx|" },
	{ STR_INIT("b\na"), "2:a|1:b|" },
	{ STR_INIT("B\tX\r\n\r\n\na"), "4:a|1:b\tX|" },
	{ STR_INIT("a\r\tx\r\r\n"), "1:a\r\tx\r|" },
	{ STR_INIT("ab\t1\na\t2\nabc\t3\n\t4\n"), "4:\t4|2:a\t2|1:ab\t1|3:abc\t3|" },
	{ STR_INIT("b\t1\nA\t2\nB\t3\na\t4\nb\t5\n"), "2:a\t2|4:a\t4!|1:b\t1|3:b\t3!|5:b\t5!|" },
	{ STR_INIT("\xef\xbb\xbf"
		   "b\n\xef\xbb\xbf"
		   "a\n"),
	  "1:b|2:\xef\xbb\xbf"
	  "a|" },
	{ STR_INIT("\xef\xbb\xbf"), "" },
	{ STR_INIT("\xef\xbb"), "1:\xef\xbb|" },
	{ STR_INIT("a\0b\na\n"), "2:a|1:a|" /* shown up to the NUL */ },
	{ STR_INIT("\xff\n~\n"), "2:~|1:\xff|" },
};

static size_t show(char *out, size_t cap)
{
	struct csv_line l;
	size_t n = 0;

	while (next(&l) == 0)
		n += (size_t)snprintf(out + n, cap - n, "%d:%.*s%s|", (int)l.number,
				      STR_ARG(l.text), l.again ? "!" : "");
	return n;
}

START_TEST(a_small_file)
{
	char got[256] = "";

	write_text(small[_i].file);
	sort_it(NULL);
	for (int i = 0; i < 2; i++) {
		show(got, sizeof(got));
		ck_assert_str_eq(got, small[_i].lines);
		csv_sort_rewind(sorted);
	}
	ck_assert_str_eq(csv_sort_file(sorted), "f");
}
END_TEST

/* In the middle of the merge to the first line again; and past the end. */
START_TEST(rewinding)
{
	struct csv_line l;

	write_text(STR("b\na\nA\n"));
	sort_it(NULL);
	for (int i = 0; i < 5; i++) {
		csv_sort_rewind(sorted);
		for (int k = 0; k < i; k++)
			ck_assert_int_eq(next(&l), k < 3 ? 0 : STORE_NONE);
	}
	csv_sort_rewind(sorted);
	ck_assert_int_eq(next(&l), 0);
	ck_assert_uint_eq(l.number, 2);
	ck_assert(!l.again);
}
END_TEST

/* --- large files --- */

/* Lines of a file are numbers in an order that jumps; each says which line it is. */
struct big {
	uint64_t lines, seed;
	unsigned pad; /* at most; bytes of each line behind its key */
};

static const struct big bigs[] = {
	{ 3 * RUN_LINES + 7, 7919, 0 }, /* runs end at so many lines */
	{ 60000, 7919, 2000 },		/* and at so many bytes */
	{ 400, 7, CSV_LINE_MAX - 100 },
};

static uint64_t key_at(const struct big *b, uint64_t line)
{
	return line * b->seed % b->lines;
}

static unsigned pad_at(const struct big *b, uint64_t line)
{
	return b->pad ? (unsigned)(line * 104729 % b->pad) : 0;
}

static uint64_t write_big(const struct big *b)
{
	char *pad = mem_alloc(CSV_LINE_MAX);
	FILE *f = fopen(path, "w");
	uint64_t bytes;

	memset(pad, 'x', CSV_LINE_MAX);
	for (uint64_t i = 0; i < b->lines; i++)
		fprintf(f, "K%07d@x\t%d %.*s\n%s", (int)key_at(b, i), (int)i,
			(int)pad_at(b, i), pad, i % 10 ? "" : "\r\n");
	bytes = (uint64_t)ftell(f);
	fclose(f);
	free(pad);
	return bytes;
}

static void check_line(const struct big *b, uint64_t place, const struct csv_line *l)
{
	uint64_t i = l->number - 1; /* less the empty lines before it: one behind every tenth */
	char want[64];

	i -= (i + 9) / 11;
	snprintf(want, sizeof(want), "k%07d@x\t%d ", (int)place, (int)i);
	must(key_at(b, i) == place, "in the order of keys, with the number of its line");
	must(str_starts(l->text, str_z(want)), "the text of that line");
	must(l->text.n == strlen(want) + pad_at(b, i), "the whole of it");
	must(l->key_n == 10 && !l->again && !l->too_long, "a line like others");
}

START_TEST(a_big_file)
{
	const struct big *b = &bigs[_i];
	uint64_t bytes = write_big(b);
	struct csv_progress p = { 5, 100 };
	struct csv_line l;

	sort_it(&p);
	ck_assert_uint_ge(sorted->n_runs, bytes / RUN_BYTES + 1);
	ck_assert_uint_ge(sorted->n_runs, 3);
	ck_assert_uint_eq(csv_sort_lines(sorted), b->lines);
	ck_assert_uint_eq(p.of, 100 + b->lines);
	ck_assert_uint_eq(p.done, 5);
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < b->lines; i++) {
			must(next(&l) == 0, "a line");
			check_line(b, i, &l);
		}
		ck_assert_int_eq(next(&l), STORE_NONE);
		ck_assert_int_eq(next(&l), STORE_NONE);
		csv_sort_rewind(sorted);
	}
}
END_TEST

/* One key in every run: its lines come in the order of the file. */
START_TEST(a_key_in_every_run)
{
	FILE *f = fopen(path, "w");
	struct csv_line l;

	for (int i = 0; i < 3 * RUN_LINES; i++)
		fprintf(f, "%s\t%d\n", i % 1000 == 999 ? "Same" : i % 2 ? "x" : "Y", i);
	fclose(f);
	sort_it(NULL);
	for (int i = 999; i < 3 * RUN_LINES; i += 1000) {
		must(next(&l) == 0 && l.number == (uint64_t)i + 1, "in order");
		must(l.again == (i > 999), "the first is not there again");
	}
	ck_assert_int_eq(next(&l), 0);
	ck_assert_uint_eq(l.number, 2);
	ck_assert(!l.again);
}
END_TEST

/* --- lines that are too long --- */

static const struct {
	size_t key, text; /* bytes of each; the line is key, tab, text */
	bool ends, too_long;
} longs[] = {
	{ 5, CSV_LINE_MAX - 6, true, false },  { 5, CSV_LINE_MAX - 5, true, true },
	{ 5, CSV_LINE_MAX - 6, false, false }, { 5, CSV_LINE_MAX - 5, false, true },
	{ 5, CSV_LINE_MAX - 4, false, true },  { 5, RUN_BYTES - 6, true, true },
	{ 5, RUN_BYTES, true, true },	       { 5, 3 * RUN_BYTES, true, true },
	{ 5, 3 * RUN_BYTES, false, true },     { RUN_BYTES + 9, 9, true, true },
};

START_TEST(a_long_line)
{
	size_t n = longs[_i].key + 1 + longs[_i].text;
	char *text = mem_alloc(n + 32);
	struct csv_line l;

	memset(text, 'L', n);
	text[longs[_i].key] = '\t';
	memcpy(text + n, "\na\tbehind\n", 10);
	write_text((struct str){ text, longs[_i].ends ? n + 10 : n });
	sort_it(NULL);
	ck_assert_uint_eq(csv_sort_lines(sorted), longs[_i].ends ? 2 : 1);
	if (longs[_i].ends) {
		ck_assert_int_eq(next(&l), 0);
		ck_assert_uint_eq(l.number, 2);
		ck_assert(str_eq(l.text, STR("a\tbehind")));
	}
	ck_assert_int_eq(next(&l), 0);
	ck_assert_uint_eq(l.number, 1);
	ck_assert(l.too_long == longs[_i].too_long);
	ck_assert_uint_eq(l.key_n, longs[_i].key < KEY_MAX ? longs[_i].key : KEY_MAX);
	ck_assert_uint_eq(l.text.n, longs[_i].too_long ? l.key_n : n);
	ck_assert(str_starts(l.text, STR("lllll")));
	ck_assert_int_eq(next(&l), STORE_NONE);
	free(text);
}
END_TEST

/* Many of them: none is kept whole. */
START_TEST(many_long_lines)
{
	FILE *f = fopen(path, "w");
	struct csv_line l;
	char *text = mem_alloc(CSV_LINE_MAX + 1);

	memset(text, 'x', CSV_LINE_MAX);
	text[CSV_LINE_MAX] = '\0';
	for (int i = 0; i < 300; i++)
		fprintf(f, "k%d\t%s\n", i % 100, text);
	fclose(f);
	free(text);
	sort_it(NULL);
	ck_assert_int_lt(sorted->end, 300 * 64);
	for (int i = 0; i < 300; i++) {
		must(next(&l) == 0 && l.too_long, "one too long");
		must(l.again == (i % 3 != 0), "each key three times");
	}
	ck_assert_int_eq(next(&l), STORE_NONE);
}
END_TEST

/* --- what happens to the file later --- */

START_TEST(the_file_as_it_was)
{
	struct csv_line l;

	write_big(&bigs[1]);
	sort_it(NULL);
	ck_assert_int_eq(truncate(path, _i ? 0 : 1000), 0);
	if (_i)
		write_text(STR("another\n"));
	for (uint64_t i = 0; i < bigs[1].lines; i++) {
		must(next(&l) == 0, "a line");
		check_line(&bigs[1], i, &l);
	}
}
END_TEST

/* The sorted file is nowhere to be seen. */
START_TEST(nothing_beside_it)
{
	DIR *d;
	int n = 0;

	write_text(STR("a\n"));
	sort_it(NULL);
	d = opendir(dir);
	while (readdir(d))
		n++;
	closedir(d);
	ck_assert_int_eq(n, 3); /* . .. f */
}
END_TEST

/* --- failures --- */

static void refused(const char *words)
{
	ck_assert_int_eq(csv_sort_open(&sorted, dir, "f", NULL, &err), -1);
	ck_assert_ptr_null(sorted);
	ck_assert_msg(strstr(err.text, words) != NULL, "%s", err.text);
	ck_assert_msg(strstr(err.text, path) != NULL, "%s", err.text);
}

START_TEST(no_file)
{
	refused("No such file");
}
END_TEST

START_TEST(no_room_to_sort)
{
	struct rlimit all, some;

	write_big(&bigs[1]);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &all);
	some = all;
	some.rlim_cur = 1000000;
	setrlimit(RLIMIT_FSIZE, &some);
	refused("sorting: File too large");
	setrlimit(RLIMIT_FSIZE, &all);
}
END_TEST

START_TEST(a_sorted_file_cut_short)
{
	struct csv_line l;
	int rc;

	write_big(&bigs[1]);
	sort_it(NULL);
	ck_assert_int_eq(ftruncate(sorted->fd, sorted->end - 10), 0);
	while ((rc = csv_sort_next(sorted, &l, &err)) == 0)
		;
	ck_assert_int_eq(rc, -1);
	ck_assert_msg(strstr(err.text, "reading what was sorted: Input/output error") != NULL,
		      "%s", err.text);
}
END_TEST

START_TEST(closing_nothing)
{
	struct csv_sort *none = NULL;

	csv_sort_close(&none);
	ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("csv_sort");
	TCase *t = tcase_create("csv_sort");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_loop_test(t, a_small_file, 0, (int)ARRAY_LEN(small));
	tcase_add_test(t, rewinding);
	tcase_add_loop_test(t, a_big_file, 0, (int)ARRAY_LEN(bigs));
	tcase_add_test(t, a_key_in_every_run);
	tcase_add_loop_test(t, a_long_line, 0, (int)ARRAY_LEN(longs));
	tcase_add_test(t, many_long_lines);
	tcase_add_loop_test(t, the_file_as_it_was, 0, 2);
	tcase_add_test(t, nothing_beside_it);
	tcase_add_test(t, no_file);
	tcase_add_test(t, no_room_to_sort);
	tcase_add_test(t, a_sorted_file_cut_short);
	tcase_add_test(t, closing_nothing);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
