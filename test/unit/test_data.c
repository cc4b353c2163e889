/* data: the end mark and nothing else ends a message, in every split. */
#include "lib/wire/data.c"

#include <stdio.h>
#include <time.h>

#include "test/unit/property.h"

/* What a session sees of a message: fed as data arrives, it keeps what was not taken. */
struct result {
	char passed[4096];
	size_t n, taken;
	uint64_t bytes;
	unsigned seen;
	bool ended;
};

/* Gives s in pieces whose lengths cut() tells. */
static void feed(struct str s, size_t (*cut)(size_t left), struct result *r)
{
	struct data_scan d;
	size_t at = 0, end = 0, used;

	r->n = 0;
	data_scan_init(&d);
	while (end < s.n && !d.ended) {
		size_t n = cut(s.n - end), pass;

		end += n;
		pass = data_scan(&d, (struct str){ s.p + at, end - at }, &used);
		must(pass <= used && (d.ended || used == pass),
		     "used counts at least what passes");
		must(d.ended || end - at - pass <= 2, "at most two are held back");
		memcpy(r->passed + r->n, s.p + at, pass);
		r->n += pass;
		at += used;
	}
	r->taken = at;
	r->bytes = d.bytes;
	r->seen = d.seen;
	r->ended = d.ended;
}

static size_t split_at; /* the first cut of cut_two */
static size_t cut_all(size_t left)
{
	return left;
}
static size_t cut_one(size_t left)
{
	(void)left;
	return 1;
}
static size_t cut_two(size_t left)
{
	size_t n = split_at && split_at < left ? split_at : left;

	split_at = 0;
	return n;
}
static size_t cut_random(size_t left)
{
	size_t n = 1 + rnd(7);

	return n < left ? n : left;
}

/* passed: bytes of the message when it ends, else -1 and as many bytes are held back. */
static const struct scan_case {
	struct str in;
	int passed;
	unsigned seen;
	int held;
} scan_cases[] = {
	/* the mark */
	{ STR_INIT("hi\r\n.\r\n"), 4, 0, 0 },
	{ STR_INIT(".\r\n"), 0, 0, 0 },
	{ STR_INIT("\r\n.\r\n"), 2, 0, 0 },
	{ STR_INIT("hi\r\n.\r\nQUIT\n"), 4, 0, 0 },
	{ STR_INIT("hi\r\n..\r\n.\r\n"), 8, 0, 0 },
	{ STR_INIT("hi\r\n.x\r\n.\r\n"), 8, 0, 0 },
	{ STR_INIT("hi.\r\n.\r\n"), 5, 0, 0 },
	/* held back */
	{ STR_INIT("hi\r\n"), -1, 0, 0 },
	{ STR_INIT("hi\r\n."), -1, 0, 1 },
	{ STR_INIT("hi\r\n.\r"), -1, 0, 2 },
	{ STR_INIT("hi\r"), -1, 0, 0 },
	{ STR_INIT("."), -1, 0, 1 },
	{ STR_INIT(".\r"), -1, 0, 2 },
	{ STR_INIT("hi."), -1, 0, 0 },
	/* smuggling: none of these ends a message */
	{ STR_INIT("hi\n.\n"), -1, DATA_BARE_LF, 0 },
	{ STR_INIT("hi\n.\r\n"), -1, DATA_BARE_LF, 0 },
	{ STR_INIT("hi\r\n.\n"), -1, DATA_BARE_LF, 0 },
	{ STR_INIT("hi\r.\r"), -1, DATA_BARE_CR, 0 },
	{ STR_INIT("hi\r\n.\rx"), -1, DATA_BARE_CR, 0 },
	{ STR_INIT("hi\r\n.\r\r\n"), -1, DATA_BARE_CR, 0 },
	{ STR_INIT("hi\r\n.\r.\r\n"), -1, DATA_BARE_CR, 0 },
	{ STR_INIT("hi\r.\r\n"), -1, DATA_BARE_CR, 0 },
	{ STR_INIT("hi\n\r.\r\n"), -1, DATA_BARE_LF | DATA_BARE_CR, 0 },
	{ STR_INIT("hi\r\n\0.\r\n"), -1, DATA_NUL, 0 },
	{ STR_INIT("hi\r\n.\0\r\n"), -1, DATA_NUL, 0 },
	{ STR_INIT("\n.\r\n"), -1, DATA_BARE_LF, 0 },
	{ STR_INIT(".\n"), -1, DATA_BARE_LF, 0 },
	{ STR_INIT("\r.\r\n"), -1, DATA_BARE_CR, 0 },
	/* a true mark behind bare ones */
	{ STR_INIT("hi\r\r\n.\r\n"), 5, DATA_BARE_CR, 0 },
	{ STR_INIT("hi\n.\n\r\n.\r\n"), 7, DATA_BARE_LF, 0 },
	{ STR_INIT("\n\r\n.\r\n"), 3, DATA_BARE_LF, 0 },
	/* flags are of the message, not of what follows */
	{ STR_INIT("hi\r\n.\r\n\0\xff\n\r"), 4, 0, 0 },
	{ STR_INIT("h\xc3\xa4\r\n.\r\n"), 5, DATA_8BIT, 0 },
	{ STR_INIT("12345678\xff\r\n.\r\n"), 11, DATA_8BIT, 0 },
	{ STR_INIT("1\xff"
		   "2345678\r\n.\r\n"),
	  11, DATA_8BIT, 0 },
};

