#include "lib/session/smtp_auth.h"

typedef void verb_handler(struct smtp_session *c, struct str args);
static verb_handler v_helo, v_ehlo, v_rset, v_noop, v_quit, v_help, v_vrfy, v_expn, v_etrn;

enum {
	V_OVERTAKES = 1, /* may be worked on while RCPTs are unanswered */
	V_NO_ARGS = 2,	 /* an argument is a syntax error */
	V_LAST = 4,	 /* ends a group of commands: its answer is to be waited for */
};

/* name, states in which it is allowed, flags, handler, what HELP says */
static const struct verb {
	struct str name;
	unsigned states;
	unsigned flags;
	verb_handler *run;
	const char *help;
} verbs[] = {
	{ STR_INIT("HELO"), S_ANY, V_LAST, v_helo, "HELO name" },
	{ STR_INIT("EHLO"), S_ANY, V_LAST, v_ehlo, "EHLO name" },
	{ STR_INIT("AUTH"), S_HELO, V_LAST, smtp_auth, "AUTH mechanism [initial-response]" },
	{ STR_INIT("MAIL"), S_HELO, 0, smtp_mail, "MAIL FROM:<sender> [SIZE=n] [BODY=8BITMIME]" },
	{ STR_INIT("RCPT"), S_MAIL | S_RCPT, V_OVERTAKES, smtp_rcpt, "RCPT TO:<recipient>" },
	{ STR_INIT("DATA"), S_MAIL | S_RCPT, V_NO_ARGS | V_LAST, smtp_data, "DATA" },
	{ STR_INIT("RSET"), S_ANY, V_NO_ARGS, v_rset, "RSET" },
	{ STR_INIT("NOOP"), S_ANY, V_LAST, v_noop, "NOOP" },
	{ STR_INIT("QUIT"), S_ANY, V_NO_ARGS | V_LAST, v_quit, "QUIT" },
	{ STR_INIT("VRFY"), S_ANY, V_LAST, v_vrfy, "VRFY address" },
	{ STR_INIT("EXPN"), S_ANY, V_LAST, v_expn, NULL },
	{ STR_INIT("ETRN"), S_ANY, 0, v_etrn, NULL },
	{ STR_INIT("HELP"), S_ANY, 0, v_help, "HELP" },
};

static const struct verb *find_verb(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_ieq(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

bool smtp_may_overtake(struct str line)
{
	struct smtp_line l;
	const struct verb *v;

	smtp_line_split(line, &l);
	v = find_verb(l.verb);
	return v && (v->flags & V_OVERTAKES);
}

static const char *out_of_order(const struct smtp_session *c)
{
	switch (c->state) {
	case S_GREETED:
		return "say EHLO or HELO first";
	case S_HELO:
		return "say MAIL first";
	default:
		return "a mail is under way already";
	}
}

/* More has come behind this command: was its answer to be waited for? HELO was promised no pipelining. */
static bool is_hasty(const struct smtp_session *c, const struct verb *v)
{
	return !c->esmtp || (v && (v->flags & V_LAST));
}

void smtp_command(struct smtp_session *c, struct str line, bool more)
{
	struct smtp_line l;
	const struct verb *v;

	smtp_line_split(line, &l);
	v = find_verb(l.verb);
	if (more && is_hasty(c, v))
		screen_early(&c->screen, "before the answer to a command");
	if (!v && screen_is_foreign(line)) {
		smtp_foreign(c);
		return;
	}
	if (!v) {
		smtp_refuse(c, CC_refused_syntax, 500, "5.5.1 command unknown");
	} else if (!(v->states & c->state)) {
		smtp_refuse(c, CC_refused_syntax, 503, "5.5.1 %s", out_of_order(c));
	} else if ((v->flags & V_NO_ARGS) && l.args.n > 0) {
		smtp_refuse(c, CC_refused_syntax, 501, "5.5.4 %.*s takes no argument",
			    STR_ARG(v->name));
	} else {
		v->run(c, l.args);
		return;
	}
	smtp_error(c);
}

/* --- greetings --- */

static void greeted(struct smtp_session *c, struct str name, bool esmtp)
{
	smtp_reset(c);
	str_copy(c->helo, sizeof(c->helo), name);
	c->esmtp = esmtp;
	smtp_enter(c, S_HELO);
}

/* The manual shows a bare HELO answered 250. */
static void v_helo(struct smtp_session *c, struct str args)
{
	if (args.n > 0 && !helo_name_ok(args)) {
		smtp_refuse(c, CC_refused_syntax, 501, "5.5.4 HELO wants your host name");
		smtp_error(c);
		return;
	}
	greeted(c, args, false);
	smtp_reply(c, 250, "ok");
}

static void v_ehlo(struct smtp_session *c, struct str args)
{
	if (!helo_name_ok(args)) {
		smtp_refuse(c, CC_refused_syntax, 501, "5.5.4 EHLO wants your host name");
		smtp_error(c);
		return;
	}
	greeted(c, args, true);
	smtp_reply_more(c, 250, "%.*s", STR_ARG(c->s.cluster->host_name));
	smtp_reply_more(c, 250, "PIPELINING");
	smtp_reply_more(c, 250, "SIZE %llu", (unsigned long long)smtp_size_limit(c));
	if (smtp_offers_8bit(c))
		smtp_reply_more(c, 250, "8BITMIME");
	smtp_reply_more(c, 250, "ENHANCEDSTATUSCODES");
	smtp_reply_more(c, 250, "AUTH " SASL_MECHANISMS);
	smtp_reply_more(c, 250, "PRDR");
	smtp_reply_more(c, 250, "LIMITS RCPTMAX=%d", LIMIT_RECIPIENTS);
	smtp_reply(c, 250, "HELP");
}

/* --- the small ones --- */

static void v_rset(struct smtp_session *c, struct str args)
{
	(void)args;
	smtp_reset(c);
	smtp_reply(c, 250, "2.0.0 ok");
}

static void v_noop(struct smtp_session *c, struct str args)
{
	(void)args;
	smtp_reply(c, 250, "2.0.0 ok");
}

static void v_quit(struct smtp_session *c, struct str args)
{
	(void)args;
	smtp_reply(c, 221, "2.0.0 bye");
	smtp_bye(c, "quit");
}

static void v_help(struct smtp_session *c, struct str args)
{
	(void)args;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (verbs[i].help)
			smtp_reply_more(c, 214, "2.0.0 %s", verbs[i].help);
	smtp_reply(c, 214, "2.0.0 end of HELP");
}

/* RFC 5321 3.5.3: neither confirmed nor denied, or harvesters would ask. */
static void v_vrfy(struct smtp_session *c, struct str args)
{
	if (args.n == 0) {
		smtp_refuse(c, CC_refused_syntax, 501, "5.5.4 VRFY wants an address");
		smtp_error(c);
		return;
	}
	smtp_reply(c, 252, "2.5.2 send mail, and you will see");
}

static void v_expn(struct smtp_session *c, struct str args)
{
	(void)args;
	smtp_refuse(c, CC_refused_syntax, 502, "5.5.1 EXPN is not offered");
}

static void v_etrn(struct smtp_session *c, struct str args)
{
	(void)args;
	smtp_refuse(c, CC_refused_syntax, 502, "5.5.1 ETRN is not offered: no mail is kept here");
}
