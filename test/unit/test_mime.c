/* mime: fields and bodies by table; whatever the text, what is written reads back. */
#include "lib/wire/mime.c"

#include <stdio.h>

#include "test/unit/mime_read.h"
#include "test/unit/property.h"

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10
#define E5 "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"

static struct buf out;

static void setup(void)
{
	buf_init(&out, LIMIT_AUTOREPLY_MESSAGE);
}

static void teardown(void)
{
	buf_release(&out);
}

static const struct {
	struct str text;
	const char *want;
} fields[] = {
	{ STR_INIT(""), "Subject: \r\n" },
	{ STR_INIT("away"), "Subject: away\r\n" },
	{ STR_INIT("  I  am\taway "), "Subject: I  am away\r\n" },
	/* nothing begins a line of its own */
	{ STR_INIT("a\r\nBcc: b@c"), "Subject: a Bcc: b@c\r\n" },
	{ STR_INIT("a\nBcc: b\r"), "Subject: a Bcc: b\r\n" },
	{ STR_INIT("a\r\n\r\nb\0c\x7f"
		   "d"),
	  "Subject: a  b c d\r\n" },
	/* folds */
	{ STR_INIT(A60 " 345"), "Subject: " A60 " 345\r\n" },
	{ STR_INIT(A60 " 345678"), "Subject: " A60 " 345678\r\n" },
	{ STR_INIT(A60 " 3456789"), "Subject: " A60 "\r\n 3456789\r\n" },
	{ STR_INIT(A60 "   3456789"), "Subject: " A60 "\r\n   3456789\r\n" },
	{ STR_INIT(A60 "1234567"), "Subject: " A60 "1234567\r\n" },
	/* a word that fits no line */
	{ STR_INIT(A60 "12345678"),
	  "Subject: =?UTF-8?Q?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?=\r\n"
	  " =?UTF-8?Q?aaaaa12345678?=\r\n" },
	/* what would be taken for an encoded word */
	{ STR_INIT("is =?UTF-8?Q?a?="),
	  "Subject: =?UTF-8?B?aXMgPT9VVEYtOD9RP2E/PQ==?=\r\n" },
	/* Q where it is shorter */
	{ STR_INIT("Gr\xc3\xbc\xc3\x9f"
		   "e von hier"),
	  "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe_von_hier?=\r\n" },
	{ STR_INIT("\xc3\xa4"), "Subject: =?UTF-8?B?w6Q=?=\r\n" },
	{ STR_INIT("a \xff b\xc3"), "Subject: a ? b?\r\n" },
	/* 39 bytes fit the first line in B: no character is cut there */
	{ STR_INIT(E5 E5 E5 E5),
	  "Subject: =?UTF-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6Q=?=\r\n"
	  " =?UTF-8?B?w6Q=?=\r\n" },
};

START_TEST(text_fields)
{
	ck_assert_int_eq(mime_text_field(&out, STR("Subject"), fields[_i].text), 0);
	ck_assert_int_eq(buf_addc(&out, '\0'), 0);
	ck_assert_str_eq(buf_str(&out).p, fields[_i].want);
}
END_TEST

#define WORD75 "=?iso-8859-1?Q?" A10 A10 A10 A10 A10 "aaaaaaaa?="

static const struct {
	struct str value;
	const char *want;
} kept[] = {
	{ STR_INIT(""), "Subject: Auto:\r\n" },
	{ STR_INIT(" hello\r\n"), "Subject: Auto: hello\r\n" },
	{ STR_INIT(" one\r\n two\r\n\tthree \r\n"), "Subject: Auto: one two three\r\n" },
	{ STR_INIT(" a  b\r\n  c\r\n"), "Subject: Auto: a  b  c\r\n" },
	{ STR_INIT(" a\rBcc: x\r\n"), "Subject: Auto: a Bcc: x\r\n" },
	{ STR_INIT(" a\0b\x01\x7f"
		   "c\r\n"),
	  "Subject: Auto: a b  c\r\n" },
	/* encoded words stay */
	{ STR_INIT(" =?koi8-r?B?8NLJ18XU?= =?x?q?a_b?=\r\n"),
	  "Subject: Auto: =?koi8-r?B?8NLJ18XU?= =?x?q?a_b?=\r\n" },
	{ STR_INIT(" " WORD75 "\r\n " WORD75 "\r\n"),
	  "Subject: Auto:\r\n " WORD75 "\r\n " WORD75 "\r\n" },
	/* a word of others that fits no line stays as well, up to a bound */
	{ STR_INIT("x " A60 A60), "Subject: Auto: x\r\n " A60 A60 "\r\n" },
	{ STR_INIT("x " A60 A60 A60 A60 A60 A60 A60 A60 A60 A60 A60 A60 A60 A60 A60
		   "a y"),
	  "Subject: Auto: x\r\n" },
	/* raw UTF-8, and what is none */
	{ STR_INIT(" \xc3\xa4 b\r\n"), "Subject: =?UTF-8?Q?Auto=3A_=C3=A4_b?=\r\n" },
	{ STR_INIT(" \xe4 b\r\n"), "Subject: Auto: ? b\r\n" },
};

