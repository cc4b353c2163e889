/* email.csv and alias.csv: the account tables as text. Both commands may take seconds, so they
 * run beside the loop. */
#include <stdio.h>

#include "admin/change.h"
#include "admin/handlers.h"
#include "lib/store/csv.h"

/* Nobody else writes meanwhile: the number is that of the files. */
void cmd_vacuum(struct call *c)
{
	struct err e = { "" };
	struct store_info info;

	store_info(c->env->accounts, &info);
	if (csv_vacuum(c->env->accounts, c->env->dir, &c->env->work->rows, &e) < 0)
		change_unavailable(c, &e);
	else
		xml_out_int(&c->body, "sequence", (int64_t)info.last_seq);
}

/* --- reread --- */

static void write_report(struct xml_out *o, const struct csv_report *r)
{
	xml_out_int(o, "read", (int64_t)r->read);
	xml_out_int(o, "skipped", (int64_t)r->skipped);
	xml_out_int(o, "added", (int64_t)r->added);
	xml_out_int(o, "changed", (int64_t)r->changed);
	xml_out_int(o, "removed", (int64_t)r->removed);
	xml_out_open(o, "badlines", (int64_t)r->skipped);
	for (unsigned i = 0; i < r->n_bad; i++) {
		xml_out_open(o, "badline", -1);
		xml_out_text(o, "file", str_z(r->bad[i].file));
		xml_out_int(o, "line", (int64_t)r->bad[i].line);
		xml_out_text(o, "reason", str_z(r->bad[i].reason));
		xml_out_close(o, "badline");
	}
	xml_out_close(o, "badlines");
}

static int is_row_of(void *arg, uint64_t seq, const struct table *t, struct str key,
		     const struct row_meta *m)
{
	(void)seq;
	(void)key;
	(void)m;
	return t == arg;
}

/* A file that was made from an older state must not undo what came behind it; one that is so old
 * that deletions since then may be forgotten is refused, too. Inside the transaction: 0, or -1
 * after call_fail. */
static int check_since(struct call *c, const struct table *t, int64_t since)
{
	struct store_info info;
	struct err e = { "" };
	int rc;

	if (since == FIELD_EMPTY)
		return 0;
	store_info(c->env->accounts, &info);
	rc = store_since(c->env->accounts, (uint64_t)since, is_row_of, (void *)(uintptr_t)t, &e);
	if (rc < 0)
		return change_unavailable(c, &e);
	if (rc == 0 && (uint64_t)since <= info.last_seq && (uint64_t)since >= info.collected)
		return 0;
	call_fail(c, 409, "changed_since", "%s have changed since", t->name);
	return -1;
}

/* 0, or -1 after call_fail. */
static int apply(struct call *c, struct csv_files *files, struct csv_report *r)
{
	struct err e = { "" };
	char what[160];
	int rc;

	if (change_begin(c) < 0)
		return -1;
	if (check_since(c, &table_accounts, c->args.accounts_since) < 0 ||
	    check_since(c, &table_aliases, c->args.aliases_since) < 0) {
		change_abort(c);
		return -1;
	}
	rc = csv_apply(c->env->accounts, files, r, &c->env->work->rows, &e);
	if (rc != 0)
		change_abort(c);
	if (rc == CSV_REFUSED)
		call_fail(c, 409, "unreadable_file", "%s", e.text);
	if (rc != 0)
		return rc < 0 ? change_unavailable(c, &e) : -1;
	snprintf(what, sizeof(what), "added %llu, changed %llu, removed %llu rows; skipped %llu lines",
		 (unsigned long long)r->added, (unsigned long long)r->changed,
		 (unsigned long long)r->removed, (unsigned long long)r->skipped);
	return change_commit(c, str_z(what));
}

void cmd_reread(struct call *c)
{
	struct csv_files *files = NULL;
	struct csv_report r = { 0 };
	struct err e = { "" };

	if (csv_files_open(&files, c->env->dir, &c->env->work->rows, &e) < 0)
		change_unavailable(c, &e);
	else if (apply(c, files, &r) == 0)
		write_report(&c->body, &r);
	csv_files_close(&files);
}
