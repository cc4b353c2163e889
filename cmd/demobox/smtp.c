#include "cmd/demobox/smtp.h"

#include <stdlib.h>

#include "cmd/demobox/maildir.h"
#include "lib/net/loop.h"
#include "lib/wire/data.h"
#include "lib/wire/header.h"
#include "lib/wire/smtp_line.h"

enum phase { PHASE_COMMAND, PHASE_DATA, PHASE_END };

struct smtp {
	struct conn c; /* first */
	enum phase phase;
	bool greeted, has_sender;
	char **rcpt; /* owned, and so is each */
	size_t n_rcpt, answered;
	/* the mail: */
	struct data_scan scan;
	struct buf mail; /* unstuffed */
	bool line_start; /* a dot here is stuffing */
	char last;	 /* byte */
	bool too_big, swallow;
};

static struct smtp *smtp_of(struct conn *c)
{
	return container_of(c, struct smtp, c);
}

static bool is_lmtp(const struct smtp *s)
{
	return s->c.proto == &lmtp_proto;
}

/* --- the transaction --- */

static void forget_transaction(struct smtp *s)
{
	for (size_t i = 0; i < s->n_rcpt; i++)
		free(s->rcpt[i]);
	free(s->rcpt);
	s->rcpt = NULL;
	s->n_rcpt = s->answered = 0;
	s->has_sender = false;
	s->phase = PHASE_COMMAND;
	buf_release(&s->mail);
}

static void add_recipient(struct smtp *s, struct str address)
{
	s->rcpt = mem_realloc(s->rcpt, (s->n_rcpt + 1) * sizeof(*s->rcpt));
	s->rcpt[s->n_rcpt++] = mem_dup(address);
}

/* --- verbs --- */

static void v_ehlo(struct smtp *s, struct str args)
{
	const struct box *b = s->c.box;

	if (!b->ehlo && !is_lmtp(s)) {
		conn_say(&s->c, "502 5.5.1 HELO is all that is spoken here\r\n");
		return;
	}
	if (!helo_name_ok(args)) {
		conn_say(&s->c, "501 5.5.4 a name is missing\r\n");
		return;
	}
	forget_transaction(s);
	s->greeted = true;
	conn_say(&s->c, "250-%s\r\n250-SIZE %llu\r\n", b->name,
		 (unsigned long long)b->max_size);
	if (b->eightbit)
		conn_say(&s->c, "250-8BITMIME\r\n");
	if (b->pipelining)
		conn_say(&s->c, "250-PIPELINING\r\n");
	conn_say(&s->c, "250 ENHANCEDSTATUSCODES\r\n");
}

static void v_helo(struct smtp *s, struct str args)
{
	(void)args;
	forget_transaction(s);
	s->greeted = true;
	conn_say(&s->c, "250 %s\r\n", s->c.box->name);
}

/* MAIL and RCPT share what can be wrong with their arguments. */
static void say_args_fault(struct conn *c, enum args_fault f, enum address_fault af,
			   const char *address_code)
{
	if (f == ARGS_ADDRESS)
		conn_say(c, "501 %s %s\r\n", address_code, address_fault_text(af));
	else if (f == ARGS_PARAM)
		conn_say(c, "555 5.5.4 a parameter is unknown\r\n");
	else
		conn_say(c, "501 5.5.4 syntax error\r\n");
}

static void v_mail(struct smtp *s, struct str args)
{
	struct mail_args a;
	enum address_fault af;
	enum args_fault f = mail_args_parse(args, &a, &af);

	if (s->has_sender) {
		conn_say(&s->c, "503 5.5.1 one sender a mail\r\n");
		return;
	}
	if (f == ARGS_OK && (a.prdr || (a.body == BODY_8BITMIME && !s->c.box->eightbit)))
		f = ARGS_PARAM; /* not offered */
	if (f != ARGS_OK) {
		say_args_fault(&s->c, f, af, "5.1.7");
		return;
	}
	if (a.size > s->c.box->max_size) {
		conn_say(&s->c, "552 5.3.4 too big\r\n");
		return;
	}
	s->has_sender = true;
	conn_say(&s->c, "250 2.1.0 ok\r\n");
}

static void v_rcpt(struct smtp *s, struct str args)
{
	struct rcpt_args a;
	enum address_fault af;
	enum args_fault f = rcpt_args_parse(args, &a, &af);

	if (f != ARGS_OK) {
		say_args_fault(&s->c, f, af, "5.1.3");
		return;
	}
	if (s->n_rcpt == LIMIT_RECIPIENTS) {
		conn_say(&s->c, "452 4.5.3 too many recipients\r\n");
		return;
	}
	if (!box_knows(s->c.box, a.forward_path.full)) {
		conn_say(&s->c, "550 5.1.1 no such mailbox\r\n");
		return;
	}
	if (!maildir_name_ok(a.forward_path.full)) {
		conn_say(&s->c, "553 5.1.3 cannot be a mailbox here\r\n");
		return;
	}
	add_recipient(s, a.forward_path.full);
	conn_say(&s->c, "250 2.1.5 ok\r\n");
}

