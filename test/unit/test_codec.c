/* The stored form: what goes in comes out, what a newer version wrote stays, and damaged bytes
 * are refused or read without harm (run it with SAN=address). */
#include "lib/store/codec.c"

#include <check.h>
#include <stdlib.h>

#include "unit/random_record.h"

union any {
	char bytes[2048];
	_Alignas(max_align_t) struct account account;
};

static struct arena arena;
static struct buf out, again;

static void setup(void)
{
	arena = ARENA(64 << 20);
	buf_init(&out, 1 << 20);
	buf_init(&again, 1 << 20);
}

static void teardown(void)
{
	arena_free(&arena);
	buf_release(&out);
	buf_release(&again);
}

/* The stamp that a field has, however it is kept. */
static uint64_t stamp_of(const struct row_meta *m, uint8_t id)
{
	return m->field_stamp[id] ? m->field_stamp[id] : m->stamp;
}

static uint64_t random_u64(void)
{
	static const uint64_t ends[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, INT64_MAX,
					 UINT64_MAX };

	return rnd(3) ? (uint64_t)rnd(1u << 31) << rnd(33) : ends[rnd(ARRAY_LEN(ends))];
}

static void random_meta(const struct table *t, struct row_meta *m)
{
	uint64_t born;

	memset(m, 0, sizeof(*m));
	m->seq = random_u64();
	m->stamp = random_u64();
	m->origin = (uint32_t)random_u64();
	m->dot = random_u64();
	born = m->stamp ? m->stamp - random_u64() % m->stamp : 0;
	for (unsigned i = 0; i < t->n_fields && t->field_stamps && m->stamp; i++)
		switch (rnd(4)) {
		case 0:
			m->field_stamp[t->fields[i].id] = m->stamp - random_u64() % m->stamp;
			break;
		case 1:
			m->field_stamp[t->fields[i].id] = m->stamp;
			break;
		default: /* most fields are as old as their row */
			m->field_stamp[t->fields[i].id] = born;
		}
}

static void write_record(const struct table *t, const void *rec, const struct row_meta *m, struct buf *b)
{
	buf_consume(b, buf_len(b));
	must(record_encode(t, rec, m, b) == 0, "encoded");
}

START_TEST(round_trip)
{
	const struct table *t = all_tables[_i];

	for (int n = 0; n < 500; n++) {
		union any rec, back;
		struct row_meta m, got;

		random_record(t, &rec, &arena);
		random_meta(t, &m);
		write_record(t, &rec, &m, &out);
		must(record_decode(t, buf_str(&out), &back, &got) == 0, "decoded");
		must_be_same(t, &rec, &back);
		must(got.seq == m.seq && got.stamp == m.stamp && got.origin == m.origin &&
			     got.dot == m.dot && !got.tombstone && got.unknown.n == 0, "meta");
		for (unsigned i = 0; i < t->n_fields; i++)
			must(stamp_of(&got, t->fields[i].id) == stamp_of(&m, t->fields[i].id),
			     t->fields[i].name);
		/* equal states have equal bytes */
		write_record(t, &back, &got, &again);
		must(str_eq(buf_str(&out), buf_str(&again)), "one form only");
		must(record_decode(t, buf_str(&out), NULL, NULL) == 0, "meta alone");
		arena_free(&arena);
	}
}
END_TEST

/* A row leaves out what its key tells, and that alone. */
START_TEST(keyless_round_trip)
{
	const struct table *t = all_tables[_i];

	for (int n = 0; n < 500; n++) {
		union any rec, back;
		struct row_meta m, got;
		char key[KEY_MAX];
		struct str k = { key, 0 };

		random_record(t, &rec, &arena);
		random_meta(t, &m);
		must(record_key(t, &rec, key, &k.n) == 0, "key");
		write_record(t, &rec, &m, &out);
		buf_consume(&again, buf_len(&again));
		must(row_encode(t, &rec, &m, &again) == 0, "encoded");
		must(buf_len(&again) < buf_len(&out), "shorter");
		must(row_decode(t, k, buf_str(&again), &back, &got) == 0, "decoded");
		must_be_same(t, &rec, &back);
		for (unsigned i = 0; i < t->n_fields; i++)
			must((t->fields[i].flags & FF_KEY) ||
				     stamp_of(&got, t->fields[i].id) ==
					     stamp_of(&m, t->fields[i].id),
			     t->fields[i].name);
		must(row_decode(t, k, buf_str(&again), NULL, &got) == 0, "meta alone");
		must(record_decode(t, buf_str(&again), &back, &got) == -1, "not without its key");
		must(row_decode(t, k, buf_str(&out), &back, &got) == 0, "a whole one, too");
		must_be_same(t, &rec, &back);
		arena_free(&arena);
	}
}
END_TEST

