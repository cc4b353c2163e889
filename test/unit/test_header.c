/* header: pieces, subject, loop count; the same for every split. */
#include "lib/wire/header.c"

#include <stdio.h>

#include "test/unit/property.h"

/* All that was given: the bytes, and beside each its part ('O', 'K', 'B'). */
struct given {
	char bytes[200000], parts[200000];
	size_t n, pieces;
};

static void take(void *arg, enum header_part part, struct str bytes)
{
	struct given *g = arg;

	must(bytes.n > 0, "no empty pieces");
	memcpy(g->bytes + g->n, bytes.p, bytes.n);
	memset(g->parts + g->n, "OKB"[part], bytes.n);
	g->n += bytes.n;
	g->pieces++;
}

/* Feeds s in pieces of at most `most` bytes (0: whole; else random), the first of
 * `first`. */
static void feed(struct str s, size_t first, size_t most, struct header_scan *h,
		 struct given *g)
{
	g->n = g->pieces = 0;
	header_scan_init(h);
	while (s.n) {
		size_t n = first ? first : most ? 1 + rnd((unsigned)most) : s.n;

		n = n < s.n ? n : s.n;
		header_scan(h, (struct str){ s.p, n }, take, g);
		s = str_skip(s, n);
		first = 0;
	}
}

static struct given whole, split;

static const struct {
	struct str in;
	const char *parts; /* run by run: part and length */
	unsigned received;
	const char *subject, *id;
} cases[] = {
	{ STR_INIT("Subject: hi\r\n\r\nbody\r\n"), "K13 O2 B6", 0, "hi", "" },
	{ STR_INIT("\r\nbody\r\n"), "O2 B6", 0, "", "" },
	{ STR_INIT("\r\n"), "O2", 0, "", "" },
	{ STR_INIT("Subject: hi\r\n"), "K13", 0, "hi", "" },
	{ STR_INIT("subject:hi\r\nX: y\r\nDATE: z\r\n\r\n"), "K12 O6 K9 O2", 0, "hi",
	  "" },
	{ STR_INIT("Received: a\r\n\tb\r\nreceived: c\r\nX-Received: d\r\n\r\n"), "O47",
	  2, "", "" },
	{ STR_INIT("Message-ID: <1@x>\r\nFrom: a\r\n\r\n"), "K28 O2", 0, "", "<1@x>" },
	{ STR_INIT("Message-Id:\r\n <1@x>\r\n\r\n"), "K21 O2", 0, "", "<1@x>" },
	/* folds and blanks */
	{ STR_INIT("Subject:  a\r\n \t b  \r\n\r\n"), "K21 O2", 0, "a b", "" },
	{ STR_INIT("Subject: a  b\tc\r\n\r\n"), "K17 O2", 0, "a  b c", "" },
	{ STR_INIT("Subject: a \r\n  \r\n b\r\n\r\n"), "K21 O2", 0, "a b", "" },
	{ STR_INIT("Subject:\r\n\r\n"), "K10 O2", 0, "", "" },
	{ STR_INIT("Subject: \r\nX: y\r\n z\r\n\r\n"), "K11 O12", 0, "", "" },
	{ STR_INIT("Subject: a\r\nSubject: b\r\n\r\n"), "K24 O2", 0, "a", "" },
	{ STR_INIT("Subject:\r\nSubject: b\r\n\r\n"), "K22 O2", 0, "", "" },
	{ STR_INIT("Subject : a\r\n\r\n"), "K13 O2", 0, "a", "" },
	{ STR_INIT("Subject: a\0b\r\n\r\n"), "K14 O2", 0, "a?b", "" },
	{ STR_INIT("X: y\r\n Subject: no\r\nDate: z\r\n\r\n"), "O20 K9 O2", 0, "", "" },
	{ STR_INIT("Subject: hi\r\n\r\nSubject: no\r\nReceived: no\r\n"), "K13 O2 B27", 0,
	  "hi", "" },
	{ STR_INIT("..: x\r\nSubjec: x\r\nSubjects: x\r\n\r\n"), "O33", 0, "", "" },
	/* what ends a header without being an empty line */
	{ STR_INIT("hello world\r\nSubject: no\r\n"), "B26", 0, "", "" },
	{ STR_INIT("hello\r\nSubject: no\r\n"), "B20", 0, "", "" },
	{ STR_INIT("Date: x\r\nhello : \r\nfrom y z\r\n"), "K9 O10 B10", 0, "", "" },
	{ STR_INIT(" hello\r\nSubject: no\r\n"), "B21", 0, "", "" },
	{ STR_INIT(": hello\r\nSubject: no\r\n"), "B22", 0, "", "" },
	{ STR_INIT("Date: x\r\n\rSubject: no\r\n"), "K9 B14", 0, "", "" },
	{ STR_INIT("Date: x\r\n\r:\r\n"), "K9 B4", 0, "", "" },
	{ STR_INIT("Date: x\r\n\xe4:\r\n"), "K9 B4", 0, "", "" },
	{ STR_INIT("Date: x\r\nD\xe4:\r\n"), "K9 B5", 0, "", "" },
	{ STR_INIT("Date: x\n\nbody"), "K8 O1 B4", 0, "", "" },
};

