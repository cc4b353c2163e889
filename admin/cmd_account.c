/* Accounts and aliases, and their text files. */
#include "admin/handlers.h"
#include "admin/record.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/csv.h"

static const struct record_kind emails, aliases;

/* --- an address is an account or an alias, never both --- */

static int also_there(struct call *c, const struct record_kind *k, struct str address, int found)
{
	if (found < 0)
		return -1;
	if (found == STORE_NONE)
		return 0;
	call_fail(c, 409, k->exists, "%s exists already: %.*s", k->noun, STR_ARG(address));
	return -1;
}

static int check_email(struct call *c, union record *rec, const union record *old)
{
	union record key = { .alias = { .alias_address = rec->account.email_address } }, other;

	if (old)
		return 0;
	return also_there(c, &aliases, key.alias.alias_address,
			  record_load(c, &table_aliases, &key, &other));
}

static int check_alias(struct call *c, union record *rec, const union record *old)
{
	union record key = { .account = { .email_address = rec->alias.alias_address } }, other;

	if (old)
		return 0;
	return also_there(c, &emails, key.account.email_address,
			  record_load(c, &table_accounts, &key, &other));
}

/* --- an account without its box is allowed, but worth a word --- */

static int is_box(void *arg, const void *rec, const struct row_meta *m)
{
	const struct str *boxid = arg;

	(void)m;
	return str_eq(((const struct box *)rec)->boxid, *boxid);
}

static bool box_known(struct call *c, struct str boxid)
{
	struct err e = { "" };
	int rc = store_read_begin(c->env->accounts, &e);

	if (rc == 0) {
		rc = store_each(c->env->accounts, &table_boxes, STR(""), is_box, &boxid, &e);
		store_read_end(c->env->accounts);
	}
	return rc != 0; /* not known to be missing */
}

static void tell_email(struct call *c, const union record *rec)
{
	struct str boxid = rec->account.boxid;
	struct str text = STR("the account has no box: mail to it gets a temporary error");

	if (boxid.n > 0 && box_known(c, boxid))
		return;
	if (boxid.n > 0)
		text = arena_printf(c->arena,
				    "no cluster has a box %.*s: mail to the account gets "
				    "a temporary error",
				    STR_ARG(boxid));
	xml_out_text(&c->body, "warning", text);
}

static const struct record_kind emails = { .table = &table_accounts,
					   .noun = "email address",
					   .none = "no_such_email",
					   .exists = "email_exists",
					   .check = check_email,
					   .tell = tell_email };
static const struct record_kind aliases = { .table = &table_aliases,
					    .noun = "alias",
					    .none = "no_such_alias",
					    .exists = "alias_exists",
					    .key_also = "email_address", /* the manual's deletealias */
					    .check = check_alias };

/* --- accounts --- */

void cmd_addnewemail(struct call *c)
{
	record_add(c, &emails);
}

void cmd_commitmodifyemail(struct call *c)
{
	record_modify(c, &emails);
}

void cmd_deleteemail(struct call *c)
{
	record_delete(c, &emails);
}

/* -1 after call_fail. */
static int wants_password(struct call *c)
{
	const struct str *v = xml_get(c->req, "show_password");

	if (!v || v->n == 0 || str_eq(*v, STR("0")))
		return 0;
	if (str_eq(*v, STR("1")))
		return 1;
	call_fail(c, 400, "bad_value", "show_password: \"%.*s\" is not 0 or 1",
		  v->n < 40 ? (int)v->n : 40, v->p);
	return -1;
}

void cmd_getemail(struct call *c)
{
	int secrets = wants_password(c);
	union record rec;

	if (secrets < 0 || record_get(c, &emails, secrets, &rec) < 0)
		return;
	if (secrets)
		log_warning("getemail: the password of %.*s was shown",
			    STR_ARG(rec.account.email_address));
}

/* --- aliases --- */

void cmd_addnewalias(struct call *c)
{
	record_add(c, &aliases);
}

void cmd_commitmodifyalias(struct call *c)
{
	record_modify(c, &aliases);
}

void cmd_getalias(struct call *c)
{
	union record rec;

	record_get(c, &aliases, false, &rec);
}

void cmd_deletealias(struct call *c)
{
	record_delete(c, &aliases);
}

/* --- email.csv and alias.csv --- */

void cmd_vacuum(struct call *c)
{
	struct err e = { "" };

	if (csv_vacuum(c->env->accounts, c->env->dir, &e) < 0)
		record_unavailable(c, &e);
}

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

void cmd_reread(struct call *c)
{
	struct err e = { "" };
	struct csv_report r;

	if (csv_reread(c->env->accounts, c->env->dir, clock_wall_ms(), &r, &e) < 0)
		record_unavailable(c, &e);
	else
		write_report(&c->body, &r);
}
