/* Every field of every table: both ends of its range, one past them, and its text form. */
#include "lib/store/field.c"

#include <check.h>
#include <stdlib.h>

#include "unit/random_record.h"

static struct arena arena;
static union {
	char bytes[2048];
	_Alignas(max_align_t) struct account account;
} rec, before;

static void setup(void)
{
	arena = ARENA(8 << 20);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* --- helpers: what is taken and what is refused --- */

static void takes_as(const struct field *f, struct str in, struct str out)
{
	struct err e = { "" };
	struct str text;

	memcpy(&before, &rec, sizeof(rec));
	if (field_parse(f, &rec, in, &arena, &e) < 0)
		ck_abort_msg("%s: \"%.*s\" refused: %s", f->name, STR_ARG(in), e.text);
	text = field_text(f, &rec, &arena);
	if (!str_eq(text, out))
		ck_abort_msg("%s: \"%.*s\" comes out as \"%.*s\"", f->name, STR_ARG(in),
			     STR_ARG(text));
	/* what comes out goes in again and is the same */
	memcpy(&before, &rec, sizeof(rec));
	ck_assert_int_eq(field_parse(f, &rec, text, &arena, &e), 0);
	must(field_same(f, &rec, &before), f->name);
}

static void takes(const struct field *f, struct str in)
{
	takes_as(f, in, in);
}

/* The error names the tag, the value (its start; never a secret) and, when said, the range. */
static void refuses(const struct field *f, struct str in, const char *range)
{
	struct err e = { "" };
	char shown[SHOWN + 1];

	memcpy(&before, &rec, sizeof(rec));
	if (field_parse(f, &rec, in, &arena, &e) == 0)
		ck_abort_msg("%s: \"%.*s\" taken", f->name, STR_ARG(in));
	must(memcmp(&before, &rec, sizeof(rec)) == 0, "the record is unchanged");
	ck_assert_msg(strncmp(e.text, f->name, strlen(f->name)) == 0, "%s", e.text);
	str_copy(shown, sizeof(shown), in);
	ck_assert_msg(in.n == 0 || (strstr(e.text, shown) != NULL) == !field_is_secret(f->kind),
		      "%s: %s", shown, e.text);
	ck_assert_msg(!range || strstr(e.text, range), "%s lacks %s", e.text, range);
}

static struct str fill(size_t n, char c)
{
	char *p = arena_alloc(&arena, n + 1);

	memset(p, c, n);
	return (struct str){ p, n };
}

/* --- texts of an exact length --- */

/* local@label.label... of n bytes, 3..254. */
static struct str address_of(size_t n)
{
	struct str s = fill(n, 'a');
	char *p = (char *)(uintptr_t)s.p;
	size_t local = n > 130 ? 64 : 1;

	p[local] = '@';
	for (size_t i = local + 1 + 60; i + 1 < n; i += 61)
		p[i] = '.';
	return s;
}

static struct str members_of(size_t n)
{
	struct str s = fill(n, ',');
	size_t at = 0;

	while (at < n) {
		size_t one = n - at > 200 ? 99 : n - at;

		memcpy((char *)(uintptr_t)s.p + at, address_of(one).p, one);
		at += one + 1;
	}
	return s;
}

static struct str ranges_of(size_t n)
{
	struct str s = fill(n, ' ');

	for (size_t i = 0; i + 16 <= n; i += 16)
		memcpy((char *)(uintptr_t)s.p + i, "255.255.255.255,", 16);
	((char *)(uintptr_t)s.p)[n - 1] = ' ';
	return s;
}

static struct str text_of_length(const struct field *f, size_t n)
{
	struct str s;

	switch (f->kind) {
	case FK_ADDRESS:
		return address_of(n);
	case FK_MEMBERS:
		return members_of(n);
	case FK_RANGES:
		return ranges_of(n);
	case FK_PATH:
		s = fill(n, 'p');
		*(char *)(uintptr_t)s.p = '/';
		return s;
	default:
		return fill(n, 'x');
	}
}

/* --- the ends of each field's range --- */

static void text_ends(const struct field *f)
{
	char range[64];

	snprintf(range, sizeof(range), "%" PRId64 "..%" PRId64 " bytes", f->min, f->max);
	refuses(f, text_of_length(f, (size_t)f->max + 1), range);
	if (f->min == 0)
		takes(f, STR(""));
	else
		refuses(f, f->min > 1 ? fill((size_t)f->min - 1, 'x') : STR(""), range);
	if (f->kind == FK_IP) { /* the longest text of an address has 45 bytes */
		takes(f, STR("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"));
		return;
	}
	takes(f, text_of_length(f, (size_t)f->max));
	if (f->min > 0 && f->kind != FK_ADDRESS && f->kind != FK_MEMBERS)
		takes(f, text_of_length(f, (size_t)f->min));
}

static void word_ends(const struct field *f)
{
	struct str rest = str_z(f->words), one;
	bool empty_ok = false;

	while (str_split(&rest, '|', &one)) {
		takes(f, one);
		empty_ok |= one.n == 0;
	}
	refuses(f, str_z(f->words), f->words);
	refuses(f, STR("no such word"), f->words);
	if (!empty_ok)
		refuses(f, STR(""), f->words);
}

static void int_ends(const struct field *f)
{
	char range[64];

	snprintf(range, sizeof(range), "%" PRId64 "..%" PRId64, f->min, f->max);
	takes(f, arena_printf(&arena, "%" PRId64, f->min));
	takes(f, arena_printf(&arena, "%" PRId64, f->max));
	refuses(f, arena_printf(&arena, "%" PRId64, f->min - 1), range);
	refuses(f, arena_printf(&arena, "%" PRId64, f->max + 1), range);
	refuses(f, STR("1.0"), range);
	refuses(f, STR(" 1"), range);
	refuses(f, STR("+1"), range);
	refuses(f, STR("9223372036854775808"), range);
}

/* Units of a ten-thousandth, written out by other means than the module's. */
static struct str decimal(int64_t v)
{
	return arena_printf(&arena, "%s%" PRId64 ".%04" PRId64, v < 0 ? "-" : "",
			    (v < 0 ? -v : v) / 10000, (v < 0 ? -v : v) % 10000);
}

static void decimal_ends(const struct field *f)
{
	char lo[24], hi[24], range[64];

	snprintf(lo, sizeof(lo), "%g", (double)f->min / 10000);
	snprintf(hi, sizeof(hi), "%.0f", (double)f->max / 10000);
	snprintf(range, sizeof(range), "%s..%s", lo, hi);
	takes_as(f, decimal(f->min), str_z(lo));
	takes_as(f, decimal(f->max), str_z(hi));
	refuses(f, decimal(f->min - 1), range);
	refuses(f, decimal(f->max + 1), range);
	refuses(f, STR("1.00000"), range);
	refuses(f, STR("1."), range);
	refuses(f, STR(".5"), range);
	refuses(f, STR("1e1"), range);
	refuses(f, STR("1,5"), range);
	refuses(f, STR("922337203685477.5808"), range);
	refuses(f, STR("18446744073709551616"), range);
	takes_as(f, STR("2.5000"), STR("2.5"));
	takes_as(f, STR("2.0"), STR("2"));
}

static void bool_ends(const struct field *f)
{
	takes(f, STR("0"));
	takes(f, STR("1"));
	takes_as(f, STR(""), STR("0"));
	refuses(f, STR("2"), "0 or 1");
	refuses(f, STR("-1"), "0 or 1");
	refuses(f, STR("01"), "0 or 1");
	refuses(f, STR("true"), "0 or 1");
}

static void date_ends(const struct field *f)
{
	takes(f, STR(""));
	takes(f, STR("1970-01-01T00:00:00Z"));
	takes(f, STR("2026-11-23T08:09:10Z"));
	takes(f, STR("9999-12-31T23:59:59Z"));
	takes_as(f, STR("2026-11-23T00:00:00+02:00"), STR("2026-11-22T22:00:00Z"));
	takes_as(f, STR("2026-11-23T00:00:00.999Z"), STR("2026-11-23T00:00:00Z"));
	refuses(f, STR("1969-12-31T23:59:59Z"), "a date");
	refuses(f, STR("9999-12-31T23:59:59-00:01"), "a date"); /* year 10000 */
	refuses(f, STR("2026-02-29T00:00:00Z"), "a date");
	refuses(f, STR("2026-11-23"), "a date");
	refuses(f, STR("never"), "a date");
}

static void field_ends(const struct field *f)
{
	if (f->kind == FK_ENUM)
		word_ends(f);
	else if (field_is_text(f->kind))
		text_ends(f);
	else if (f->kind == FK_INT)
		int_ends(f);
	else if (f->kind == FK_DECIMAL)
		decimal_ends(f);
	else if (f->kind == FK_BOOL)
		bool_ends(f);
	else
		date_ends(f);
	if (f->kind == FK_INT || f->kind == FK_DECIMAL) {
		if (f->flags & FF_MAY_EMPTY)
			takes(f, STR(""));
		else
			refuses(f, STR(""), "..");
	}
}

START_TEST(ends)
{
	const struct table *t = all_tables[_i];

	record_defaults(t, &rec);
	for (unsigned i = 0; i < t->n_fields; i++) {
		field_ends(&t->fields[i]);
		arena_free(&arena);
		record_defaults(t, &rec); /* texts were in the arena */
	}
}
END_TEST

/* --- what each kind takes --- */

static const struct {
	const char *field;
	struct str in;
	bool good;
} values[] = {
	/* UTF-8 (RFC 3629) that XML can carry, no control bytes but tab, newline, return */
	{ "comment", STR_INIT("a\tb\nc\r\\"), true },
	{ "comment", STR_INIT("\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbd"), true },
	{ "comment", STR_INIT("\xef\xbf\xbe"), false },
	{ "comment", STR_INIT("\xef\xbf\xbf"), false },
	{ "comment", STR_INIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80"), true },
	{ "comment", STR_INIT("\0"), false },
	{ "comment", STR_INIT("\x1b[2J"), false },
	{ "comment", STR_INIT("\x7f"), false },
	{ "comment", STR_INIT("\x80"), false },
	{ "comment", STR_INIT("\xc0\xaf"), false }, /* overlong */
	{ "comment", STR_INIT("\xc1\xbf"), false },
	{ "comment", STR_INIT("\xe0\x9f\xbf"), false },
	{ "comment", STR_INIT("\xf0\x8f\xbf\xbf"), false },
	{ "comment", STR_INIT("\xed\xa0\x80"), false }, /* surrogate */
	{ "comment", STR_INIT("\xf4\x90\x80\x80"), false }, /* past 10FFFF */
	{ "comment", STR_INIT("\xf5\x80\x80\x80"), false },
	{ "comment", STR_INIT("\xff"), false },
	{ "comment", STR_INIT("ok\xe2\x82"), false }, /* cut off */
	{ "comment", STR_INIT("\xe2\x82z"), false },
	{ "comment", STR_INIT("\xc3"), false },
	{ "clusterid", STR_INIT("SMTP-1_a.b:c#!"), true },
	{ "clusterid", STR_INIT("a b"), false },
	{ "clusterid", STR_INIT("a\tb"), false },
	{ "clusterid", STR_INIT("a\0b"), false },
	{ "clusterid", STR_INIT("a<b"), false },
	{ "clusterid", STR_INIT("a>b"), false },
	{ "clusterid", STR_INIT("a&b"), false },
	{ "clusterid", STR_INIT("a\"b"), false },
	{ "clusterid", STR_INIT("a'b"), false },
	{ "clusterid", STR_INIT("a/b"), false },
	{ "clusterid", STR_INIT("a\\b"), false },
	{ "clusterid", STR_INIT("\x7f"), false },
	{ "clusterid", STR_INIT("\xc3\xa9"), false },
	{ "smtp_host_name", STR_INIT("Mail-1.example_x.com"), true },
	{ "smtp_host_name", STR_INIT("a b"), false },
	{ "smtp_host_name", STR_INIT("a\0"), false },
	{ "smtp_host_name", STR_INIT("a:25"), false },
	{ "smtp_host_name", STR_INIT("a/b"), false },
	{ "listen_address", STR_INIT("::"), true },
	{ "listen_address", STR_INIT("10.0.0.1"), true },
	{ "listen_address", STR_INIT("10.0.0"), false },
	{ "listen_address", STR_INIT("10.0.0.1:25"), false },
	{ "listen_address", STR_INIT("localhost"), false },
	{ "relay_ranges", STR_INIT("10.0.0.0/8, 1.2.3.4-1.2.3.9\n::1/128"), true },
	{ "relay_ranges", STR_INIT("10.0.0.0/33"), false },
	{ "relay_ranges", STR_INIT("1.2.3.9-1.2.3.4"), false },
	{ "relay_ranges", STR_INIT("all"), false },
	{ "tls_certificate", STR_INIT("/etc/ssl/a b.pem"), true },
	{ "tls_certificate", STR_INIT("etc/ssl"), false },
	{ "tls_certificate", STR_INIT("/a\0b"), false },
	{ "email_address", STR_INIT("@example.com"), true },
	{ "email_address", STR_INIT("joe+tag@example.com"), true },
	{ "email_address", STR_INIT("joe"), false },
	{ "email_address", STR_INIT("joe@"), false },
	{ "email_address", STR_INIT("a..b@example.com"), false },
	{ "email_address", STR_INIT("joe@ex ample.com"), false },
	{ "email_address", STR_INIT("joe\t@example.com"), false },
	{ "email_address", STR_INIT(" joe@example.com"), false },
	{ "email_address", STR_INIT("jos\xc3\xa9@example.com"), true },
	{ "email_address", STR_INIT("jos\xe9@example.com"), false }, /* no XML could name it */
	{ "email_address", STR_INIT("joe\xef\xbb\xbf@example.com"), true },
	{ "email_address", STR_INIT("\xef\xbb\xbfjoe@example.com"), false },
	{ "alias_list", STR_INIT("a@b.c,d@e.f"), true },
	{ "alias_list", STR_INIT("a@b.c,jos\xc3\xa9@e.f"), true },
	{ "alias_list", STR_INIT("a@b.c,jos\xe9@e.f"), false },
	{ "alias_list", STR_INIT("@b.c"), false }, /* nobody */
	{ "alias_list", STR_INIT("a@b.c,"), false },
	{ "alias_list", STR_INIT(",a@b.c"), false },
	{ "alias_list", STR_INIT("a@b.c,,d@e.f"), false },
	{ "alias_list", STR_INIT("a@b.c;d@e.f"), false },
	{ "user_password", STR_INIT("\xc3\xa9 \t<>&"), true },
	{ "user_password", STR_INIT("{abc"), true },
	{ "user_password", STR_INIT("$ecret"), true },
	{ "user_password", STR_INIT("{sha}5en6G6MezRroT3XKqkdPOmY/BfQ="), true },
	{ "user_password", STR_INIT("{XYZ}abc"), false },
	{ "user_password", STR_INIT("{SHA}abc"), false },
	{ "user_password", STR_INIT("$6$abc"), false },
	{ "probe_password", STR_INIT("{XYZ}$6$abc"), true }, /* the probe sends it as it is */
	{ "user_password", STR_INIT("tr\0uth"), false },
	{ "user_password", STR_INIT("latin\xe9"), false },
};

static const struct field *find_field(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(all_tables); i++) {
		const struct field *f = table_field(all_tables[i], str_z(name));

		if (f)
			return f;
	}
	ck_abort_msg("no field %s", name);
}

START_TEST(kinds)
{
	const struct field *f = find_field(values[_i].field);
	struct err e = { "" };

	memset(&rec, 0, sizeof(rec));
	ck_assert_int_eq(field_parse(f, &rec, values[_i].in, &arena, &e), values[_i].good ? 0 : -1);
	if (values[_i].good) {
		must(str_eq(field_text(f, &rec, &arena), values[_i].in), "comes out as it went in");
		return;
	}
	ck_assert_ptr_eq(strstr(e.text, f->name), e.text);
	for (const char *p = e.text; *p; p++) /* fit for any log and document */
		must(*p >= ' ' && *p < 127, e.text);
}
END_TEST

START_TEST(addresses_are_kept_in_lower_case)
{
	memset(&rec, 0, sizeof(rec));
	takes_as(find_field("email_address"), STR("Joe@Example.COM"), STR("joe@example.com"));
	takes_as(find_field("alias_list"), STR("A@B.C,d@E.f"), STR("a@b.c,d@e.f"));
}
END_TEST

START_TEST(members_are_counted)
{
	const struct field *f = find_field("alias_list");
	struct str s = STR("a@b.c");
	struct err e = { "" };

	for (int i = 1; i < LIMIT_ALIAS_MEMBERS; i++)
		s = arena_printf(&arena, "%.*s,a@b.c", STR_ARG(s));
	ck_assert_int_eq(field_parse(f, &rec, s, &arena, &e), 0);
	s = arena_printf(&arena, "%.*s,a@b.c", STR_ARG(s));
	ck_assert_int_eq(field_parse(f, &rec, s, &arena, &e), -1);
	ck_assert_str_eq(e.text, "alias_list: more than 1000 members");
}
END_TEST

START_TEST(a_small_arena_is_an_error)
{
	struct arena small = ARENA(16);
	struct err e = { "" };

	memset(&rec, 0, sizeof(rec));
	ck_assert_int_eq(field_parse(find_field("comment"), &rec, fill(1000, 'x'), &small, &e), -1);
	ck_assert_str_eq(e.text, "comment: out of memory for this request");
	arena_free(&small);
}
END_TEST

/* --- round trip at random --- */

START_TEST(random_values)
{
	const struct table *t = all_tables[_i];
	struct err e;

	for (int n = 0; n < 400; n++) {
		random_record(t, &before, &arena);
		record_defaults(t, &rec);
		for (unsigned i = 0; i < t->n_fields; i++)
			if (field_parse(&t->fields[i], &rec, field_text(&t->fields[i], &before, &arena),
					&arena, &e) < 0 && !field_is_default(&t->fields[i], &before))
				ck_abort_msg("%s", e.text);
		must_be_same(t, &rec, &before);
		arena_free(&arena);
	}
}
END_TEST

/* --- descriptions --- */

START_TEST(descriptions_are_sound)
{
	const struct table *t = all_tables[_i];
	uint64_t ids = 0;

	ck_assert_uint_le(t->size, sizeof(rec));
	for (unsigned i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		size_t size = field_is_text(f->kind) ? sizeof(struct str) : sizeof(int64_t);

		ck_assert_uint_gt(f->id, 0);
		ck_assert_uint_lt(f->id, FIELD_IDS);
		ck_assert_msg(!(ids >> f->id & 1), "%s: its id is taken", f->name);
		ids |= 1ull << f->id;
		ck_assert_uint_le(f->offset + size, t->size);
		ck_assert_ptr_eq(table_field(t, str_z(f->name)), f);
		ck_assert(!(f->flags & FF_KEY) || field_is_text(f->kind));
		ck_assert_uint_gt(strlen(f->help), 0);
	}
	ck_assert_ptr_null(table_field(t, STR("")));
	ck_assert_ptr_null(table_field(t, STR("nosuch")));
}
END_TEST

/* A default is a value that the field itself takes, unless it must be given. */
START_TEST(defaults)
{
	const struct table *t = all_tables[_i];
	struct err e = { "" };

	memset(&rec, 0xff, sizeof(rec));
	record_defaults(t, &rec);
	for (unsigned i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];

		ck_assert(field_is_default(f, &rec));
		ck_assert_msg(str_eq(field_text(f, &rec, &arena), str_z(f->dflt)) ||
				      f->kind == FK_DECIMAL, "%s", f->name);
		if (!(f->flags & FF_REQUIRED))
			ck_assert_msg(field_parse(f, &rec, str_z(f->dflt), &arena, &e) == 0, "%s",
				      e.text);
		ck_assert(field_is_default(f, &rec));
	}
}
END_TEST