static void describe(const struct given *g, char *dst, size_t cap)
{
	size_t n = 0;

	dst[0] = '\0';
	for (size_t i = 0, run; i < g->n; i += run) {
		for (run = 1; i + run < g->n && g->parts[i + run] == g->parts[i];)
			run++;
		n += (size_t)snprintf(dst + n, cap - n, "%s%c%zu", i ? " " : "",
				      g->parts[i], run);
	}
}

START_TEST(table)
{
	struct str in = cases[_i].in;
	struct header_scan h;
	char got[200];

	for (size_t first = 0; first <= in.n; first++) {
		feed(in, first, first == in.n ? 1 : 0, &h, &whole);
		describe(&whole, got, sizeof(got));
		ck_assert_msg(strcmp(got, cases[_i].parts) == 0, "%s: %s", in.p, got);
		must(whole.n == in.n && memcmp(whole.bytes, in.p, in.n) == 0,
		     "covers the input");
		ck_assert_uint_eq(h.received, cases[_i].received);
		ck_assert_str_eq(h.subject, cases[_i].subject);
		ck_assert_str_eq(h.message_id, cases[_i].id);
		ck_assert(h.in_body || !strchr(got, 'B'));
	}
}
END_TEST

static size_t random_message(char *dst, size_t max)
{
	static const char *const words[] = {
		"Subject:",
		"Received: x\r\n",
		"Message-ID:",
		"From:",
		"Date",
		":",
		" ",
		"\t",
		"\r\n",
		"\r\n",
		"\r\n\r\n",
		"x",
		"hello",
		"\r",
		"\n",
		"X-Very-Long-Name-",
		"\r\nFrom: me\r\n",
		"\r\nSubject: a\r\n b\r\n",
		"\xe4",
	};
	size_t n = 0, want = 1 + rnd((unsigned)max - 30);

	while (n < want) {
		const char *s = words[rnd(ARRAY_LEN(words))];

		memcpy(dst + n, s, strlen(s));
		n += strlen(s);
	}
	memcpy(dst + n, "\r\n", 2);
	return n + 2;
}

static void check_same(const struct header_scan *a, const struct header_scan *b)
{
	must(whole.n == split.n && memcmp(whole.bytes, split.bytes, whole.n) == 0,
	     "same bytes");
	must(memcmp(whole.parts, split.parts, whole.n) == 0, "same parts");
	must(a->received == b->received && a->in_body == b->in_body, "same state");
	must(strcmp(a->subject, b->subject) == 0, "same subject");
	must(strcmp(a->message_id, b->message_id) == 0, "same message id");
}