/* A key of other fields than the table's. */
START_TEST(keys_of_another_form)
{
	struct box b;
	struct row_meta m = { 0 };

	record_defaults(&table_boxes, &b);
	must(row_encode(&table_boxes, &b, &m, &out) == 0, "encoded");
	ck_assert_int_eq(row_decode(&table_boxes, STR("one"), buf_str(&out), &b, &m), -1);
	ck_assert_int_eq(row_decode(&table_boxes, STR("one\0two\0"), buf_str(&out), &b, &m), -1);
	ck_assert_int_eq(row_decode(&table_boxes, STR("one\0two"), buf_str(&out), &b, &m), 0);
	ck_assert(str_eq(b.clusterid, STR("one")));
	ck_assert(str_eq(b.boxid, STR("two")));
}
END_TEST

static const struct {
	const char *what;
	struct str in;
	int rc;
	bool live;
	struct str box;
} peeked[] = {
	{ "nothing", STR_INIT(""), -1, false, STR_INIT("") },
	{ "cut off", STR_INIT("\1\0\1\0\0"), -1, true, STR_INIT("") },
	{ "a tombstone", STR_INIT("\1\3\1\0\0\0\0\0\0\0\0\1\1"), 0, false, STR_INIT("") },
	{ "at its default", STR_INIT("\1\2\1\0\0\0\0\0\0\0\0\1\1\2\0\1x"), 0, true, STR_INIT("") },
	{ "behind another", STR_INIT("\1\2\1\0\0\0\0\0\0\0\0\1\1\2\0\1x\3\0\2M1"), 0,
	  true, STR_INIT("M1") },
	{ "a field cut off", STR_INIT("\1\2\1\0\0\0\0\0\0\0\0\1\1\2\0\2x"), -1, true, STR_INIT("") },
};

START_TEST(peeking)
{
	const struct field *f = table_field(&table_accounts, STR("boxid"));
	struct str box = STR("");
	bool live = false;

	ck_assert_int_eq(row_peek(f, peeked[_i].in, &live, &box), peeked[_i].rc);
	ck_assert(live == peeked[_i].live);
	ck_assert(str_eq(box, peeked[_i].box));
	if (peeked[_i].in.n >= 2)
		ck_assert_int_eq(row_peek(NULL, peeked[_i].in, &live, &box), 0);
}
END_TEST

/* The bytes of one row, spelled out: other versions and sisters must read them. */
START_TEST(spelled_out)
{
	static const char want[] = "\1\0"			 /* format, flags */
				   "\x81\1"			 /* seq 129 */
				   "\0\0\1\2\3\4\5\6"		 /* stamp */
				   "\2"				 /* origin */
				   "\7"				 /* dot */
				   "\1\0\5a@b.c"		 /* address: key */
				   "\2\6\3pw\n"			 /* password: 6 older than the row */
				   "\6\0\1\4"			 /* spam_setting 2, zigzag */
				   "\7\0\2\xd0\x0f";		 /* rcpt_per_mail 1000 */
	struct account acc;
	struct row_meta m = { .seq = 129, .stamp = 0x010203040506, .origin = 2, .dot = 7 };

	record_defaults(&table_accounts, &acc);
	acc.email_address = STR("a@b.c");
	acc.user_password = STR("pw\n");
	acc.spam_setting = 2;
	acc.rcpt_per_mail = 1000;
	m.field_stamp[2] = m.stamp - 6;
	write_record(&table_accounts, &acc, &m, &out);
	ck_assert_uint_eq(buf_len(&out), sizeof(want) - 1);
	ck_assert_mem_eq(buf_str(&out).p, want, sizeof(want) - 1);
}
END_TEST

