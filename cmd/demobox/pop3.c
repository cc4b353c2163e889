#include "cmd/demobox/pop3.h"

#include <stdlib.h>

#include "cmd/demobox/maildir.h"
#include "lib/wire/chars.h"
#include "lib/wire/pop3_line.h"

struct pop3 {
	struct conn c; /* first */
	char login[LIMIT_ADDRESS + 1];
	bool logged_in;
	struct maildir box;
};

static struct pop3 *pop3_of(struct conn *c)
{
	return container_of(c, struct pop3, c);
}

/* --- before the login --- */

static void v_capa(struct pop3 *p, struct str args)
{
	(void)args;
	conn_say(&p->c, "+OK\r\nUSER\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nUTF8\r\n.\r\n");
}

static void v_utf8(struct pop3 *p, struct str args)
{
	(void)args;
	conn_say(&p->c, "+OK\r\n");
}

static void v_user(struct pop3 *p, struct str args)
{
	if (args.n == 0 || args.n > LIMIT_ADDRESS) {
		conn_say(&p->c, "-ERR not a name\r\n");
		return;
	}
	str_copy(p->login, sizeof(p->login), args);
	conn_say(&p->c, "+OK\r\n");
}

static void v_pass(struct pop3 *p, struct str args)
{
	struct err e;
	struct str login = str_z(p->login);

	if (!login.n) {
		conn_say(&p->c, "-ERR USER first\r\n");
	} else if (!maildir_name_ok(login) || !box_password_ok(p->c.box, login, args)) {
		conn_say(&p->c, "-ERR [AUTH] wrong name or password\r\n");
	} else if (maildir_open(p->c.box->directory, login, &p->box, &e) < 0) {
		conn_say(&p->c, "-ERR [SYS/TEMP] %s\r\n", e.text);
	} else {
		p->logged_in = true;
		conn_say(&p->c, "+OK %zu mails\r\n", p->box.n);
	}
}

/* --- which mail --- */

/* The mail whose number is the first word of *args, which is cut off; or NULL, said so.
 */
static struct maildir_mail *take_mail(struct pop3 *p, struct str *args)
{
	struct str word = STR("");
	uint64_t n;

	str_split(args, ' ', &word);
	if (p->box.n == 0 || str_u64(word, 1, p->box.n, &n) < 0 ||
	    p->box.v[n - 1].deleted) {
		conn_say(&p->c, "-ERR no such mail\r\n");
		return NULL;
	}
	return &p->box.v[n - 1];
}

static void v_stat(struct pop3 *p, struct str args)
{
	unsigned long long n = 0, size = 0;

	(void)args;
	for (size_t i = 0; i < p->box.n; i++) {
		n += !p->box.v[i].deleted;
		size += p->box.v[i].deleted ? 0 : p->box.v[i].size;
	}
	conn_say(&p->c, "+OK %llu %llu\r\n", n, size);
}

/* LIST and UIDL: a line for one mail, or for all. */
static void say_mails(struct pop3 *p, struct str args,
		      void (*say)(struct pop3 *p, const struct maildir_mail *m))
{
	const struct maildir_mail *m;

	if (args.n) {
		m = take_mail(p, &args);
		if (m) {
			conn_say(&p->c, "+OK ");
			say(p, m);
		}
		return;
	}
	conn_say(&p->c, "+OK\r\n");
	for (size_t i = 0; i < p->box.n; i++)
		if (!p->box.v[i].deleted)
			say(p, &p->box.v[i]);
	conn_say(&p->c, ".\r\n");
}

static void say_size(struct pop3 *p, const struct maildir_mail *m)
{
	conn_say(&p->c, "%td %llu\r\n", m - p->box.v + 1, (unsigned long long)m->size);
}

static void say_uid(struct pop3 *p, const struct maildir_mail *m)
{
	struct str uid = maildir_uid(m);

	conn_say(&p->c, "%td %.*s\r\n", m - p->box.v + 1, STR_ARG(uid));
}

static void v_list(struct pop3 *p, struct str args)
{
	say_mails(p, args, say_size);
}

static void v_uidl(struct pop3 *p, struct str args)
{
	say_mails(p, args, say_uid);
}

/* --- a mail --- */

/* Up to `lines` lines of body, stuffed; line ends become CRLF whoever wrote the file. */
static void say_text(struct conn *c, struct str mail, uint64_t lines)
{
	bool in_body = false;

	while (mail.n && (!in_body || lines > 0)) {
		struct str line;
		size_t n = chars_line(mail, &line);

		if (n == 0) {
			line = mail;
			n = mail.n;
		}
		if (in_body)
			lines--;
		in_body = in_body || line.n == 0;
		if (line.n && line.p[0] == '.')
			conn_say_str(c, STR("."));
		conn_say_str(c, line);
		conn_say_str(c, STR("\r\n"));
		mail = str_skip(mail, n);
	}
	conn_say_str(c, STR(".\r\n"));
}

static int say_mail(struct pop3 *p, const struct maildir_mail *m, uint64_t lines)
{
	struct buf mail;
	struct err e;

	if (maildir_read(&p->box, (size_t)(m - p->box.v), &mail, &e) < 0) {
		conn_say(&p->c, "-ERR [SYS/TEMP] %s\r\n", e.text);
		return -1;
	}
	conn_say(&p->c, "+OK %zu octets\r\n", buf_len(&mail));
	say_text(&p->c, buf_str(&mail), lines);
	buf_release(&mail);
	return 0;
}