START_TEST(any_split)
{
	struct header_scan a, b;
	char m[300];

	for (int round = 0; round < 1000; round++) {
		struct str s = { m, random_message(m, sizeof(m)) };

		feed(s, 0, 0, &a, &whole);
		must(whole.n == s.n && memcmp(whole.bytes, m, s.n) == 0,
		     "covers the input");
		feed(s, 0, 1, &b, &split);
		check_same(&a, &b);
		feed(s, 0, 9, &b, &split);
		check_same(&a, &b);
		for (size_t first = 1; first < s.n; first++) {
			feed(s, first, 0, &b, &split);
			check_same(&a, &b);
		}
	}
}
END_TEST

START_TEST(long_subject)
{
	static char m[1000];
	struct header_scan h;
	char want[LIMIT_SUBJECT_LOG + 1];

	memset(m, 'a', sizeof(m));
	memset(want, 'a', sizeof(want));
	want[LIMIT_SUBJECT_LOG] = '\0';
	memcpy(m, "Subject: ", 9);
	memcpy(m + sizeof(m) - 2, "\r\n", 2);
	feed((struct str){ m, sizeof(m) }, 0, 0, &h, &whole);
	ck_assert_str_eq(h.subject, want);
	memset(m + 9 + 50, ' ', 900); /* blanks that do not fit are not written either */
	feed((struct str){ m, sizeof(m) }, 0, 0, &h, &whole);
	ck_assert(strlen(h.subject) <= LIMIT_SUBJECT_LOG);
	ck_assert(memcmp(h.subject, want, 50) == 0);
}
END_TEST

/* A field's name ends within HEADER_NAME bytes, its colon included, or there is none. */
START_TEST(long_name)
{
	char m[HEADER_NAME + 20];
	struct header_scan h;

	memset(m, 'a', sizeof(m));
	memcpy(m + HEADER_NAME - 1, ": x\r\n", 5);
	feed((struct str){ m, HEADER_NAME + 4 }, 0, 0, &h, &whole);
	ck_assert(!h.in_body && whole.parts[0] == 'O');
	memset(m, 'a', sizeof(m));
	memcpy(m + HEADER_NAME, ": x\r\n", 5);
	for (size_t most = 0; most < 3; most++) {
		feed((struct str){ m, HEADER_NAME + 5 }, 0, most, &h, &whole);
		ck_assert(h.in_body && whole.parts[0] == 'B');
		ck_assert_uint_eq(whole.n, HEADER_NAME + 5);
	}
}
END_TEST

/* At LIMIT_HEADER_SCAN bytes the rest is body, wherever that falls. */
START_TEST(scan_limit)
{
	static const char date[] = "Date: x\r\n";
	static char m[LIMIT_HEADER_SCAN + 100];
	struct header_scan a, b;

	for (size_t shift = 0; shift < sizeof(date); shift++) {
		size_t n = (size_t)sprintf(m, "X:%.*s\r\n", (int)shift, "aaaaaaaaa");

		for (size_t i = n; i < sizeof(m); i++)
			m[i] = date[(i - n) % (sizeof(date) - 1)];
		feed((struct str){ m, sizeof(m) }, 0, 0, &a, &whole);
		ck_assert(a.in_body);
		ck_assert_uint_eq(whole.n, sizeof(m));
		for (size_t i = n; i < LIMIT_HEADER_SCAN - sizeof(date); i++)
			must(whole.parts[i] == 'K', "header before the limit");
		for (size_t i = LIMIT_HEADER_SCAN; i < sizeof(m); i++)
			must(whole.parts[i] == 'B', "body behind it");
		feed((struct str){ m, sizeof(m) }, 0, 1000, &b, &split);
		check_same(&a, &b);
		feed((struct str){ m, sizeof(m) }, LIMIT_HEADER_SCAN - 3, 0, &b, &split);
		check_same(&a, &b);
	}
}
END_TEST