/* One whose password was changed: all else is as old as the row, which is said once. */
START_TEST(spelled_out_with_a_base)
{
	static const char want[] = "\1\6"			 /* format, keyless and base */
				   "\1"				 /* seq */
				   "\0\0\0\0\0\0\1\0"		 /* stamp 256 */
				   "\0"				 /* origin */
				   "\0"				 /* dot */
				   "\x38"			 /* base 200 */
				   "\2\0\1x"			 /* password: new */
				   "\3\1\1M"			 /* boxid: of the base */
				   "\6\0\1\2"			 /* spam_setting: new, the default */
				   "\7\x80\1\1\2"		 /* rcpt_per_mail 1: 127 before the row */
				   "\x0c\2\1\0";		 /* mail_unlimited: 1 before the row */
	struct account acc;
	struct row_meta m = { .seq = 1, .stamp = 256 }, got;

	record_defaults(&table_accounts, &acc);
	acc.user_password = STR("x");
	acc.boxid = STR("M");
	acc.rcpt_per_mail = 1;
	for (uint8_t id = 1; id <= 14; id++)
		m.field_stamp[id] = 200;
	m.field_stamp[2] = m.field_stamp[6] = 256;
	m.field_stamp[7] = 129;
	m.field_stamp[12] = 255;
	must(row_encode(&table_accounts, &acc, &m, &out) == 0, "encoded");
	ck_assert_uint_eq(buf_len(&out), sizeof(want) - 1);
	ck_assert_mem_eq(buf_str(&out).p, want, sizeof(want) - 1);
	ck_assert_int_eq(row_decode(&table_accounts, STR("a@b.c"), buf_str(&out), &acc, &got), 0);
	for (uint8_t id = 1; id <= 14; id++)
		ck_assert_uint_eq(stamp_of(&got, id), m.field_stamp[id]);
}
END_TEST

START_TEST(a_tombstone_keeps_its_key_only)
{
	struct box box, back;
	struct row_meta m = { .seq = 1, .stamp = 5, .tombstone = true }, got;

	record_defaults(&table_boxes, &box);
	box.clusterid = STR("SMTP");
	box.boxid = STR("MAIL1");
	box.connect_address = STR("10.0.0.1");
	box.weight = 7;
	write_record(&table_boxes, &box, &m, &out);
	ck_assert_int_eq(record_decode(&table_boxes, buf_str(&out), &back, &got), 0);
	ck_assert(got.tombstone);
	ck_assert(str_eq(back.boxid, box.boxid));
	ck_assert_int_eq(back.weight, 1);
	ck_assert_uint_eq(back.connect_address.n, 0);
}
END_TEST

/* A default that somebody set at another time than the row keeps its stamp; one that was set
 * with the row needs no bytes. */
START_TEST(stamps_of_defaults)
{
	struct account acc;
	struct row_meta m = { .seq = 1, .stamp = 50 }, got;
	size_t bare;

	record_defaults(&table_accounts, &acc);
	acc.email_address = STR("a@b.c");
	write_record(&table_accounts, &acc, &m, &out);
	bare = buf_len(&out);
	m.field_stamp[6] = 50;
	write_record(&table_accounts, &acc, &m, &out);
	ck_assert_uint_eq(buf_len(&out), bare);
	m.field_stamp[6] = 20;
	write_record(&table_accounts, &acc, &m, &out);
	ck_assert_int_eq(record_decode(&table_accounts, buf_str(&out), &acc, &got), 0);
	ck_assert_int_eq(acc.spam_setting, 1);
	ck_assert_uint_eq(stamp_of(&got, 6), 20);
	ck_assert_uint_eq(stamp_of(&got, 4), 50);
}
END_TEST

/* --- versions --- */