START_TEST(kept_fields)
{
	ck_assert_int_eq(mime_kept_field(&out, STR("Subject"), STR("Auto:"),
					 kept[_i].value),
			 0);
	ck_assert_int_eq(buf_addc(&out, '\0'), 0);
	ck_assert_str_eq(buf_str(&out).p, kept[_i].want);
}
END_TEST

START_TEST(kept_is_bounded)
{
	static char value[LIMIT_HEADER_SCAN];
	struct str line, s;
	size_t n = 0;

	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = i % 8 ? 'a' : ' ';
	ck_assert_int_eq(mime_kept_field(&out, STR("Subject"), STR("Auto:"),
					 (struct str){ value, sizeof(value) }),
			 0);
	for (s = buf_str(&out); s.n; n += line.n) {
		ck_assert(read_line(&s, 76, &line));
		ck_assert(line.n % 8 == 0 || str_starts(line, STR("Subject: Auto:")));
	}
	ck_assert_uint_gt(n, LIMIT_UNSTRUCTURED - 10);
	ck_assert_uint_le(n, LIMIT_UNSTRUCTURED + 10);
}
END_TEST

/* --- bodies --- */

static const struct {
	struct str text;
	enum mime_encoding encoding;
	const char *want;
} bodies[] = {
	{ STR_INIT(""), MIME_7BIT, "" },
	{ STR_INIT("a"), MIME_7BIT, "a\r\n" },
	{ STR_INIT("a\r\n"), MIME_7BIT, "a\r\n" },
	{ STR_INIT("\n\r\r\n\n\r"), MIME_7BIT, "\r\n\r\n\r\n\r\n\r\n" },
	{ STR_INIT("a\nb\rc\r\nd"), MIME_7BIT, "a\r\nb\r\nc\r\nd\r\n" },
	{ STR_INIT(".\n..\n"), MIME_7BIT, ".\r\n..\r\n" }, /* no dot-stuffing here */
	{ STR_INIT("a\0b\x1b\x7f\tc \n"), MIME_7BIT, "a?b??\tc \r\n" },
	{ STR_INIT("\xff\xe2\x82"), MIME_7BIT, "???\r\n" },
	{ STR_INIT(A60 A10 "12345678"), MIME_7BIT, A60 A10 "12345678\r\n" },
	{ STR_INIT(A60 A10 "123456789"), MIME_QUOTED_PRINTABLE,
	  A60 A10 "12345=\r\n6789\r\n" },
	{ STR_INIT("Gr\xc3\xbc\xc3\x9f"
		   "e = \n\t\n von mir und von allen anderen \xc3\xa4"),
	  MIME_QUOTED_PRINTABLE,
	  "Gr=C3=BC=C3=9Fe =3D=20\r\n=09\r\n von mir und von allen anderen =C3=A4\r\n" },
	{ STR_INIT(A60 A10 "12345\xc3\xa4" A60 "."), MIME_QUOTED_PRINTABLE,
	  A60 A10 "12345=\r\n=C3=A4" A60 ".\r\n" },
	{ STR_INIT(A60 A10 "123456\n\xc3\xa4" A60), MIME_QUOTED_PRINTABLE,
	  A60 A10 "123456\r\n=C3=A4" A60 "\r\n" },
	{ STR_INIT(E5), MIME_BASE64, "w6TDpMOkw6TDpA0K\r\n" },
	{ STR_INIT(E5 E5 E5 E5 E5 E5), MIME_BASE64,
	  "w6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TD\r\n"
	  "pMOkDQo=\r\n" },
};

START_TEST(body_table)
{
	ck_assert_int_eq(mime_choose(bodies[_i].text), bodies[_i].encoding);
	ck_assert_int_eq(mime_body(&out, bodies[_i].text, bodies[_i].encoding), 0);
	ck_assert_int_eq(buf_addc(&out, '\0'), 0);
	ck_assert_str_eq(buf_str(&out).p, bodies[_i].want);
}
END_TEST

/* --- properties --- */

static size_t random_text(char *dst, size_t most)
{
	static const char *const words[] = {
		"a",
		"hello ",
		" ",
		"  ",
		"\r\n",
		"\n",
		"\t",
		"=?",
		"=",
		"_",
		"\xff",
		"\xc3\xa4",
		"\xe2\x82\xac",
		".",
		"\r",
		"?=",
		"\xf0\x9f\x98\x80",
		"\xd7\xa9",
		A60,
	};
	unsigned few = 1 + rnd(ARRAY_LEN(words)), from = rnd(ARRAY_LEN(words));
	size_t n = 0, want = rnd((unsigned)most - 60);

	while (n < want) {
		const char *s = words[(from + rnd(few)) % ARRAY_LEN(words)];

		memcpy(dst + n, s, strlen(s));
		n += strlen(s);
	}
	return n;
}