static void check_case(const struct scan_case *c, const struct result *r, const char *how)
{
	size_t want = c->passed < 0 ? c->in.n - (size_t)c->held : (size_t)c->passed;

	ck_assert_msg(r->ended == (c->passed >= 0), "%s: %s: ended", c->in.p, how);
	ck_assert_msg(r->n == want && r->bytes == want, "%s: %s: passed %zu", c->in.p,
		      how, r->n);
	ck_assert_msg(r->seen == c->seen, "%s: %s: seen %u", c->in.p, how, r->seen);
	ck_assert_msg(r->taken == want + (r->ended ? 3 : 0), "%s: %s: taken", c->in.p,
		      how);
	ck_assert(memcmp(r->passed, c->in.p, r->n) == 0);
}

START_TEST(scan_table)
{
	const struct scan_case *c = &scan_cases[_i];
	struct result r;

	feed(c->in, cut_all, &r);
	check_case(c, &r, "whole");
	feed(c->in, cut_one, &r);
	check_case(c, &r, "byte by byte");
	for (size_t i = 1; i < c->in.n; i++) {
		split_at = i;
		feed(c->in, cut_two, &r);
		check_case(c, &r, "in two");
	}
}
END_TEST

/* A message of the bytes that matter, more often than not with a mark in it. */
static size_t random_message(char *dst, size_t max)
{
	static const char *const words[] = { "\r",	  "\n",	  ".",	   "\r\n",
					     "\r\n.\r\n", "x",	  "\n.\n", ".\r",
					     "abc",	  "\xe4", "..",	   "\r\n." };
	size_t n = 0, want = rnd((unsigned)max - 8);

	while (n < want) {
		unsigned w = rnd(200);
		const char *s = w == 199 ? "" : words[w % ARRAY_LEN(words)];

		if (w == 199)
			dst[n++] = '\0';
		memcpy(dst + n, s, strlen(s));
		n += strlen(s);
	}
	return n;
}

/* The rule itself, as naively as it can be said: where the mark is, or n. */
static size_t naive_mark(const char *p, size_t n)
{
	if (n >= 3 && memcmp(p, ".\r\n", 3) == 0)
		return 0;
	for (size_t i = 0; i + 5 <= n; i++)
		if (memcmp(p + i, "\r\n.\r\n", 5) == 0)
			return i + 2;
	return n;
}

static unsigned naive_seen(const char *p, size_t n)
{
	unsigned seen = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			seen |= DATA_BARE_LF;
		if (p[i] == '\r' && i + 1 < n && p[i + 1] != '\n')
			seen |= DATA_BARE_CR;
		if (p[i] == '\0')
			seen |= DATA_NUL;
		if ((unsigned char)p[i] >= 128)
			seen |= DATA_8BIT;
	}
	return seen;
}

static void check_same(const struct result *a, const struct result *b)
{
	must(a->n == b->n && memcmp(a->passed, b->passed, a->n) == 0,
	     "same bytes passed");
	must(a->seen == b->seen, "same flags");
	must(a->taken == b->taken, "same bytes taken");
	must(a->ended == b->ended && a->bytes == b->bytes, "same end");
}

START_TEST(scan_any_split)
{
	static struct result whole, split;
	char m[200];

	for (int round = 0; round < 1500; round++) {
		struct str s = { m, random_message(m, sizeof(m)) };
		size_t mark = naive_mark(m, s.n);

		feed(s, cut_all, &whole);
		must(whole.ended == (mark < s.n), "it ends at a mark alone");
		must(!whole.ended || whole.n == mark, "it ends at the first mark");
		must(memcmp(whole.passed, m, whole.n) == 0, "nothing is changed");
		must(whole.seen == naive_seen(m, whole.n), "flags as counted");
		feed(s, cut_one, &split);
		check_same(&whole, &split);
		feed(s, cut_random, &split);
		check_same(&whole, &split);
		for (size_t i = 1; i < s.n; i++) {
			split_at = i;
			feed(s, cut_two, &split);
			check_same(&whole, &split);
		}
	}
}
END_TEST