static void v_retr(struct pop3 *p, struct str args)
{
	struct maildir_mail *m = take_mail(p, &args);

	if (!m || say_mail(p, m, UINT64_MAX) < 0)
		return;
	m->seen = true;
	conn_body_reset(&p->c);
	p->c.body_counts = true;
}

static void v_top(struct pop3 *p, struct str args)
{
	struct maildir_mail *m = take_mail(p, &args);
	uint64_t lines;

	if (!m)
		return;
	if (str_u64(args, 0, INT64_MAX, &lines) < 0)
		conn_say(&p->c, "-ERR how many lines?\r\n");
	else
		say_mail(p, m, lines);
}

static void v_dele(struct pop3 *p, struct str args)
{
	struct maildir_mail *m = take_mail(p, &args);

	if (!m)
		return;
	m->deleted = true;
	conn_say(&p->c, "+OK\r\n");
}

static void v_rset(struct pop3 *p, struct str args)
{
	(void)args;
	for (size_t i = 0; i < p->box.n; i++)
		p->box.v[i].deleted = false;
	conn_say(&p->c, "+OK\r\n");
}

static void v_noop(struct pop3 *p, struct str args)
{
	(void)args;
	conn_say(&p->c, "+OK\r\n");
}

static void v_quit(struct pop3 *p, struct str args)
{
	struct err e;

	(void)args;
	p->c.closing = true;
	if (p->logged_in && maildir_commit(&p->box, &e) < 0)
		conn_say(&p->c, "-ERR [SYS/TEMP] %s\r\n", e.text);
	else
		conn_say(&p->c, "+OK bye\r\n");
}

/* --- dispatch --- */

enum { BEFORE = 1, AFTER = 2, ANY = BEFORE | AFTER }; /* the login */

static const struct verb {
	struct str name;
	enum step step;
	unsigned when;
	void (*run)(struct pop3 *p, struct str args);
} verbs[] = {
	{ STR_INIT("CAPA"), STEP_OTHER, ANY, v_capa },
	{ STR_INIT("UTF8"), STEP_OTHER, BEFORE, v_utf8 },
	{ STR_INIT("USER"), STEP_USER, BEFORE, v_user },
	{ STR_INIT("PASS"), STEP_PASS, BEFORE, v_pass },
	{ STR_INIT("STAT"), STEP_OTHER, AFTER, v_stat },
	{ STR_INIT("LIST"), STEP_OTHER, AFTER, v_list },
	{ STR_INIT("UIDL"), STEP_OTHER, AFTER, v_uidl },
	{ STR_INIT("RETR"), STEP_RETR, AFTER, v_retr },
	{ STR_INIT("TOP"), STEP_OTHER, AFTER, v_top },
	{ STR_INIT("DELE"), STEP_OTHER, AFTER, v_dele },
	{ STR_INIT("RSET"), STEP_RSET, AFTER, v_rset },
	{ STR_INIT("NOOP"), STEP_OTHER, AFTER, v_noop },
	{ STR_INIT("QUIT"), STEP_QUIT, ANY, v_quit },
};

static const struct verb *find_verb(const struct pop3 *p, struct str name)
{
	unsigned now = p->logged_in ? AFTER : BEFORE;

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_ieq(verbs[i].name, name) && (verbs[i].when & now))
			return &verbs[i];
	return NULL;
}

static void obey(struct conn *c, struct str line)
{
	struct pop3 *p = pop3_of(c);
	struct pop3_line l;
	const struct verb *v;

	pop3_line_split(line, &l);
	v = find_verb(p, l.verb);
	c->hit.action = ACT_NONE;
	if (!v)
		conn_say(c, "-ERR unknown or not now\r\n");
	else if (conn_begin(c, v->step, v->step == STEP_USER ? l.args : str_z(p->login)))
		v->run(p, l.args);
	else
		return;
	conn_end(c);
}

static bool pop3_step(struct conn *c)
{
	return conn_line(c, obey, STR("-ERR not a command line\r\n"));
}

/* --- the protocol --- */

static void pop3_greet(struct conn *c)
{
	conn_say(c, "+OK %s POP3 ready\r\n", c->box->name);
}

static void pop3_refuse(struct conn *c, enum step s, bool for_ever)
{
	const char *lasting = s == STEP_PASS ? "[AUTH]" : "[SYS/PERM]";

	c->closing = c->closing || s == STEP_CONNECT || s == STEP_GREETING;
	conn_say(c, "-ERR %s refused on purpose\r\n", for_ever ? lasting : "[SYS/TEMP]");
}

static struct conn *pop3_make(void)
{
	struct pop3 *p = mem_zalloc(sizeof(*p));

	return &p->c;
}

static void pop3_free(struct conn *c)
{
	struct pop3 *p = pop3_of(c);

	maildir_close(&p->box);
	free(p);
}

const struct proto pop3_proto = {
	.name = "pop3",
	.make = pop3_make,
	.greet = pop3_greet,
	.refuse = pop3_refuse,
	.step = pop3_step,
	.free = pop3_free,
};
