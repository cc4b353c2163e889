#include "lib/wire/autoreply.h"

#include "lib/base/clock.h"
#include "lib/wire/chars.h"
#include "lib/wire/header.h"
#include "lib/wire/mime.h"

static const char *const texts[] = {
	[AUTOREPLY_SEND] = "may be answered",
	[AUTOREPLY_NULL_SENDER] = "null sender",
	[AUTOREPLY_OWN_SENDER] = "sent by the account itself",
	[AUTOREPLY_ROBOT] = "sender is a program",
	[AUTOREPLY_NOT_ASCII] = "sender is not ASCII",
	[AUTOREPLY_LONG_HEADER] = "header too long",
	[AUTOREPLY_SUBMITTED] = "Auto-Submitted",
	[AUTOREPLY_LIST] = "mailing list",
	[AUTOREPLY_PRECEDENCE] = "Precedence",
	[AUTOREPLY_SUPPRESS] = "X-Auto-Response-Suppress",
	[AUTOREPLY_LOOP] = "loop",
	[AUTOREPLY_NOT_ADDRESSED] = "account is not among the recipients",
};
_Static_assert(ARRAY_LEN(texts) == AUTOREPLY_VERDICTS, "a text for each verdict");

const char *autoreply_text(enum autoreply_verdict v)
{
	return (unsigned)v < AUTOREPLY_VERDICTS ? texts[v] : "unknown";
}

/* --- values of fields (RFC 5322 3.2) --- */

/* s behind the text in open..close at its start; none of it where that has no end.
 * Comments nest, quoted strings do not. */
static struct str skip_enclosed(struct str s, char open, char close)
{
	size_t depth = 0;

	do {
		char c = s.p[0];

		if (c == '\\')
			s = str_skip(s, 1);
		else if (c == close && depth > 0)
			depth--;
		else if (c == open)
			depth++;
		s = str_skip(s, 1);
	} while (s.n && depth > 0);
	return s;
}

static bool space(char c)
{
	return char_blank(c) || c == '\r' || c == '\n';
}

static struct str skip_cfws(struct str s)
{
	while (s.n && (space(s.p[0]) || s.p[0] == '('))
		s = s.p[0] == '(' ? skip_enclosed(s, '(', ')') : str_skip(s, 1);
	return s;
}

/* Takes the bytes up to one of ends, blanks or what opens comment or text. */
static struct str take_run(struct str *s, const char *ends)
{
	struct str run = { s->p, 0 };

	while (run.n < s->n && s->p[run.n] && !space(s->p[run.n]) &&
	       !strchr(ends, s->p[run.n]))
		run.n++;
	*s = str_skip(*s, run.n);
	return run;
}

/* Passes over one thing that is no run: a comment, a quoted string, or a byte. */
static struct str skip_one(struct str s)
{
	if (s.p[0] == '(')
		return skip_enclosed(s, '(', ')');
	if (s.p[0] == '"')
		return skip_enclosed(s, '"', '"');
	return str_skip(s, 1);
}

static bool one_of(struct str s, const struct str *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(s, list[i]))
			return true;
	return false;
}

/* --- senders --- */

/* "a=b=rest": rest, in place; false: fewer = than that. */
static bool skip_parts(struct str *s, unsigned parts)
{
	struct str rest = *s, part;

	while (parts-- > 0)
		if (!str_split(&rest, '=', &part) || !rest.p)
			return false;
	*s = rest;
	return true;
}

/* SRS0=HHH=TT=domain=local and SRS1=HHH=host==HHH=TT=domain=local (srs.h), the hash not
 * looked at: nobody gains an answer by forging it. */
static void strip_srs(struct address *a)
{
	struct str s = a->local, domain;
	bool twice = str_istarts(s, STR("SRS1"));

	if (!twice && !str_istarts(s, STR("SRS0")))
		return;
	if (s.n < 5 || !strchr("=+-", s.p[4]))
		return;
	s = str_skip(s, 5);
	if (twice && (!skip_parts(&s, 2) || s.n == 0))
		return;
	if (twice)
		s = str_skip(s, 1);
	if (!skip_parts(&s, 2) || !str_split(&s, '=', &domain) || !domain.n || !s.n)
		return;
	a->local = s;
	a->domain = domain;
}

/* The sender without what a host has put around it. */
struct str autoreply_sender(const struct address *sender, char dst[LIMIT_ADDRESS + 1])
{
	struct address a = *sender;
	struct str tagged;

