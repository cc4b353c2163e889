/* admin_rig: commands over a real store in a directory of their own and a real shared region.
 * rig_open and rig_close are the fixture of each test; ask runs one command and keeps its
 * answer; tag and its relatives read that. Includes nothing of the module under test. */
#ifndef PB_TEST_ADMIN_RIG_H
#define PB_TEST_ADMIN_RIG_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/command.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "shm/journal.h"
#include "shm/slots.h"
#include "unit/property.h"

static char rig_dir[64], rig_log[96];
static struct command_env rig_env;
static struct long_work rig_work;
static struct arena rig_arena;
static struct xml_request rig_req;
static struct call call;
static char *answer; /* the document of the last call */
static const char *rig_who, *rig_from; /* whoever asks */

static inline void rig_store_open(void)
{
	struct err e = { "" };

	if (store_open(&rig_env.accounts, rig_dir, STORE_ACCOUNTS, STORE_WRITE, &e) < 0)
		ck_abort_msg("%s", e.text);
}

/* Both the replicator's handle and admin's: a process opens an environment once. */
static inline void rig_traffic_open(void)
{
	struct err e = { "" };

	if (store_open(&rig_env.traffic, rig_dir, STORE_TRAFFIC, STORE_WRITE, &e) < 0)
		ck_abort_msg("%s", e.text);
}

static inline void rig_open(void)
{
	struct err e = { "" };

	strcpy(rig_dir, "/tmp/pb_admin_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rig_dir));
	snprintf(rig_log, sizeof(rig_log), "%s/log", rig_dir);
	ck_assert_int_eq(log_open(rig_log, &e), 0);
	rig_env.dir = rig_dir;
	rig_env.shm = shm_create(2);
	rig_env.work = &rig_work;
	rig_env.traffic_daily = rig_dir;
	rig_who = "key";
	rig_from = "192.0.2.1";
	rig_arena = ARENA(8 << 20);
	rig_store_open();
}

static inline void rig_close(void)
{
	static const char *const files[] = { "accounts.mdb",	    "accounts.mdb-lock",
					     "accounts.mdb-writer", "traffic.mdb",
					     "traffic.mdb-lock",    "traffic.mdb-writer",
					     "email.csv",	    "alias.csv",
					     "first-login",	    "log" };
	char path[128];

	xml_out_free(&call.body);
	free(answer);
	answer = NULL;
	arena_free(&rig_arena);
	store_close(&rig_env.accounts);
	store_close(&rig_env.traffic);
	shm_destroy(&rig_env.shm);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", rig_dir, files[i]);
		unlink(path);
	}
	if (log_open(NULL, NULL) < 0 || rmdir(rig_dir) < 0)
		ck_abort_msg("%s is not empty", rig_dir);
}

/* Runs a whole document; returns the HTTP status. */
static inline unsigned ask_xml(const char *xml)
{
	struct err e = { "" };
	struct xml_out out;

	xml_out_free(&call.body);
	free(answer);
	arena_free(&rig_arena);
	call = (struct call){ .env = &rig_env, .req = &rig_req, .arena = &rig_arena, .who = rig_who, .from = rig_from };
	if (xml_parse(str_z(xml), &rig_arena, command_nests, &rig_req, &e) < 0)
		call_fail(&call, 400, rig_req.code, "%s", e.text);
	else
		command_run(&call);
	answer = mem_dup(call_document(&call, &out));
	xml_out_free(&out);
	return call.http;
}

/* ask("green", "clusterid", "C", "boxid", "B", NULL) */
static inline __attribute__((sentinel)) unsigned ask(const char *command, ...)
{
	struct xml_out o;
	const char *name;
	unsigned http;
	va_list ap;

	xml_out_init(&o, 0);
	xml_out_open(&o, command, -1);
	va_start(ap, command);
	while ((name = va_arg(ap, const char *)))
		xml_out_text(&o, name, str_z(va_arg(ap, const char *)));
	va_end(ap);
	xml_out_close(&o, command);
	ck_assert_int_eq(buf_addc(&o.buf, '\0'), 0);
	http = ask_xml(o.buf.mem);
	xml_out_free(&o);
	return http;
}

/* The text of the first such element at or behind from (unescaped it is not); NULL: none. */
static inline const char *tag_from(const char *from, const char *name)
{
	char open[80], close[80];
	const char *at, *end;

	snprintf(open, sizeof(open), "<%s>", name);
	snprintf(close, sizeof(close), "</%s>", name);
	at = from ? strstr(from, open) : NULL;
	if (!at)
		return NULL;
	at += strlen(open);
	end = strstr(at, close);
	ck_assert_ptr_nonnull(end);
	return arena_str(&rig_arena, (struct str){ at, (size_t)(end - at) }).p;
}

static inline const char *tag(const char *name)
{
	return tag_from(answer, name);
}

#define ck_tag(name, want) \
	do { \
		const char *got_ = tag(name); \
		ck_assert_msg(got_ != NULL, "no %s in %s", name, answer); \
		ck_assert_str_eq(got_, want); \
	} while (0)
#define ck_ok(http) ck_assert_msg((http) == 200, "%s", answer)
/* What was refused, how, and in which words. */
#define ck_refused(http, status, code, text) \
	do { \
		unsigned http_ = (http); \
		ck_tag("status", "error"); \
		ck_tag("error", text); \
		ck_tag("code", code); \
		ck_assert_uint_eq(http_, (status)); \
	} while (0)

/* How often the answer (or any text) has this in it. */
static inline unsigned times(const char *in, const char *what)
{
	unsigned n = 0;

	for (; (in = strstr(in, what)); in += strlen(what))
		n++;
	return n;
}