static void v_data(struct smtp *s, struct str args)
{
	(void)args;
	if (s->n_rcpt == 0) {
		conn_say(&s->c, "503 5.5.1 no valid recipients\r\n");
		return;
	}
	data_scan_init(&s->scan);
	buf_init(&s->mail, s->c.box->max_size);
	conn_body_reset(&s->c);
	s->line_start = true;
	s->last = '\n';
	s->too_big = s->swallow = false;
	s->phase = PHASE_DATA;
	conn_say(&s->c, "354 go on\r\n");
}

static void v_rset(struct smtp *s, struct str args)
{
	(void)args;
	forget_transaction(s);
	conn_say(&s->c, "250 2.0.0 ok\r\n");
}

static void v_noop(struct smtp *s, struct str args)
{
	(void)args;
	conn_say(&s->c, "250 2.0.0 ok\r\n");
}

static void v_vrfy(struct smtp *s, struct str args)
{
	(void)args;
	conn_say(&s->c, "252 2.5.0 send some mail, I will try\r\n");
}

static void v_quit(struct smtp *s, struct str args)
{
	(void)args;
	conn_say(&s->c, "221 2.0.0 bye\r\n");
	s->c.closing = true;
}

/* --- dispatch --- */

enum {
	NEEDS_HELO = 1,
	NEEDS_SENDER = 2,
	IN_SMTP = 4,
	IN_LMTP = 8,
	IN_BOTH = IN_SMTP | IN_LMTP,
};

static const struct verb {
	struct str name;
	enum step step;
	unsigned flags;
	void (*run)(struct smtp *s, struct str args);
} verbs[] = {
	{ STR_INIT("EHLO"), STEP_EHLO, IN_SMTP, v_ehlo },
	{ STR_INIT("HELO"), STEP_EHLO, IN_SMTP, v_helo },
	{ STR_INIT("LHLO"), STEP_EHLO, IN_LMTP, v_ehlo },
	{ STR_INIT("MAIL"), STEP_MAIL, IN_BOTH | NEEDS_HELO, v_mail },
	{ STR_INIT("RCPT"), STEP_RCPT, IN_BOTH | NEEDS_SENDER, v_rcpt },
	{ STR_INIT("DATA"), STEP_DATA, IN_BOTH | NEEDS_SENDER, v_data },
	{ STR_INIT("RSET"), STEP_RSET, IN_BOTH, v_rset },
	{ STR_INIT("NOOP"), STEP_OTHER, IN_BOTH, v_noop },
	{ STR_INIT("VRFY"), STEP_OTHER, IN_BOTH, v_vrfy },
	{ STR_INIT("QUIT"), STEP_QUIT, IN_BOTH, v_quit },
};

static const struct verb *find_verb(const struct smtp *s, struct str name)
{
	unsigned side = is_lmtp(s) ? IN_LMTP : IN_SMTP;

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_ieq(verbs[i].name, name) && (verbs[i].flags & side))
			return &verbs[i];
	return NULL;
}

/* The address a command is about: what stands in its angle brackets. */
static struct str between_brackets(struct str args)
{
	ptrdiff_t from = str_find(args, '<'), to = str_find(args, '>');

	if (from < 0 || to < from)
		return STR("");
	return (struct str){ args.p + from + 1, (size_t)(to - from - 1) };
}

static void obey(struct conn *c, struct str line)
{
	struct smtp *s = smtp_of(c);
	struct smtp_line l;
	const struct verb *v;

	smtp_line_split(line, &l);
	v = find_verb(s, l.verb);
	c->hit.action = ACT_NONE;
	if (!v) {
		conn_say(c, "500 5.5.1 unknown command\r\n");
	} else if ((v->flags & NEEDS_HELO && !s->greeted) ||
		   (v->flags & NEEDS_SENDER && !s->has_sender)) {
		conn_say(c, "503 5.5.1 bad sequence of commands\r\n");
	} else if (conn_begin(c, v->step, between_brackets(l.args))) {
		v->run(s, l.args);
	} else {
		return;
	}
	conn_end(c);
}

static bool take_line(struct smtp *s)
{
	return conn_line(&s->c, obey, STR("500 5.5.2 not a command line\r\n"));
}

/* --- the mail --- */

