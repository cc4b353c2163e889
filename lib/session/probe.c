#include "lib/session/probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/session/patience.h"
#include "lib/wire/reply.h"

enum {
	STEP_END,
	STEP_CONNECT,
	STEP_GREETING,
	STEP_HELLO,
	STEP_AUTH,
	STEP_USER,
	STEP_PASS
};

static const unsigned char dialogues[][6] = {
	[PROTO_SMTP] = { STEP_CONNECT, STEP_GREETING, STEP_HELLO, STEP_AUTH, STEP_END },
	[PROTO_LMTP] = { STEP_CONNECT, STEP_GREETING, STEP_HELLO, STEP_END },
	[PROTO_POP3] = { STEP_CONNECT, STEP_GREETING, STEP_USER, STEP_PASS, STEP_END },
	[PROTO_IMAP] = { STEP_CONNECT, STEP_GREETING, STEP_END },
	[PROTO_TCP] = { STEP_CONNECT, STEP_END },
};

static int say_hello(struct probe *p);
static int say_auth(struct probe *p);
static int say_user(struct probe *p);
static int say_pass(struct probe *p);

/* code: the SMTP reply that is a yes. login: a no to it concerns the login alone. */
static const struct step {
	const char *name;
	int (*say)(struct probe *p); /* NULL: nothing is sent. -1: it does not fit */
	int code;
	bool login;
} steps[] = {
	[STEP_CONNECT] = { "connect", NULL, 0, false },
	[STEP_GREETING] = { "greeting", NULL, 220, false },
	[STEP_HELLO] = { "EHLO", say_hello, 250, false },
	[STEP_AUTH] = { "AUTH", say_auth, 235, true },
	[STEP_USER] = { "USER", say_user, 0, true },
	[STEP_PASS] = { "PASS", say_pass, 0, true },
};

static const struct step *step_of(const struct probe *p)
{
	return &steps[*p->step];
}

/* --- its end --- */

void probe_end(struct probe *p)
{
	if (!p->loop)
		return;
	dial_cancel(&p->dial);
	timer_stop(&p->timer);
	if (p->io.ops)
		io_close(&p->io);
	p->loop = NULL;
}

static void found(struct probe *p, enum box_verdict verdict)
{
	p->found.verdict = verdict;
	p->found.mono_ms = clock_mono_ms();
	p->found.took_us = clock_mono_us() - p->began_us;
	probe_end(p);
	p->done(p);
}

static void failed(struct probe *p, enum box_verdict verdict, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
static void failed(struct probe *p, enum box_verdict verdict, const char *fmt, ...)
{
	int n = snprintf(p->found.text, sizeof(p->found.text), "%s: ", step_of(p)->name);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->found.text + n, sizeof(p->found.text) - (size_t)n, fmt, ap);
	va_end(ap);
	found(p, step_of(p)->login ? BOX_LOGIN : verdict);
}

/* What an administrator likes to know of a box that is well. */
static void describe(struct probe *p)
{
	static const struct {
		uint32_t offer;
		const char *name;
	} names[] = {
		{ OFFER_PIPELINING, "PIPELINING" },
		{ OFFER_SIZE, "SIZE" },
		{ OFFER_8BITMIME, "8BITMIME" },
		{ OFFER_SMTPUTF8, "SMTPUTF8" },
		{ OFFER_DSN, "DSN" },
		{ OFFER_CHUNKING, "CHUNKING" },
		{ OFFER_STARTTLS, "STARTTLS" },
		{ OFFER_PRDR, "PRDR" },
		{ OFFER_XCLIENT, "XCLIENT" },
		{ OFFER_XFORWARD, "XFORWARD" },
	};
	struct buf b = { .mem = p->found.text,
			 .cap = sizeof(p->found.text),
			 .max = sizeof(p->found.text) - 1 };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (p->offer & names[i].offer)
			(void)!buf_addf(&b, "%s%s", buf_len(&b) > 0 ? " " : "", names[i].name);
	p->found.text[buf_str(&b).n] = '\0';
}

static void well(struct probe *p)
{
	if (p->box->protocol == PROTO_SMTP || p->box->protocol == PROTO_LMTP)
		describe(p);
	if (p->box->protocol == PROTO_IMAP)
		(void)!io_put(&p->io, STR("a LOGOUT\r\n"));
	else if (p->box->protocol != PROTO_TCP)
		(void)!io_put(&p->io, STR("QUIT\r\n")); /* a courtesy: it goes out with the close, or not */
	found(p, BOX_WELL);
}

/* --- what is said --- */

static int say_hello(struct probe *p)
{
	const char *verb = p->box->protocol == PROTO_LMTP ? "LHLO" :
			   p->helo_tried		  ? "HELO" :
							    "EHLO";

	return io_putf(&p->io, "%s %.*s\r\n", verb, STR_ARG(p->box->cluster->host_name));
}

/* RFC 4616: no other identity, name, password. */
static int say_auth(struct probe *p)
{
	struct str name = p->box->row.probe_address, password = p->box->row.probe_password;
	char plain[LIMIT_ADDRESS + LIMIT_PASSWORD + 3], coded[sizeof(plain) * 4 / 3 + 8];
	int n = snprintf(plain, sizeof(plain), "%c%.*s%c%.*s", 0, STR_ARG(name), 0, STR_ARG(password)),
	    rc = -1;

	if (n > 0 && (size_t)n < sizeof(plain)) {
		hash_b64((struct str){ plain, (size_t)n }, coded);
		rc = io_putf(&p->io, "AUTH PLAIN %s\r\n", coded);
	}
	explicit_bzero(plain, sizeof(plain));
	explicit_bzero(coded, sizeof(coded));
	return rc;
}