	strip_srs(&a);
	tagged = str_skip(a.local, 5);
	if (str_istarts(a.local, STR("prvs=")) && skip_parts(&tagged, 1) && tagged.n)
		a.local = tagged; /* draft-levine-smtp-batv */
	if (a.local.n + a.domain.n + 1 > LIMIT_ADDRESS)
		a.local.n = a.domain.n = 0;
	str_lower(dst, a.local);
	dst[a.local.n] = '@';
	str_lower(dst + a.local.n + 1, a.domain);
	return (struct str){ dst, a.local.n + 1 + a.domain.n };
}

/* Local parts of programs, one * at an end. The first three are those of RFC 3834 2, then
 * come list managers, their return paths, and who says so himself. */
static const struct str robots[] = {
	STR_INIT("mailer-daemon"), STR_INIT("owner-*"),	   STR_INIT("*-request"),
	STR_INIT("listserv"),	   STR_INIT("majordomo"),  STR_INIT("*-owner"),
	STR_INIT("*-bounces"),	   STR_INIT("bounce"),	   STR_INIT("bounces"),
	STR_INIT("bounce-*"),	   STR_INIT("bounces-*"),  STR_INIT("noreply"),
	STR_INIT("no-reply"),	   STR_INIT("donotreply"), STR_INIT("do-not-reply"),
	STR_INIT("noreply-*"),	   STR_INIT("*-noreply"),  STR_INIT("no-reply-*"),
	STR_INIT("*-no-reply"),
};

static bool like(struct str s, struct str pattern)
{
	size_t n = pattern.n - 1;

	if (pattern.p[n] == '*')
		return str_istarts(s, (struct str){ pattern.p, n });
	if (pattern.p[0] == '*')
		return s.n >= n && str_ieq(str_skip(s, s.n - n), str_skip(pattern, 1));
	return str_ieq(s, pattern);
}

/* What is behind a + is a detail (list-bounces+user=example.org@lists). */
static bool is_robot(struct str local)
{
	ptrdiff_t plus = str_find(local, '+');

	if (plus >= 0)
		local.n = (size_t)plus;
	for (size_t i = 0; i < ARRAY_LEN(robots); i++)
		if (like(local, robots[i]))
			return true;
	return false;
}

static bool visible(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_visible(s.p[i]))
			return false;
	return true;
}

static enum autoreply_verdict decide_sender(const struct autoreply_mail *m)
{
	char text[LIMIT_ADDRESS + 1];
	struct str sender, local;

	if (m->sender.full.n == 0)
		return AUTOREPLY_NULL_SENDER;
	sender = local = autoreply_sender(&m->sender, text);
	local.n = (size_t)str_find(sender, '@');
	if (one_of(sender, m->own, m->n_own) || one_of(m->sender.full, m->own, m->n_own))
		return AUTOREPLY_OWN_SENDER;
	if (is_robot(local))
		return AUTOREPLY_ROBOT;
	return visible(m->sender.full) ? AUTOREPLY_SEND : AUTOREPLY_NOT_ASCII;
}

/* --- fields that forbid an answer --- */

/* An address of ours anywhere in a list of them (RFC 5322 3.4). */
static bool names_own(const struct autoreply_mail *m, struct str value)
{
	while (value.n) {
		struct str run = take_run(&value, "<>()[]\\\",;:");

		if (run.n && one_of(run, m->own, m->n_own))
			return true;
		if (value.n)
			value = skip_one(value);
	}
	return false;
}

/* auto-submitted-field = "Auto-Submitted:" [CFWS] auto-submitted [CFWS] CRLF, with
 * parameters behind ";" (RFC 3834 5). */
static bool not_no(const struct autoreply_mail *m, struct str value)
{
	struct str rest = skip_cfws(value), word = take_run(&rest, "();");

	(void)m;
	rest = skip_cfws(rest);
	return !str_ieq(word, STR("no")) || (rest.n && rest.p[0] != ';');
}

static bool always(const struct autoreply_mail *m, struct str value)
{
	(void)m;
	(void)value;
	return true;
}

static bool bulk(const struct autoreply_mail *m, struct str value)
{
	static const struct str words[] = { STR_INIT("bulk"), STR_INIT("list"),
					    STR_INIT("junk") };
	struct str rest = skip_cfws(value);

	(void)m;
	return one_of(take_run(&rest, "();,"), words, ARRAY_LEN(words));
}

/* A list of words (MS-OXCMAIL); DR asks for no delivery report, but who asks for that
 * does not read what programs answer. */