START_TEST(body_is_one_piece)
{
	struct header_scan h;

	feed(STR("\r\n"), 0, 0, &h, &whole);
	whole.pieces = 0;
	header_scan(&h, STR("a\r\nb: c\r\n\r\nd"), take, &whole);
	ck_assert_uint_eq(whole.pieces, 1);
	header_scan(&h, STR("x"), NULL, NULL);
	header_scan(&h, STR(""), take, &whole);
	ck_assert_uint_eq(whole.pieces, 1);
}
END_TEST

/* --- a header as a whole --- */

static const struct {
	struct str in;
	const char *want;
} wholes[] = {
	{ STR_INIT(""), "" },
	{ STR_INIT("\r\n"), "" },
	{ STR_INIT("\r\nA: b\r\n"), "" },
	{ STR_INIT("A: b\r\n\r\nC: d\r\n"), "A|b;" },
	{ STR_INIT("A: b\nC:d"), "A|b;C|d;" },
	{ STR_INIT("A:\r\nC:\r\n"), "A|;C|;" },
	{ STR_INIT("A : b\r\n\tc\r\n d\r\nE: f\r\n"), "A|b\r\n\tc\r\n d;E|f;" },
	{ STR_INIT("A: b\r\nno field\r\nC: d\r\n"), "A|b;" },
	{ STR_INIT(" A: b\r\n"), "" },
	{ STR_INIT("A: b\r\n \r\nC: d\r\n"), "A|b;C|d;" },
	{ STR_INIT(": b\r\n"), "" },
};

START_TEST(walk)
{
	struct str rest = wholes[_i].in, name, value;
	char got[200] = "";
	size_t n = 0;

	while (header_next(&rest, &name, &value))
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%.*s|%.*s;", STR_ARG(name),
				      STR_ARG(str_trim(value)));
	ck_assert_str_eq(got, wholes[_i].want);
	ck_assert_uint_eq(rest.n, 0);
	ck_assert(!header_next(&rest, &name, &value));
}
END_TEST

/* What header_scan takes for the header is walked to its end, and fields are the same. */
START_TEST(walk_and_scan)
{
	struct header_scan h;
	char m[300];

	for (int round = 0; round < 20000; round++) {
		struct str s = { m, random_message(m, sizeof(m)) }, rest, name, value;
		struct str end = { m, 0 };
		unsigned received = 0, kept = 0;

		feed(s, 0, 0, &h, &whole);
		whole.parts[whole.n] = '\0';
		rest = (struct str){ m, strcspn(whole.parts, "B") };
		for (s = rest; header_next(&rest, &name, &value);) {
			size_t at = (size_t)(name.p - m);

			received += str_ieq(name, STR("Received"));
			kept += whole.parts[at] == 'K';
			end.n = (size_t)(value.p - m) + value.n;
			must(memchr(whole.parts + at, whole.parts[at] ^ 'K' ^ 'O',
				    end.n - at) == NULL,
			     "one field, one part");
		}
		must(received == h.received, "as many Received");
		must(kept || !memchr(whole.parts, 'K', whole.n), "all that is kept");
		must(s.n - end.n <= 2, "up to the empty line");
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("header");
	TCase *t = tcase_create("all");
	SRunner *run = srunner_create(s);
	int failed;

	printf("header: seed %llu\n", (unsigned long long)property_seed);
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, table, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, any_split);
	tcase_add_test(t, long_subject);
	tcase_add_test(t, long_name);
	tcase_add_test(t, scan_limit);
	tcase_add_test(t, body_is_one_piece);
	tcase_add_loop_test(t, walk, 0, (int)ARRAY_LEN(wholes));
	tcase_add_test(t, walk_and_scan);
	srunner_run_all(run, CK_NORMAL);
	failed = srunner_ntests_failed(run);
	srunner_free(run);
	return failed != 0;
}