struct newer {
	struct str name, words, more;
	int64_t n, late, far;
};
/* What the older version knows: 1, 3, 5. */
struct older {
	struct str name, words;
	int64_t n;
};
#define NEW(id, kind, name, flags) \
	{ id, flags, kind, #name, offsetof(struct newer, name), "", INT64_MIN, INT64_MAX, NULL, "x" }
#define OLD(id, kind, name, flags) \
	{ id, flags, kind, #name, offsetof(struct older, name), "", INT64_MIN, INT64_MAX, NULL, "x" }
static const struct field new_fields[] = {
	NEW(40, FK_INT, late, FF_MAY_EMPTY), NEW(1, FK_TEXT, name, FF_KEY),
	NEW(4, FK_TEXT, more, 0),	     NEW(3, FK_TEXT, words, 0),
	NEW(5, FK_INT, n, FF_MAY_EMPTY),     NEW(63, FK_INT, far, FF_MAY_EMPTY),
};
static const struct field old_fields[] = {
	OLD(1, FK_TEXT, name, FF_KEY),
	OLD(3, FK_TEXT, words, 0),
	OLD(5, FK_INT, n, FF_MAY_EMPTY),
};
static const struct table new_table = { 9, 3, "t", new_fields, ARRAY_LEN(new_fields),
					sizeof(struct newer), .replicated = true,
					.field_stamps = true };
static const struct table old_table = { 9, 1, "t", old_fields, ARRAY_LEN(old_fields),
					sizeof(struct older), .replicated = true,
					.field_stamps = true };

/* An older version edits the row of a newer one: its unknown fields, wherever they stand,
 * keep value and stamp; those it knows change. */
START_TEST(unknown_fields_are_kept)
{
	struct newer a = { STR("key"), STR("old words"), STR("more"), 5, 40, -63 }, c;
	struct older b;
	struct row_meta m = { .seq = 1, .stamp = 1000 }, mid, end;

	m.field_stamp[40] = 900;
	m.field_stamp[4] = 800;
	m.field_stamp[3] = 700;
	write_record(&new_table, &a, &m, &out);
	ck_assert_int_eq(record_decode(&old_table, buf_str(&out), &b, &mid), 0);
	ck_assert(str_eq(b.words, a.words));
	ck_assert_int_eq(b.n, 5);
	b.words = STR("new words");
	b.n = FIELD_EMPTY;
	mid.stamp = mid.field_stamp[3] = mid.field_stamp[5] = 2000;
	write_record(&old_table, &b, &mid, &again);
	ck_assert_int_eq(record_decode(&new_table, buf_str(&again), &c, &end), 0);
	ck_assert(str_eq(c.name, a.name));
	ck_assert(str_eq(c.words, b.words));
	ck_assert(str_eq(c.more, a.more));
	ck_assert_int_eq(c.n, FIELD_EMPTY);
	ck_assert_int_eq(c.late, 40);
	ck_assert_int_eq(c.far, -63);
	ck_assert_uint_eq(stamp_of(&end, 1), 1000);
	ck_assert_uint_eq(stamp_of(&end, 3), 2000);
	ck_assert_uint_eq(stamp_of(&end, 4), 800);
	ck_assert_uint_eq(stamp_of(&end, 5), 2000);
	ck_assert_uint_eq(stamp_of(&end, 40), 900);
	ck_assert_uint_eq(stamp_of(&end, 63), 1000);
	ck_assert_uint_eq(end.unknown.n, 0);
}
END_TEST

/* The same where the newer version has a base, which the older one does not choose, and the
 * other way round. */
START_TEST(unknown_fields_and_bases)
{
	struct newer a = { STR("key"), STR("words"), STR(""), FIELD_EMPTY, 40, -63 }, c;
	struct older b;
	struct row_meta m = { .seq = 1, .stamp = 1000 }, mid, end;

	m.field_stamp[40] = 900;
	m.field_stamp[63] = 500;
	m.field_stamp[4] = m.field_stamp[5] = _i ? 1000 : 500;
	m.field_stamp[3] = _i ? 500 : 1000;
	write_record(&new_table, &a, &m, &out);
	ck_assert_int_eq(record_decode(&old_table, buf_str(&out), &b, &mid), 0);
	ck_assert_uint_eq(mid.unknown_base, _i ? 0 : 500);
	b.words = STR("");
	mid.stamp = 2000;
	mid.field_stamp[3] = _i ? 700 : 2000;
	mid.field_stamp[5] = _i ? 700 : 2000;
	write_record(&old_table, &b, &mid, &again);
	ck_assert_int_eq(record_decode(&new_table, buf_str(&again), &c, &end), 0);
	ck_assert_uint_eq(end.unknown_base, _i ? 700 : 0);
	ck_assert_int_eq(c.late, 40);
	ck_assert_int_eq(c.far, -63);
	ck_assert_uint_eq(stamp_of(&end, 40), 900);
	ck_assert_uint_eq(stamp_of(&end, 63), 500);
	ck_assert_uint_eq(stamp_of(&end, 3), _i ? 700 : 2000);
	ck_assert_uint_eq(stamp_of(&end, 5), _i ? 700 : 2000);
}
END_TEST

START_TEST(old_formats_are_read)
{
	struct older b = { STR("key"), STR("words"), 7 };
	struct row_meta m = { .seq = 1, .stamp = 10 };
	struct newer c;
	char *p;

	write_record(&old_table, &b, &m, &out);
	ck_assert_int_eq(record_decode(&new_table, buf_str(&out), &c, NULL), 0);
	ck_assert(str_eq(c.words, b.words));
	ck_assert_int_eq(c.n, 7);
	ck_assert_int_eq(c.late, FIELD_EMPTY);
	p = (char *)(uintptr_t)buf_str(&out).p;
	for (int format = 0; format < 256; format++) {
		p[0] = (char)format;
		ck_assert_int_eq(record_decode(&new_table, buf_str(&out), &c, NULL),
				 format >= 1 && format <= FORMAT_MAX ? 0 : -1);
	}
}
END_TEST

/* --- damage --- */

static const struct {
	const char *what;
	struct str in;
} broken[] = {
	{ "empty", STR_INIT("") },
	{ "flags missing", STR_INIT("\1") },
	{ "seq missing", STR_INIT("\1\0") },
	{ "seq without end", STR_INIT("\1\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1") },
	{ "seq past 64 bits",
	  STR_INIT("\1\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\2\0\0\0\0\0\0\0\0\0\0") },
	{ "stamp short", STR_INIT("\1\0\1\0\0\0\0\0\0\0") },
	{ "origin past 32 bits", STR_INIT("\1\0\1\0\0\0\0\0\0\0\0\x80\x80\x80\x80\x10\1") },
	{ "dot missing", STR_INIT("\1\0\1\0\0\0\0\0\0\0\0\1") },
	{ "field cut off", STR_INIT("\1\0\1\0\0\0\0\0\0\0\0\1\1\1\0") },
	{ "length past the end", STR_INIT("\1\0\1\0\0\0\0\0\0\0\0\1\1\1\0\5abcd") },
	{ "enormous length",
	  STR_INIT("\1\0\1\0\0\0\0\0\0\0\0\1\1\1\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1") },
	{ "a number of no bytes", STR_INIT("\1\0\1\0\0\0\0\0\0\0\0\1\1\6\0\0") },
	{ "a number too long", STR_INIT("\1\0\1\0\0\0\0\0\0\0\0\1\1\6\0\2\1\1") },
	{ "a stamp before time", STR_INIT("\1\0\1\0\0\0\0\0\0\0\5\1\1\6\6\1\2") },
	{ "a base before time", STR_INIT("\1\4\1\0\0\0\0\0\0\0\5\1\1\6") },
	{ "a base cut off", STR_INIT("\1\4\1\0\0\0\0\0\0\0\5\1\1") },
	{ "a stamp before time, beside a base",
	  STR_INIT("\1\4\1\0\0\0\0\0\0\0\5\1\1\1\6\7\1\2") },
	{ "an unknown stamp before time", STR_INIT("\1\0\1\0\0\0\0\0\0\0\5\1\1\x3f\6\1\2") },
};

START_TEST(broken_rows_are_refused)
{
	struct account acc;
	struct row_meta m;

	ck_assert_msg(record_decode(&table_accounts, broken[_i].in, &acc, &m) == -1, "%s",
		      broken[_i].what);
}
END_TEST

static void inside(struct str part, struct str whole)
{
	must(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n),
	     "a text lies within its record");
}

/* Decodes from memory of just this size; what is taken is read and written again. */
static void survive(const struct table *t, struct str bytes)
{
	char *exact = malloc(bytes.n ? bytes.n : 1);
	struct str in = { exact, bytes.n };
	union any rec;
	struct row_meta m;

	memcpy(exact, bytes.p, bytes.n);
	if (record_decode(t, in, &rec, &m) == 0) {
		for (unsigned i = 0; i < t->n_fields; i++) {
			const struct field *f = &t->fields[i];

			if (field_is_text(f->kind) && !field_is_default(f, &rec))
				inside(field_str(f, &rec), in);
		}
		inside(m.unknown, in);
		write_record(t, &rec, &m, &again);
		must(record_decode(t, buf_str(&again), &rec, &m) == 0, "written again, read again");
	}
	if (record_decode(t, in, NULL, &m) == 0)
		inside(m.unknown, in);
	if (row_decode(t, STR("k"), in, &rec, &m) == 0) { /* keyless ones, too */
		inside(m.unknown, in);
		buf_consume(&again, buf_len(&again));
		must(row_encode(t, &rec, &m, &again) == 0, "written again");
	}
	free(exact);
}

/* A row as a newer version might have written it, with unknown fields between the others. */
static struct str row_to_damage(const struct table *t)
{
	union any rec;
	struct row_meta m;

	do {
		random_record(t, &rec, &arena);
		random_meta(t, &m);
		m.unknown = rnd(2) ? STR("\x3e\0\3abc\x3f\0\1z") : STR("");
		write_record(t, &rec, &m, &out);
	} while (buf_len(&out) > 1500);
	return buf_str(&out);
}

START_TEST(every_truncation)
{
	const struct table *t = all_tables[_i];

	for (int n = 0; n < 8; n++) {
		struct str row = row_to_damage(t);

		for (size_t cut = 0; cut <= row.n; cut++)
			survive(t, (struct str){ row.p, cut });
		arena_free(&arena);
	}
}
END_TEST

START_TEST(every_bit_flip)
{
	const struct table *t = all_tables[_i];

	for (int n = 0; n < 4; n++) {
		struct str row = row_to_damage(t);
		char *p = (char *)(uintptr_t)row.p;

		for (size_t bit = 0; bit < row.n * 8; bit++) {
			p[bit / 8] ^= (char)(1 << bit % 8);
			survive(t, row);
			p[bit / 8] ^= (char)(1 << bit % 8);
		}
		arena_free(&arena);
	}
}
END_TEST

/* A head that reads, then anything. */
START_TEST(noise)
{
	const struct table *t = all_tables[_i];
	char bytes[96];

	for (int n = 0; n < 20000; n++) {
		size_t len = rnd(sizeof(bytes));

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)(rnd(2) ? rnd(256) : rnd(8));
		if (len > 13) {
			memcpy(bytes, "\1\0\1\x7f\0\0\0\0\0\0\5\1\1", 13);
			bytes[1] = (char)rnd(8);
		}
		survive(t, (struct str){ bytes, len });
	}
}
END_TEST

