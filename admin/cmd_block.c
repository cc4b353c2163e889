/* The blocked list. Its rows live in traffic.mdb, which the replicator alone writes: a change goes
 * there through admin's journal and is answered when it is durable (call.journal_mark). */
#include "admin/change.h"
#include "admin/handlers.h"
#include "lib/base/addr.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/guard/relay_limits.h"
#include "shm/journal.h"

#define BY_HAND "blocked by an administrator"

/* --- the list --- */

struct listing {
	struct xml_out rows;
	int64_t left; /* rows of the page */
	int64_t total;
	struct str after;
};

void block_write(struct xml_out *o, const struct blocked *b)
{
	bool mail = str_find(b->subject, '@') >= 0;
	char date[21] = "";

	if (b->since != FIELD_EMPTY)
		clock_rfc3339(b->since, date);
	xml_out_open(o, "blockedip", -1);
	xml_out_text(o, "address", mail ? STR("") : b->subject);
	xml_out_text(o, "email_address", mail ? b->subject : STR(""));
	xml_out_text(o, "reason", b->reason);
	xml_out_text(o, "since", str_z(date));
	xml_out_int(o, "count", b->count);
	xml_out_text(o, "by", b->who);
	xml_out_close(o, "blockedip");
}

static int list_one(void *arg, const void *rec, const struct row_meta *m)
{
	const struct blocked *b = rec;
	struct listing *l = arg;

	(void)m;
	l->total++;
	if (str_cmp(b->subject, l->after) <= 0 || l->left == 0)
		return 0;
	l->left--;
	block_write(&l->rows, b);
	return 0;
}

/* All, for those who know of no pages. */
void cmd_blockedips(struct call *c)
{
	bool page = call_text(c, "limit").n > 0;
	struct listing l = { .left = page ? c->args.limit : INT64_MAX, .after = c->args.after };
	struct err e = { "" };
	int rc;

	if (!c->env->traffic) {
		call_fail(c, 503, "store_failed", "the replicator has not opened traffic.mdb yet");
		return;
	}
	xml_out_init(&l.rows, 2);
	rc = store_read_begin(c->env->traffic, &e);
	if (rc == 0) {
		rc = store_each(c->env->traffic, &table_blocked, STR(""), list_one, &l, &e);
		store_read_end(c->env->traffic);
	}
	if (rc < 0) {
		change_unavailable(c, &e);
	} else {
		xml_out_open(&c->body, "blockedips", l.total);
		xml_out_piece(&c->body, &l.rows);
		xml_out_close(&c->body, "blockedips");
	}
	xml_out_free(&l.rows);
}

/* --- changing it --- */

/* One fact to the replicator; 0, or -1 after call_fail. */
static int tell(struct call *c, struct str subject, bool block)
{
	struct blocked row;
	struct row_meta m = { .tombstone = !block };
	struct buf b;
	int rc;

	record_defaults(&table_blocked, &row);
	row.subject = subject;
	row.reason = STR(BY_HAND);
	row.since = clock_wall_ms();
	row.who = str_z(c->who ? c->who : "");
	buf_init(&b, LIMIT_JOURNAL_ENTRY);
	rc = record_encode(&table_blocked, &row, &m, &b);
	if (rc == 0)
		rc = journal_put(c->env->shm, SLOT_ADMIN, JOURNAL_BLOCKED, buf_str(&b),
				 &c->journal_mark);
	buf_release(&b);
	if (rc == 0)
		return 0;
	log_warning("setblockip: the journal is full");
	call_fail(c, 503, "store_failed", "the replicator does not take any more now; try again");
	return -1;
}

/* As ip_text writes it: one address has one row. */
static struct str canonical(struct str address, char text[ADDR_TEXT])
{
	struct ipaddr ip;

	return ip_parse(address, &ip, NULL) == 0 ? str_z(ip_text(&ip, text)) : STR("");
}

/* What an unblocked client has used up is forgotten before its row goes, or its next mail would
 * block it again. */
static int tell_address(struct call *c, struct str address, bool block)
{
	struct ipaddr ip;

	if (!block && ip_parse(address, &ip, NULL) == 0)
		relay_limits_forget_address(c->env->shm, &ip);
	return tell(c, address, block);
}

static int tell_account(struct call *c, struct str mail, bool block)
{
	if (!block)
		relay_limits_forget_account(c->env->shm, mail);
	return tell(c, mail, block);
}

void cmd_setblockip(struct call *c)
{
	char text[ADDR_TEXT];
	struct str mail = call_text(c, "email_address"), address = canonical(c->args.address, text);
	bool says_mail = call_has(c, "block_email"), says_ip = call_has(c, "block_ip"); /* empty: 0 */
	bool ip = says_ip ? c->args.block_ip : c->args.block_email;

	if (mail.n == 0 && address.n == 0) {
		call_fail(c, 400, "missing_parameter",
			  "setblockip needs email_address, address, or both");
		return;
	}
	if ((mail.n > 0 && !says_mail) || (!says_mail && !says_ip)) {
		call_fail(c, 400, "missing_parameter", "setblockip needs the parameter %s",
			  mail.n > 0 || !address.n ? "block_email" : "block_email or block_ip");
		return;
	}
	if ((mail.n > 0 && tell_account(c, mail, c->args.block_email) < 0) ||
	    (address.n > 0 && tell_address(c, address, ip) < 0))
		return;
	if (change_note(c) < 0)
		return;
	if (mail.n > 0)
		xml_out_text(&c->body, "email_address", mail);
	if (address.n > 0)
		xml_out_text(&c->body, "address", address);
}