static int say_user(struct probe *p)
{
	return io_putf(&p->io, "USER %.*s\r\n", STR_ARG(p->box->row.probe_address));
}

static int say_pass(struct probe *p)
{
	return io_putf(&p->io, "PASS %.*s\r\n", STR_ARG(p->box->row.probe_password));
}

static void next_step(struct probe *p)
{
	p->step++;
	if (*p->step == STEP_END || (step_of(p)->login && p->box->row.probe_address.n == 0))
		well(p); /* a login is the end of each dialogue */
	else if (*p->step == STEP_AUTH && !(p->offer & OFFER_AUTH_PLAIN))
		failed(p, BOX_REFUSES, "the box does not offer AUTH PLAIN");
	else if (step_of(p)->say && step_of(p)->say(p) < 0)
		failed(p, BOX_REFUSES, "it does not fit");
}

/* --- what is heard --- */

/* One answer in a protocol's form. text borrows; code 0: it has none. */
struct answer {
	bool yes;
	int code;
	struct str text;
};

static enum parse_result smtp_answer(struct probe *p, struct answer *a, size_t *used)
{
	struct reply r;
	enum parse_result rc = reply_parse(io_data(&p->io), &r, used);

	if (rc != PARSE_DONE)
		return rc;
	*a = (struct answer){ r.code == step_of(p)->code, r.code, r.text };
	if (*p->step == STEP_HELLO && a->yes && !p->helo_tried)
		p->offer = ehlo_offer(&r, &p->offer_size);
	return rc;
}

static enum parse_result pop3_answer(struct probe *p, struct answer *a, size_t *used)
{
	struct pop3_reply r;
	enum parse_result rc = pop3_reply_parse(io_data(&p->io), &r, used);

	if (rc == PARSE_DONE)
		*a = (struct answer){ .yes = r.ok, .text = r.text };
	return rc;
}

/* RFC 9051 7.1: the greeting, which is OK, PREAUTH or BYE. */
static enum parse_result imap_answer(struct probe *p, struct answer *a, size_t *used)
{
	struct str in = io_data(&p->io);
	ptrdiff_t lf = str_find(in, '\n');

	if (lf < 0)
		return in.n < LIMIT_REPLY_LINE ? PARSE_MORE : PARSE_BAD;
	*used = (size_t)lf + 1;
	*a = (struct answer){ .text = str_trim((struct str){ in.p, (size_t)lf }) };
	a->yes = str_starts(a->text, STR("* OK")) || str_starts(a->text, STR("* PREAUTH"));
	return str_starts(a->text, STR("* ")) ? PARSE_DONE : PARSE_BAD;
}

typedef enum parse_result answer_parser(struct probe *p, struct answer *a, size_t *used);
static answer_parser *const parsers[] = {
	[PROTO_SMTP] = smtp_answer,
	[PROTO_LMTP] = smtp_answer,
	[PROTO_POP3] = pop3_answer,
	[PROTO_IMAP] = imap_answer,
};

static void refused(struct probe *p, const struct answer *a)
{
	char text[BOX_CHECK_TEXT];

	if (*p->step == STEP_HELLO && a->code / 100 == 5 && !p->helo_tried &&
	    p->box->protocol == PROTO_SMTP) {
		p->helo_tried = true; /* RFC 5321 3.2: an old server */
		if (say_hello(p) < 0)
			failed(p, BOX_REFUSES, "it does not fit");
		return;
	}
	reply_clean(text, sizeof(text), a->text);
	if (a->code)
		failed(p, BOX_REFUSES, "%d %s", a->code, text);
	else
		failed(p, BOX_REFUSES, "%s", text);
}

/* False: it is over, or there is nothing whole. */
static bool hear(struct probe *p)
{
	struct answer a = { 0 };
	size_t used = 0;
	enum parse_result rc = parsers[p->box->protocol](p, &a, &used);

	if (rc == PARSE_MORE)
		return false;
	if (rc == PARSE_BAD) {
		failed(p, BOX_REFUSES, "the box does not speak its protocol");
		return false;
	}
	if (a.yes)
		next_step(p);
	else
		refused(p, &a);
	if (p->loop)
		io_take(&p->io, used);
	return p->loop != NULL;
}

static void on_io(struct io *io, enum io_event what)
{
	struct probe *p = container_of(io, struct probe, io);

	if (what == IO_EOF)
		failed(p, BOX_REFUSES, "the box closed the connection");
	else if (what == IO_FAILED)
		failed(p, BOX_ILL, "%s", strerror(io->error));
	else if (what == IO_DATA)
		while (hear(p))
			;
}

static void on_timeout(struct timer *t)
{
	failed(container_of(t, struct probe, timer), BOX_ILL, "no answer in time");
}

static void on_dial(struct dial *d, int fd, int error)
{
	struct probe *p = container_of(d, struct probe, dial);

	if (fd < 0 && dial_own_trouble(error)) {
		str_copy(p->found.text, sizeof(p->found.text), str_z(strerror(error)));
		found(p, BOX_UNSEEN);
	} else if (fd < 0) {
		failed(p, BOX_ILL, "%s", strerror(error));
	} else {
		io_init_socket(&p->io, p->loop, fd, LIMIT_LEG_IN, LIMIT_LEG_OUT, on_io);
		timer_set(&p->timer, patience(BOX_CHECK_MS));
		next_step(p);
	}
}

void probe_start(struct probe *p, struct loop *l, const struct topo_box *box,
		 void (*done)(struct probe *p))
{
	*p = (struct probe){ .loop = l, .box = box, .step = dialogues[box->protocol], .done = done };
	p->began_us = clock_mono_us();
	timer_init(&p->timer, l, on_timeout);
	dial_start(&p->dial, l, &box->addr, box->connect_timeout_ms, on_dial);
}