static inline uint64_t last_seq(void)
{
	struct store_info i;

	store_info(rig_env.accounts, &i);
	return i.last_seq;
}

/* --- the replicator's part: what admin told it is on disk --- */

static inline void rig_apply(struct str payload)
{
	struct err e = { "" };
	struct blocked row;
	struct row_meta m;
	int rc;

	ck_assert_int_eq(record_decode(&table_blocked, payload, &row, &m), 0);
	rc = m.tombstone ? store_delete(rig_env.traffic, &table_blocked, row.subject, &e) :
			   store_put(rig_env.traffic, &table_blocked, &row, &e);
	ck_assert_msg(rc >= 0, "%s", e.text);
}

static inline void rig_replicate(void)
{
	uint64_t pos = journal_tail(rig_env.shm, SLOT_ADMIN);
	enum journal_kind kind;
	struct str payload;
	struct err e = { "" };

	ck_assert_int_eq(store_write_begin(rig_env.traffic, clock_wall_ms(), &e), 0);
	while (journal_next(rig_env.shm, SLOT_ADMIN, &pos, &kind, &payload)) {
		ck_assert_int_eq(kind, JOURNAL_BLOCKED);
		rig_apply(payload);
	}
	ck_assert_int_eq(store_commit(rig_env.traffic, &e), 0);
	journal_applied(rig_env.shm, SLOT_ADMIN, pos);
}

/* --- what the store holds --- */

struct rig_rows {
	const struct table *table;
	unsigned skip;
	struct buf text;
};

static inline int rig_row_text(void *arg, const void *rec, const struct row_meta *m)
{
	struct rig_rows *r = arg;
	struct arena a = ARENA(0);

	(void)m;
	ck_assert_int_eq(buf_addf(&r->text, "%s", r->table->name), 0);
	for (unsigned i = 0; i < r->table->n_fields; i++) {
		struct str v = field_text(&r->table->fields[i], rec, &a);

		ck_assert_int_eq(buf_addf(&r->text, " %s=%.*s", r->table->fields[i].name, STR_ARG(v)), 0);
	}
	ck_assert_int_eq(buf_addc(&r->text, '\n'), 0);
	arena_free(&a);
	return 0;
}

/* Every field of every row of accounts.mdb, but for those of one table. Owned; free(). */
static inline char *all_rows(const struct table *but)
{
	struct rig_rows r;
	struct err e = { "" };
	char *text;

	buf_init(&r.text, 64 << 20);
	ck_assert_int_eq(store_read_begin(rig_env.accounts, &e), 0);
	for (const struct table *const *t = accounts_tables; *t; t++) {
		if (*t == but)
			continue;
		r.table = *t;
		ck_assert_int_eq(store_each(rig_env.accounts, *t, STR(""), rig_row_text, &r, &e), 0);
	}
	store_read_end(rig_env.accounts);
	text = mem_dup(buf_str(&r.text));
	buf_release(&r.text);
	return text;
}

static inline int rig_audit_row(void *arg, const void *rec, const struct row_meta *m)
{
	const struct audit *a = rec;
	struct rig_rows *r = arg;

	(void)m;
	if (r->skip-- > 0)
		return 0;
	ck_assert_int_eq(buf_addf(&r->text, "%.*s %.*s", STR_ARG(a->command), STR_ARG(a->what)), 0);
	return 1;
}

/* The same as before, which is freed. */
#define ck_same_rows(before, but) \
	do { \
		char *now_ = all_rows(but); \
		ck_assert_str_eq(now_, before); \
		free(now_); \
		free(before); \
	} while (0)

/* "command what" of the nth change, the newest is 0; "-": there are fewer. */
static inline const char *audited(unsigned nth)
{
	struct rig_rows r = { .skip = nth };
	struct err e = { "" };
	const char *text = "-";

	buf_init(&r.text, 4096);
	ck_assert_int_eq(store_read_begin(rig_env.accounts, &e), 0);
	if (store_each(rig_env.accounts, &table_audit, STR(""), rig_audit_row, &r, &e) == 1)
		text = arena_str(&rig_arena, buf_str(&r.text)).p;
	store_read_end(rig_env.accounts);
	buf_release(&r.text);
	return text;
}

static inline const char *log_text(void)
{
	char text[8192] = "";
	FILE *f = fopen(rig_log, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	return arena_str(&rig_arena, str_z(text)).p;
}

/* Whole answer, sent back as the parameters of another command: it must be taken as it is. */
static inline unsigned send_back(const char *command)
{
	const char *from = strstr(answer, "<status>ok</status>");
	const char *end = strstr(answer, "</response>");
	struct buf b;
	unsigned http;

	ck_assert(from && end);
	from += strlen("<status>ok</status>");
	buf_init(&b, 1 << 20);
	ck_assert_int_eq(buf_addf(&b, "<%s>%.*s</%s>", command, (int)(end - from), from, command), 0);
	ck_assert_int_eq(buf_addc(&b, '\0'), 0);
	http = ask_xml(b.mem);
	buf_release(&b);
	return http;
}

/* The call waits, with its arena, while others come. */
static inline struct call hold(struct arena *kept)
{
	struct call held = call;

	*kept = rig_arena;
	held.arena = kept;
	rig_arena = ARENA(8 << 20);
	xml_out_init(&call.body, 1);
	return held;
}

static inline void let_go(struct call *held)
{
	xml_out_free(&held->body);
	arena_free(held->arena);
}

/* main of every such test. */
static inline int rig_run(TCase *t, const char *name)
{
	Suite *s = suite_create(name);
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, rig_open, rig_close);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}

#endif