static bool suppressed(const struct autoreply_mail *m, struct str value)
{
	static const struct str words[] = { STR_INIT("All"), STR_INIT("AutoReply"),
					    STR_INIT("OOF"), STR_INIT("DR") };
	struct str word;

	(void)m;
	while (str_split(&value, ',', &word))
		if (one_of(str_trim(word), words, ARRAY_LEN(words)))
			return true;
	return false;
}

static bool null_path(const struct autoreply_mail *m, struct str value)
{
	struct str rest = skip_cfws(value);

	(void)m;
	if (!str_starts(rest, STR("<")))
		return false;
	return str_starts(skip_cfws(str_skip(rest, 1)), STR(">"));
}

static const struct rule {
	struct str name; /* with * at its end: the start of one */
	bool (*forbids)(const struct autoreply_mail *m, struct str value);
	enum autoreply_verdict why;
} rules[] = {
	{ STR_INIT("Auto-Submitted"), not_no, AUTOREPLY_SUBMITTED },
	{ STR_INIT("List-*"), always, AUTOREPLY_LIST },
	{ STR_INIT("Precedence"), bulk, AUTOREPLY_PRECEDENCE },
	{ STR_INIT("X-Auto-Response-Suppress"), suppressed, AUTOREPLY_SUPPRESS },
	{ STR_INIT("Return-Path"), null_path, AUTOREPLY_NULL_SENDER },
	{ STR_INIT("Return-Path"), names_own, AUTOREPLY_LOOP },
	{ STR_INIT("X-Loop"), names_own, AUTOREPLY_LOOP },
};

static const struct str recipient_fields[] = {
	STR_INIT("To"),	       STR_INIT("Cc"),	      STR_INIT("Bcc"),
	STR_INIT("Resent-To"), STR_INIT("Resent-Cc"), STR_INIT("Resent-Bcc"),
};

static enum autoreply_verdict decide_field(const struct autoreply_mail *m,
					   struct str name, struct str value)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (like(name, rules[i].name) && rules[i].forbids(m, value))
			return rules[i].why;
	return AUTOREPLY_SEND;
}

enum autoreply_verdict autoreply_decide(const struct autoreply_mail *m)
{
	enum autoreply_verdict v = decide_sender(m);
	struct str rest = m->header, name, value;
	bool addressed = false;

	if (v == AUTOREPLY_SEND && m->header.n >= LIMIT_HEADER_SCAN - HEADER_NAME)
		v = AUTOREPLY_LONG_HEADER;
	while (v == AUTOREPLY_SEND && header_next(&rest, &name, &value)) {
		v = decide_field(m, name, value);
		if (!addressed &&
		    one_of(name, recipient_fields, ARRAY_LEN(recipient_fields)))
			addressed = names_own(m, value);
	}
	return v == AUTOREPLY_SEND && !addressed ? AUTOREPLY_NOT_ADDRESSED : v;
}

/* --- the answer --- */

/* What of the mail goes into its answer; the first field of a name counts. */
struct original {
	struct str subject, message_id, references, in_reply_to;
};

static const struct {
	struct str name;
	size_t at;
} wanted[] = {
	{ STR_INIT("Subject"), offsetof(struct original, subject) },
	{ STR_INIT("Message-ID"), offsetof(struct original, message_id) },
	{ STR_INIT("References"), offsetof(struct original, references) },
	{ STR_INIT("In-Reply-To"), offsetof(struct original, in_reply_to) },
};

static struct original look(struct str header)
{
	struct original o = { .subject = { NULL, 0 } };
	struct str name, value;

	while (header_next(&header, &name, &value))
		for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
			struct str *field = (struct str *)((char *)&o + wanted[i].at);

			if (!field->p && str_ieq(name, wanted[i].name))
				*field = value;
		}
	return o;
}

/* "<" left "@" right ">" of visible ASCII (RFC 5322 3.6.4). */
static bool msg_id_ok(struct str id)
{
	ptrdiff_t at = str_find(id, '@');

	if (id.n > LIMIT_AUTOREPLY_ID || at < 2 || (size_t)at + 2 >= id.n || !visible(id))
		return false;
	if (id.p[0] != '<' || id.p[id.n - 1] != '>')
		return false;
	id = (struct str){ id.p + 1, id.n - 2 };
	return str_find(id, '<') < 0 && str_find(id, '>') < 0;
}