/* What a field should say: the same cleaning, written the slow way. */
static size_t plain_text(struct str s, char *dst)
{
	size_t n = 0;

	while (s.n) {
		size_t c = str_utf8(s);

		if (n + (c ? c : 1) > LIMIT_UNSTRUCTURED)
			break;
		if (s.n > 1 && s.p[0] == '\r' && s.p[1] == '\n')
			s = str_skip(s, 1);
		if (c > 1)
			memcpy(dst + n, s.p, c);
		else
			dst[n] = c == 0			      ? '?' :
				 s.p[0] < 32 || s.p[0] == 127 ? ' ' :
								s.p[0];
		n += c ? c : 1;
		s = str_skip(s, c ? c : 1);
	}
	s = str_trim((struct str){ dst, n });
	memmove(dst, s.p, s.n);
	return s.n;
}

START_TEST(any_field)
{
	static char in[1500], want[1500], got[6000];

	for (int i = 0; i < 20000; i++) {
		struct str text = { in, random_text(in, i % 8 ? 300 : sizeof(in)) };
		size_t n = plain_text(text, want);
		ptrdiff_t read;

		buf_release(&out);
		must(mime_text_field(&out, STR("Subject"), text) == 0, "room");
		read = read_field(str_skip(buf_str(&out), 8), got);
		must(read == (ptrdiff_t)n && memcmp(got, want, n) == 0, "reads back");
	}
}
END_TEST

static ptrdiff_t (*const readers[])(struct str s, char *dst) = {
	[MIME_7BIT] = read_7bit,
	[MIME_QUOTED_PRINTABLE] = read_quoted_printable,
	[MIME_BASE64] = read_base64,
};

START_TEST(any_body)
{
	static char in[3000], got[30000];
	unsigned seen[MIME_ENCODINGS] = { 0 };

	for (int i = 0; i < 10000; i++) {
		struct str text = { in, random_text(in, i % 8 ? 200 : sizeof(in)) };
		enum mime_encoding best = mime_choose(text);
		struct buf plain;

		seen[best]++;
		buf_init(&plain, 2 * sizeof(in));
		must(mime_body(&plain, text, MIME_7BIT) == 0, "room");
		must(read_utf8(buf_str(&plain)), "UTF-8");
		for (unsigned e = best == MIME_7BIT ? MIME_7BIT : MIME_QUOTED_PRINTABLE;
		     e < MIME_ENCODINGS; e++) {
			ptrdiff_t n;

			buf_release(&out);
			must(mime_body(&out, text, e) == 0, "room");
			n = readers[e](buf_str(&out), got);
			must(n >= 0 && str_eq((struct str){ got, (size_t)n }, buf_str(&plain)),
			     mime_encoding_name(e));
			must(best == MIME_7BIT || buf_len(&out) >= cost(text, best),
			     "the shorter one");
		}
		buf_release(&plain);
	}
	for (unsigned e = 0; e < MIME_ENCODINGS; e++)
		ck_assert_uint_gt(seen[e], 100);
}
END_TEST

/* The worst mixtures of line ends and characters stay well below the limit. */
START_TEST(worst_body)
{
	static char in[LIMIT_AUTOREPLY_BODY];
	size_t most = 0;

	for (size_t step = 1; step <= 100; step++) {
		struct str text = { in, sizeof(in) };

		for (size_t i = 0; i + 1 < sizeof(in); i += 2) {
			bool end = i / 2 % 100 < step;

			memcpy(in + i, end ? "\n\n" : "\xc3\xa4", 2);
		}
		buf_release(&out);
		ck_assert_int_eq(mime_body(&out, text, mime_choose(text)), 0);
		most = buf_len(&out) > most ? buf_len(&out) : most;
	}
	ck_assert_uint_gt(most, 140000);
	ck_assert_uint_lt(most, LIMIT_AUTOREPLY_MESSAGE - 16384);
}
END_TEST

START_TEST(no_room)
{
	struct buf small;

	for (size_t max = 0; max < 30; max++) {
		buf_init(&small, max);
		ck_assert_int_eq(mime_text_field(&small, STR("Subject"),
						 STR("twelve bytes")),
				 max < 23 ? -1 : 0);
		buf_release(&small);
		buf_init(&small, max);
		ck_assert_int_eq(mime_body(&small, STR("twelve bytes"), MIME_BASE64),
				 max < 22 ? -1 : 0);
		buf_release(&small);
	}
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(mime_encoding_name(MIME_7BIT), "7bit");
	ck_assert_str_eq(mime_encoding_name(MIME_QUOTED_PRINTABLE), "quoted-printable");
	ck_assert_str_eq(mime_encoding_name(MIME_BASE64), "base64");
	ck_assert_str_eq(mime_encoding_name(MIME_ENCODINGS), "binary");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mime");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	printf("mime: seed %llu\n", (unsigned long long)property_seed);
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, text_fields, 0, (int)ARRAY_LEN(fields));
	tcase_add_loop_test(t, kept_fields, 0, (int)ARRAY_LEN(kept));
	tcase_add_test(t, kept_is_bounded);
	tcase_add_loop_test(t, body_table, 0, (int)ARRAY_LEN(bodies));
	tcase_add_test(t, any_field);
	tcase_add_test(t, any_body);
	tcase_add_test(t, worst_body);
	tcase_add_test(t, no_room);
	tcase_add_test(t, names);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