/* RFC 5321 4.5.3.1.6: 998 bytes without CRLF and without the dot of transparency. */
static const struct {
	const char *front;
	size_t fill;
	const char *end;
	bool is_long;
} line_cases[] = {
	{ "", 998, "\r\n", false },	 { "", 999, "\r\n", true },
	{ ".", 998, "\r\n", false },	 { "..", 997, "\r\n", false },
	{ ".", 999, "\r\n", true },	 { "..", 998, "\r\n", true },
	{ "x\r\n", 998, "\r\n", false }, { "x\r\n.", 998, "\r\n", false },
	{ "", 998, "\r", false },	 { "", 998, "\rx", true },
	{ "x\n", 998, "\n", false },	 { "x\n.", 998, "\n", true },
};

START_TEST(scan_long_line)
{
	static struct result r;
	char m[1100];
	size_t n = strlen(line_cases[_i].front);

	memcpy(m, line_cases[_i].front, n);
	memset(m + n, 'a', line_cases[_i].fill);
	n += line_cases[_i].fill;
	memcpy(m + n, line_cases[_i].end, strlen(line_cases[_i].end));
	n += strlen(line_cases[_i].end);
	feed((struct str){ m, n }, cut_all, &r);
	ck_assert_int_eq((r.seen & DATA_LONG_LINE) != 0, line_cases[_i].is_long);
	feed((struct str){ m, n }, cut_one, &r);
	ck_assert_int_eq((r.seen & DATA_LONG_LINE) != 0, line_cases[_i].is_long);
	feed((struct str){ m, n }, cut_random, &r);
	ck_assert_int_eq((r.seen & DATA_LONG_LINE) != 0, line_cases[_i].is_long);
}
END_TEST

START_TEST(scan_after_end_takes_nothing)
{
	struct data_scan d;
	size_t used;

	data_scan_init(&d);
	ck_assert_uint_eq(data_scan(&d, STR("a\r\n.\r\nb"), &used), 3);
	ck_assert_uint_eq(used, 6);
	ck_assert_uint_eq(data_scan(&d, STR("b\r\n.\r\n"), &used), 0);
	ck_assert_uint_eq(used, 0);
	ck_assert_uint_eq(d.bytes, 3);
}
END_TEST

/* --- normalize --- */

/* Feeds raw text to data_normalize over a buffer that is consumed at random, as legs do.
 */
static void normalize(struct str s, size_t (*cut)(size_t left), size_t max,
		      struct result *r)
{
	struct data_norm n;
	struct buf b;
	size_t given = 0, at = 0, idle = 0;

	r->n = 0;
	data_norm_init(&n);
	buf_init(&b, max);
	while (idle < 3) { /* turns without news */
		size_t want = given < s.n ? cut(s.n - given) : 0, done = 0;
		int bad;

		if (want > buf_room(&b) / 2)
			want = buf_room(&b) / 2;
		must(buf_add(&b, (struct str){ s.p + given, want }) == 0,
		     "half the room");
		given += want;
		bad = data_normalize(&n, &b, at, &done);
		must(at + done <= buf_len(&b), "done lies within");
		must(!bad || (done == 0 && at > 0), "stuck only behind final bytes");
		idle = want || done ? 0 : idle + 1;
		at += done;
		if (at && (idle || rnd(2))) {
			size_t take = idle ? at : 1 + rnd((unsigned)at);

			memcpy(r->passed + r->n, buf_str(&b).p, take);
			r->n += take;
			buf_consume(&b, take);
			at -= take;
			idle = 0;
		}
	}
	r->taken = given - buf_len(&b); /* what stays is untouched: */
	must(str_eq(buf_str(&b), (struct str){ s.p + r->taken, buf_len(&b) }),
	     "raw stays raw");
	r->ended = n.ended;
	r->seen = n.seen;
	buf_release(&b);
}