/* The next identifier in *in that is one; p NULL: none left. */
static struct str next_id(struct str *in)
{
	while (in->n) {
		size_t most = in->n < LIMIT_AUTOREPLY_ID ? in->n : LIMIT_AUTOREPLY_ID;
		struct str id = { in->p, most };
		ptrdiff_t end = str_find(id, '>');

		if (in->p[0] != '<' || end < 0) {
			*in = skip_one(*in);
			continue;
		}
		id.n = (size_t)end + 1;
		if (msg_id_ok(id)) {
			*in = str_skip(*in, id.n);
			return id;
		}
		*in = str_skip(*in, 1);
	}
	return (struct str){ NULL, 0 };
}

/* The first one, and a ring of the newest behind it. */
struct thread {
	struct str ids[LIMIT_AUTOREPLY_REFERENCES];
	size_t n;
};

static struct str *thread_at(struct thread *t, size_t i)
{
	return &t->ids[i ? 1 + (i - 1) % (LIMIT_AUTOREPLY_REFERENCES - 1) : 0];
}

static void thread_add(struct thread *t, struct str value)
{
	struct str id;

	while ((id = next_id(&value)).p)
		*thread_at(t, t->n++) = id;
}

/* RFC 5322 3.6.4: the parent's References, or its In-Reply-To where that names one alone,
 * and its Message-ID. */
static void thread_of(const struct original *o, struct str parent, struct thread *t)
{
	thread_add(t, o->references.p ? o->references : o->in_reply_to);
	if (!o->references.p && t->n > 1)
		t->n = 0;
	thread_add(t, parent);
}

static int add_references(struct thread *t, struct buf *out)
{
	size_t kept = LIMIT_AUTOREPLY_REFERENCES,
	       from = t->n > kept ? t->n - kept + 1 : 1;

	if (t->n == 0)
		return 0;
	if (buf_addf(out, "References: %.*s\r\n", STR_ARG(*thread_at(t, 0))) < 0)
		return -1;
	for (size_t i = from; i < t->n; i++)
		if (buf_addf(out, " %.*s\r\n", STR_ARG(*thread_at(t, i))) < 0)
			return -1;
	return 0;
}

static int add_thread(const struct original *o, struct buf *out)
{
	struct str ids = o->message_id, parent = next_id(&ids);
	struct thread t = { .n = 0 };

	if (parent.p && buf_addf(out, "In-Reply-To: %.*s\r\n", STR_ARG(parent)) < 0)
		return -1;
	thread_of(o, parent, &t);
	return add_references(&t, out);
}

static int add_subject(const struct autoreply_letter *l, const struct original *o,
		       struct buf *out)
{
	if (str_trim(l->subject).n)
		return mime_text_field(out, STR("Subject"), l->subject);
	return mime_kept_field(out, STR("Subject"), STR("Auto:"), o->subject);
}

static int add_fields(const struct autoreply_letter *l, enum mime_encoding encoding,
		      struct buf *out)
{
	struct original o = look(l->header);
	char date[40];

	clock_rfc5322(l->wall_ms, date);
	if (buf_addf(out, "Date: %s\r\nFrom: %.*s\r\nTo: %.*s\r\n", date,
		     STR_ARG(l->from), STR_ARG(l->to)) < 0 ||
	    add_subject(l, &o, out) < 0 ||
	    buf_addf(out, "Message-ID: %.*s\r\n", STR_ARG(l->message_id)) < 0 ||
	    add_thread(&o, out) < 0)
		return -1;
	return buf_addf(out,
			"Auto-Submitted: auto-replied\r\n"
			"MIME-Version: 1.0\r\n"
			"Content-Type: text/plain; charset=UTF-8\r\n"
			"Content-Transfer-Encoding: %s\r\n\r\n",
			mime_encoding_name(encoding));
}

static bool address_ok(struct str s)
{
	return address_parse(s, NULL) == ADDRESS_OK && visible(s);
}

int autoreply_compose(const struct autoreply_letter *l, struct buf *out, struct err *e)
{
	enum mime_encoding encoding;
	size_t before = buf_len(out);

	if (!address_ok(l->from) || !address_ok(l->to))
		return err_set(e, "automatic reply: an address is not valid in a header");
	if (!msg_id_ok(l->message_id))
		return err_set(e, "automatic reply: invalid Message-ID");
	if (l->body.n > LIMIT_AUTOREPLY_BODY)
		return err_set(e, "automatic reply: the text is too long");
	encoding = mime_choose(l->body);
	if (add_fields(l, encoding, out) == 0 && mime_body(out, l->body, encoding) == 0)
		return 0;
	out->end = out->start + before;
	return err_set(e, "automatic reply: no room");
}
