/* Accounts and aliases, one by one. */
#include "admin/change.h"
#include "admin/cluster.h"
#include "admin/handlers.h"
#include "admin/record.h"
#include "lib/base/log.h"

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

static void tell_box(struct call *c, const union record *rec)
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

static void tell_email(struct call *c, const union record *rec)
{
	const struct account *a = &rec->account;

	tell_box(c, rec);
	if ((a->auto_reply_subject.n > 0) != (a->auto_reply_body.n > 0))
		xml_out_text(&c->body, "warning",
			     STR("automatic replies are off: they need auto_reply_subject and "
				 "auto_reply_body"));
}

/* --- an alias may hold what does not exist (yet) --- */

#define MEMBERS_SHOWN 5

static bool leads_somewhere(struct store *s, struct str address, struct err *e)
{
	struct account acc;
	struct alias al;

	return store_account(s, address, &acc, e) != STORE_NONE ||
	       store_alias(s, address, &al, e) != STORE_NONE;
}

/* Of a domain of ours, and yet nobody there. A tag behind a plus may be anybody's. */
static bool is_lost(struct store *s, struct str address)
{
	ptrdiff_t at = str_find(address, '@');
	struct err e = { "" };

	return at > 0 && str_find(address, '+') < 0 &&
	       store_domain(s, str_skip(address, (size_t)at + 1), &e) == 0 &&
	       !leads_somewhere(s, address, &e) &&
	       !leads_somewhere(s, str_skip(address, (size_t)at), &e);
}

static void tell_alias(struct call *c, const union record *rec)
{
	struct str rest = rec->alias.alias_list, one, lost = STR("");
	struct err e = { "" };
	unsigned n = 0;

	if (store_read_begin(c->env->accounts, &e) < 0)
		return;
	while (str_split(&rest, ',', &one)) {
		if (!is_lost(c->env->accounts, one) || n++ >= MEMBERS_SHOWN)
			continue;
		lost = arena_printf(c->arena, "%.*s%s%.*s", STR_ARG(lost), lost.n ? ", " : "",
				    STR_ARG(one));
	}
	store_read_end(c->env->accounts);
	if (n > 0 && lost.p)
		xml_out_text(&c->body, "warning",
			     arena_printf(c->arena,
					  "%u members are neither account nor alias, and left out: "
					  "%.*s%s",
					  n, STR_ARG(lost), n > MEMBERS_SHOWN ? ", ..." : ""));
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
					    .check = check_alias,
					    .tell = tell_alias };

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

void cmd_getemail(struct call *c)
{
	union record rec;

	if (record_get(c, &emails, c->args.show_password, &rec) < 0)
		return;
	if (c->args.show_password)
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