static const struct {
	struct str in, out;
	bool ended;
	size_t left; /* raw bytes that stay */
} norm_cases[] = {
	{ STR_INIT("hi\r\n.\r\n"), STR_INIT("hi\r\n.\r\n"), true, 0 },
	{ STR_INIT("hi\n"), STR_INIT("hi\r\n"), false, 0 },
	{ STR_INIT("a\rb"), STR_INIT("a b"), false, 0 },
	{ STR_INIT("a\r"), STR_INIT("a"), false, 1 },
	{ STR_INIT("hi\n.\n"), STR_INIT("hi\r\n..\r\n"), false, 0 },
	{ STR_INIT("hi\n.\r\n"), STR_INIT("hi\r\n..\r\n"), false, 0 },
	{ STR_INIT("hi\r\n.\n"), STR_INIT("hi\r\n..\r\n"), false, 0 },
	{ STR_INIT(".\n"), STR_INIT("..\r\n"), false, 0 },
	{ STR_INIT("hi\r.\r\n"), STR_INIT("hi .\r\n"), false, 0 },
	{ STR_INIT("hi\r\n.\rx"), STR_INIT("hi\r\n. x"), false, 0 },
	{ STR_INIT("hi\r\n.\r\r\n"), STR_INIT("hi\r\n. \r\n"), false, 0 },
	{ STR_INIT("hi\n\r.\r\n"), STR_INIT("hi\r\n .\r\n"), false, 0 },
	{ STR_INIT("hi\n.x\n"), STR_INIT("hi\r\n..x\r\n"), false, 0 },
	{ STR_INIT("hi\n..\n"), STR_INIT("hi\r\n...\r\n"), false, 0 },
	{ STR_INIT("\n\r\n.\r\n"), STR_INIT("\r\n\r\n.\r\n"), true, 0 },
	{ STR_INIT("hi\r\r\n.\r\n"), STR_INIT("hi \r\n.\r\n"), true, 0 },
	{ STR_INIT("hi\r\n..\r\n"), STR_INIT("hi\r\n..\r\n"), false, 0 },
	{ STR_INIT("hi\r\n..\n"), STR_INIT("hi\r\n..\r\n"), false, 0 },
	{ STR_INIT("hi\r\n."), STR_INIT("hi\r\n"), false, 1 },
	{ STR_INIT("hi\r\n.\r"), STR_INIT("hi\r\n"), false, 2 },
	{ STR_INIT(".\r\nQUIT\n\r\n"), STR_INIT(".\r\n"), true, 7 },
};

START_TEST(normalize_table)
{
	static struct result r;
	size_t (*cuts[])(size_t) = { cut_all, cut_one, cut_random };

	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		normalize(norm_cases[_i].in, cuts[i], 64, &r);
		ck_assert_msg(r.n == norm_cases[_i].out.n &&
				      memcmp(r.passed, norm_cases[_i].out.p, r.n) == 0,
			      "cut %zu: \"%s\" gave \"%.*s\"", i, norm_cases[_i].in.p,
			      (int)r.n, r.passed);
		ck_assert(r.ended == norm_cases[_i].ended);
		ck_assert(r.ended ||
			  norm_cases[_i].in.n - r.taken == norm_cases[_i].left);
	}
}
END_TEST

/* The lines of raw text as a reader of bare newlines sees them: "\n" between them,
 * stuffing taken off behind true newlines alone, a lone "." before a bare LF kept as a
 * line. */
static size_t naive_lines(const char *p, size_t n, char *dst)
{
	size_t out = 0;
	bool stuffed = true;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '.' && stuffed && !(i + 1 < n && p[i + 1] == '\n')) {
			stuffed = false; /* taken off */
			continue;
		}
		stuffed = false;
		if (p[i] == '\r' && i + 1 < n && p[i + 1] == '\n') {
			dst[out++] = '\n';
			stuffed = true;
			i++;
		} else {
			dst[out++] = p[i] == '\r' ? ' ' : p[i];
		}
	}
	return out;
}

/* The same of clean text: every line's stuffing comes off. */
static size_t clean_lines(const char *p, size_t n, char *dst)
{
	size_t out = 0;
	bool start = true;

	for (size_t i = 0; i < n; i++) {
		if (!(p[i] == '.' && start) && p[i] != '\r')
			dst[out++] = p[i];
		start = p[i] == '\n';
	}
	return out;
}