/* Takes the stuffing off: a dot behind CRLF, and nowhere else. */
static void keep(struct smtp *s, struct str in)
{
	while (in.n) {
		struct str line;
		const char *lf;

		in = str_skip(in, s->line_start && in.p[0] == '.');
		lf = in.n ? memchr(in.p, '\n', in.n) : NULL;
		line = (struct str){ in.p, lf ? (size_t)(lf - in.p) + 1 : in.n };
		s->line_start = lf && (line.n > 1 ? lf[-1] : s->last) == '\r';
		if (line.n)
			s->last = line.p[line.n - 1];
		if (!s->too_big && buf_add(&s->mail, line) < 0) {
			s->too_big = true;
			buf_release(&s->mail);
		}
		in = str_skip(in, line.n);
	}
}

/* Bytes of in that were used; what else there is waits for more. */
static size_t scan(struct smtp *s, struct str in)
{
	size_t used = 0;

	if (in.n)
		keep(s, (struct str){ in.p, data_scan(&s->scan, in, &used) });
	return used;
}

static void body_fault(struct smtp *s)
{
	conn_body(&s->c);
	if (s->c.hit.action == ACT_REFUSE4 || s->c.hit.action == ACT_REFUSE5)
		s->swallow = true;
}

static bool take_data(struct smtp *s)
{
	struct conn *c = &s->c;
	uint64_t left = conn_body_left(c);
	struct str in = io_data(&c->io);
	bool due = in.n >= left;
	size_t used;

	in.n = due ? (size_t)left : in.n;
	used = scan(s, in);
	io_take(&c->io, used);
	c->body += due ? left : used;
	if (s->scan.ended && s->swallow)
		forget_transaction(s);
	else if (s->scan.ended)
		s->phase = PHASE_END;
	else if (due)
		body_fault(s);
	return due || used > 0;
}

/* --- its end --- */

static int store_copy(struct smtp *s, const char *address, const char *message_id,
		      struct err *e)
{
	const struct box *b = s->c.box;
	struct str mail = buf_str(&s->mail);

	if (maildir_deliver(b->directory, str_z(address), mail, b->sync, e) < 0)
		return -1;
	box_log(b, "delivered %s %s %zu", address, message_id[0] ? message_id : "-",
		mail.n);
	return 0;
}

/* For count recipients from the first on, answered once. */
static void store(struct smtp *s, size_t first, size_t count)
{
	struct header_scan h;
	struct err e;

	if (s->too_big) {
		conn_say(&s->c, "552 5.3.4 too big\r\n");
		return;
	}
	header_scan_init(&h);
	header_scan(&h, buf_str(&s->mail), NULL, NULL);
	for (size_t i = first; i < first + count; i++) {
		if (store_copy(s, s->rcpt[i], h.message_id, &e) < 0) {
			conn_say(&s->c, "451 4.3.0 %s\r\n", e.text);
			return;
		}
	}
	conn_say(&s->c, "250 2.0.0 ok %lld\r\n", (long long)s->c.io.bytes_in);
}

/* SMTP answers once, LMTP for each recipient. */
static bool answer_next(struct smtp *s)
{
	size_t first = s->answered, count = is_lmtp(s) ? 1 : s->n_rcpt;

	s->answered += count;
	if (conn_begin(&s->c, STEP_END, str_z(s->rcpt[first]))) {
		store(s, first, count);
		conn_end(&s->c);
	}
	if (s->answered == s->n_rcpt)
		forget_transaction(s);
	return true;
}

/* --- the protocol --- */

static bool smtp_step(struct conn *c)
{
	static bool (*const steps[])(struct smtp * s) = {
		[PHASE_COMMAND] = take_line,
		[PHASE_DATA] = take_data,
		[PHASE_END] = answer_next,
	};

	return steps[smtp_of(c)->phase](smtp_of(c));
}

static void smtp_greet(struct conn *c)
{
	conn_say(c, "220 %s %s ready\r\n", c->box->name,
		 is_lmtp(smtp_of(c)) ? "LMTP" : "ESMTP");
}

static void smtp_refuse(struct conn *c, enum step s, bool for_ever)
{
	bool greeting = s == STEP_CONNECT || s == STEP_GREETING;

	c->closing = c->closing || greeting;
	if (for_ever)
		conn_say(c, "%s refused on purpose\r\n",
			 greeting ? "554 5.3.2" : "550 5.7.1");
	else
		conn_say(c, "%s refused on purpose\r\n",
			 greeting ? "421 4.3.2" : "451 4.3.0");
}

static struct conn *smtp_make(void)
{
	struct smtp *s = mem_zalloc(sizeof(*s));

	return &s->c;
}

static void smtp_free(struct conn *c)
{
	struct smtp *s = smtp_of(c);

	forget_transaction(s);
	free(s);
}

#define SIDE(side)                                                                       \
	{                                                                                \
		.name = (side), .make = smtp_make, .greet = smtp_greet,                  \
		.refuse = smtp_refuse, .step = smtp_step, .free = smtp_free,             \
	}
const struct proto smtp_proto = SIDE("smtp");
const struct proto lmtp_proto = SIDE("lmtp");