/* --- keys --- */

START_TEST(keys)
{
	char key[KEY_MAX], name[LIMIT_NAME];
	struct box box;
	struct ledger l;
	size_t n;

	record_defaults(&table_boxes, &box);
	ck_assert_int_eq(record_key(&table_boxes, &box, key, &n), 0); /* NUL alone: no row has it */
	box.clusterid = STR("SMTP");
	box.boxid = STR("MAIL1");
	ck_assert_int_eq(record_key(&table_boxes, &box, key, &n), 0);
	ck_assert_mem_eq(key, "SMTP\0MAIL1", 10);
	ck_assert_uint_eq(n, 10);
	memset(name, 'x', sizeof(name));
	box.clusterid = box.boxid = (struct str){ name, sizeof(name) };
	ck_assert_int_eq(record_key(&table_boxes, &box, key, &n), 0);
	ck_assert_uint_eq(n, 2 * LIMIT_NAME + 1);

	record_defaults(&table_ledger, &l);
	l.pair = fill(300, 'p');
	l.digest = fill(300, 'd');
	ck_assert_int_eq(record_key(&table_ledger, &l, key, &n), -1);
}
END_TEST

START_TEST(an_empty_or_long_key_is_refused)
{
	char key[KEY_MAX];
	struct account acc;
	size_t n;

	record_defaults(&table_accounts, &acc);
	ck_assert_int_eq(record_key(&table_accounts, &acc, key, &n), -1);
	acc.email_address = fill(KEY_MAX + 1, 'a');
	ck_assert_int_eq(record_key(&table_accounts, &acc, key, &n), -1);
	acc.email_address = fill(KEY_MAX - 1, 'a');
	ck_assert_int_eq(record_key(&table_accounts, &acc, key, &n), 0);
	ck_assert_uint_eq(n, KEY_MAX - 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("field");
	TCase *t = tcase_create("field");
	SRunner *r;
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, ends, 0, (int)ARRAY_LEN(all_tables));
	tcase_add_loop_test(t, kinds, 0, (int)ARRAY_LEN(values));
	tcase_add_test(t, addresses_are_kept_in_lower_case);
	tcase_add_test(t, members_are_counted);
	tcase_add_test(t, a_small_arena_is_an_error);
	tcase_add_loop_test(t, random_values, 0, (int)ARRAY_LEN(all_tables));
	tcase_add_loop_test(t, descriptions_are_sound, 0, (int)ARRAY_LEN(all_tables));
	tcase_add_loop_test(t, defaults, 0, (int)ARRAY_LEN(all_tables));
	tcase_add_test(t, keys);
	tcase_add_test(t, an_empty_or_long_key_is_refused);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