START_TEST(normalize_then_scan)
{
	static struct result whole, split, scanned;
	char m[200], want[400], got[800];

	for (int round = 0; round < 1500; round++) {
		struct str s = { m, random_message(m, sizeof(m)) };
		size_t mark = naive_mark(m, s.n), n;

		normalize(s, cut_all, 1024, &whole);
		must(whole.ended == (mark < s.n), "a mark exactly where there was one");
		must(!whole.ended || whole.taken == mark + 3, "stops behind the mark");
		feed((struct str){ whole.passed, whole.n }, cut_all, &scanned);
		must(scanned.ended == whole.ended && scanned.taken == whole.n,
		     "same end");
		must(!(scanned.seen & (DATA_BARE_LF | DATA_BARE_CR)),
		     "nothing bare is left");
		n = naive_lines(m, whole.ended ? mark : whole.taken, want);
		must(clean_lines(scanned.passed, scanned.n, got) == n,
		     "same lines, length");
		must(memcmp(want, got, n) == 0, "same lines");
		for (size_t i = 0; i < 6; i++) {
			normalize(s, i ? cut_random : cut_one, i < 3 ? 1024 : 8 + 8 * i,
				  &split);
			must(split.n == whole.n, "same length");
			must(memcmp(split.passed, whole.passed, whole.n) == 0,
			     "same bytes");
			must(split.seen == whole.seen && split.ended == whole.ended,
			     "same state");
			must(!split.ended || split.taken == mark + 3, "same bytes taken");
		}
	}
}
END_TEST

/* What a full buffer does: only for want of room, and only then, is nothing done. */
START_TEST(normalize_no_room)
{
	struct data_norm n;
	struct buf b;
	size_t done;

	data_norm_init(&n);
	buf_init(&b, 8);
	ck_assert_int_eq(buf_add(&b, STR("ab\n\n\n\n\n\n")), 0);
	ck_assert_int_eq(data_normalize(&n, &b, 0, &done), 0);
	ck_assert_uint_eq(done, 2);
	ck_assert_int_eq(data_normalize(&n, &b, 2, &done), -1);
	ck_assert_uint_eq(done, 0);
	buf_consume(&b, 2);
	ck_assert_int_eq(data_normalize(&n, &b, 0, &done), 0);
	ck_assert_uint_eq(done, 4);
	ck_assert(str_eq(buf_str(&b), STR("\r\n\r\n\n\n\n\n")));
	buf_release(&b);
}
END_TEST

/* Processor time for a text of so many worst bytes. */
static clock_t normalize_time(const char *worst, size_t size, char *raw)
{
	clock_t begin = clock();
	struct data_norm n;
	struct buf b;
	size_t done;

	for (size_t j = 0; j < size; j++)
		raw[j] = worst[j % strlen(worst)];
	data_norm_init(&n);
	buf_init(&b, 2 * size);
	ck_assert_int_eq(buf_add(&b, (struct str){ raw, size }), 0);
	ck_assert_int_eq(data_normalize(&n, &b, 0, &done), 0);
	ck_assert_uint_ge(done + 2, size);
	buf_release(&b);
	return clock() - begin;
}

/* Linear: 32 times 32 KiB of the worst bytes cost about what 1 MiB of them does, where a
 * quadratic walk would take 32 times as long. */
START_TEST(normalize_linear)
{
	static const char *const worst[] = { "\n", "\r", ".\n", "\n.", "\ra" };
	static char raw[1 << 20];
	clock_t many = 0, big = normalize_time(worst[_i], sizeof(raw), raw);

	for (int i = 0; i < 32; i++)
		many += normalize_time(worst[_i], sizeof(raw) / 32, raw);
	ck_assert_msg(big < 8 * many + CLOCKS_PER_SEC / 20, "%ld against %ld", (long)big,
		      (long)many);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("data");
	TCase *scan = tcase_create("scan"), *norm = tcase_create("normalize");
	SRunner *run = srunner_create(s);
	int failed;

	printf("data: seed %llu\n", (unsigned long long)property_seed);
	suite_add_tcase(s, scan);
	suite_add_tcase(s, norm);
	tcase_set_timeout(scan, 60);
	tcase_set_timeout(norm, 60);
	tcase_add_loop_test(scan, scan_table, 0, (int)ARRAY_LEN(scan_cases));
	tcase_add_loop_test(scan, scan_long_line, 0, (int)ARRAY_LEN(line_cases));
	tcase_add_test(scan, scan_any_split);
	tcase_add_test(scan, scan_after_end_takes_nothing);
	tcase_add_loop_test(norm, normalize_table, 0, (int)ARRAY_LEN(norm_cases));
	tcase_add_test(norm, normalize_then_scan);
	tcase_add_test(norm, normalize_no_room);
	tcase_add_loop_test(norm, normalize_linear, 0, 5);
	srunner_run_all(run, CK_NORMAL);
	failed = srunner_ntests_failed(run);
	srunner_free(run);
	return failed != 0;
}