START_TEST(a_full_buffer_is_an_error)
{
	struct account acc;
	struct row_meta m = { .unknown = STR("\x3f\0\1z") };
	struct buf small;
	size_t whole;

	record_defaults(&table_accounts, &acc);
	acc.email_address = STR("a@b.c");
	acc.spam_setting = 2;
	write_record(&table_accounts, &acc, &m, &out);
	whole = buf_len(&out);
	for (size_t max = 0; max <= whole; max++) {
		buf_init(&small, max);
		ck_assert_int_eq(record_encode(&table_accounts, &acc, &m, &small),
				 max < whole ? -1 : 0);
		buf_release(&small);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("codec");
	TCase *t = tcase_create("codec");
	int failed, n = (int)ARRAY_LEN(all_tables);
	SRunner *r;

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, round_trip, 0, n);
	tcase_add_loop_test(t, keyless_round_trip, 0, n);
	tcase_add_test(t, keys_of_another_form);
	tcase_add_loop_test(t, peeking, 0, (int)ARRAY_LEN(peeked));
	tcase_add_test(t, spelled_out);
	tcase_add_test(t, spelled_out_with_a_base);
	tcase_add_test(t, a_tombstone_keeps_its_key_only);
	tcase_add_test(t, stamps_of_defaults);
	tcase_add_test(t, unknown_fields_are_kept);
	tcase_add_loop_test(t, unknown_fields_and_bases, 0, 2);
	tcase_add_test(t, old_formats_are_read);
	tcase_add_loop_test(t, broken_rows_are_refused, 0, (int)ARRAY_LEN(broken));
	tcase_add_loop_test(t, every_truncation, 0, n);
	tcase_add_loop_test(t, every_bit_flip, 0, n);
	tcase_add_loop_test(t, noise, 0, n);
	tcase_add_test(t, a_full_buffer_is_an_error);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
