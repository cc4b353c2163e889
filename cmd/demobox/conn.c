#include "cmd/demobox/conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/wire/smtp_line.h"

#define OUT_MAX (1ull << 31) /* more than any one mail */
#define OUT_ENOUGH 65536     /* bytes of answers that wait before more work is done */
#define SAY_MAX (2 * LIMIT_COMMAND_LINE)
#define NO_REPLY "this line is no reply\r\n"

/* --- output --- */

void conn_say_str(struct conn *c, struct str s)
{
	if (buf_add(&c->out, s) < 0)
		bug("an answer of more than %llu bytes", OUT_MAX);
}

void conn_say(struct conn *c, const char *fmt, ...)
{
	char text[SAY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conn_say_str(c, str_z(text));
}

/* Bytes that may go now; fewer when a body fault comes first. */
static size_t may_go(const struct conn *c)
{
	uint64_t left = c->body_counts ? conn_body_left(c) : UINT64_MAX;

	return left < c->released ? (size_t)left : c->released;
}

/* Bytes that went. Failures are told from the loop. */
static size_t write_out(struct conn *c)
{
	ptrdiff_t n = 0;

	if (!c->held && may_go(c) > 0)
		n = io_send(&c->io, (struct str){ buf_str(&c->out).p, may_go(c) });
	if (n <= 0)
		return 0;
	buf_consume(&c->out, (size_t)n);
	c->released -= (size_t)n;
	c->body += c->body_counts ? (uint64_t)n : 0;
	return (size_t)n;
}

/* --- its end --- */

static void on_bury(struct deferred *d)
{
	struct conn *c = container_of(d, struct conn, bury);

	buf_release(&c->out);
	c->proto->free(c);
}

static void end_with(struct conn *c, void (*how)(struct io *io))
{
	if (c->closed)
		return;
	write_out(c);
	c->closed = true;
	how(&c->io);
	timer_stop(&c->delay);
	list_remove(&c->node);
	box_log(c->box, "disconnect %u", c->id);
	loop_defer(c->box->loop, &c->bury);
}

void conn_close(struct conn *c)
{
	end_with(c, io_close);
}

static void after_push(struct conn *c)
{
	if (c->body_counts && c->released > 0 && may_go(c) == 0)
		conn_body(c);
	if (c->closed || buf_len(&c->out) > 0)
		return;
	c->body_counts = false;
	buf_release(&c->out);
	if (c->closing)
		conn_close(c);
}

bool conn_push(struct conn *c)
{
	size_t n;

	if (c->closed || c->held || c->io.blocked)
		return false;
	n = write_out(c);
	after_push(c);
	return n > 0;
}

/* --- faults --- */

static void do_refuse4(struct conn *c, enum step s)
{
	c->proto->refuse(c, s, false);
}

static void do_refuse5(struct conn *c, enum step s)
{
	c->proto->refuse(c, s, true);
}

static void do_stall(struct conn *c, enum step s)
{
	conn_push(c);
	c->held = c->stalled = true;
	if (s == STEP_BODY)
		io_read(&c->io, false); /* the peer's writes fill up, too */
}

static void do_drop(struct conn *c, enum step s)
{
	(void)s;
	conn_close(c);
}

static void do_reset(struct conn *c, enum step s)
{
	(void)s;
	end_with(c, io_abort);
}

static void do_garbage(struct conn *c, enum step s)
{
	(void)s;
	conn_say_str(c, STR(NO_REPLY));
}

/* What is done instead of the work; NULL: the work is done. */
static void (*const instead[ACTIONS])(struct conn *c, enum step s) = {
	[ACT_REFUSE4] = do_refuse4, [ACT_REFUSE5] = do_refuse5, [ACT_STALL] = do_stall,
	[ACT_DROP] = do_drop,	    [ACT_GARBAGE] = do_garbage, [ACT_RESET] = do_reset,
};

static void take_fault(struct conn *c, enum step s, struct str who)
{
	c->hit = faults_take(&c->box->faults, s, who, c->body);
	if (c->hit.action != ACT_NONE)
		box_log(c->box, "fault %u %s %s", c->id, step_name(s),
			action_name(c->hit.action));
}

bool conn_begin(struct conn *c, enum step s, struct str who)
{
	take_fault(c, s, who);
	if (!instead[c->hit.action])
		return true;
	instead[c->hit.action](c, s);
	c->released = buf_len(&c->out);
	return false;
}

void conn_end(struct conn *c)
{
	if (c->closed)
		return;
	if (c->hit.action == ACT_DROP_AFTER) {
		conn_close(c); /* what has been said was not released */
		return;
	}
	if (c->hit.action == ACT_SLOW) {
		conn_push(c); /* earlier answers do not wait */
		c->held = true;
		timer_set(&c->delay, (int64_t)c->hit.ms);
		return;
	}
	c->released = buf_len(&c->out);
}

/* --- faults within a mail --- */

void conn_body_reset(struct conn *c)
{
	c->body = 0;
	c->body_done = false;
}

uint64_t conn_body_left(const struct conn *c)
{
	return c->body_done ? UINT64_MAX : faults_body_left(&c->box->faults, c->body);
}

/* Of a mail on its way out nothing more goes: what has been said is thrown away. */
static void cut_mail(struct conn *c)
{
	buf_release(&c->out);
	c->released = 0;
}

void conn_body(struct conn *c)
{
	take_fault(c, STEP_BODY, STR(""));
	c->body = 0;
	if (c->hit.action == ACT_SLOW) {
		c->held = true;
		io_read(&c->io, false);
		timer_set(&c->delay, (int64_t)c->hit.ms);
		return;
	}
	c->body_done = true;
	if (c->body_counts)
		cut_mail(c);
	if (c->hit.action == ACT_DROP_AFTER)
		conn_close(c);
	else
		instead[c->hit.action](c, STEP_BODY);
	c->released = buf_len(&c->out);
}

/* --- input --- */

bool conn_line(struct conn *c, void (*obey)(struct conn *c, struct str line),
	       struct str complaint)
{
	struct str line, all = io_data(&c->io);
	size_t used;
	enum line_result r = line_next(all, LIMIT_COMMAND_LINE, &line, &used);

	if (r == LINE_MORE)
		return false;
	if (r == LINE_LONG || r == LINE_NUL) {
		conn_say_str(c, complaint);
		c->closing = true;
		c->released = buf_len(&c->out);
		return false;
	}
	box_log(c->box, "command %u %.*s", c->id, STR_ARG(line));
	if (!c->box->pipelining && used < all.n)
		box_log(c->box, "pipelined %u", c->id);
	obey(c, line);
	if (!c->closed)
		io_take(&c->io, used);
	return true;
}

/* --- events --- */

bool conn_ready(const struct conn *c)
{
	return !c->closed && !c->held && !c->closing && !c->body_counts &&
	       buf_len(&c->out) < OUT_ENOUGH;
}

static void run(struct conn *c)
{
	do {
		while (conn_ready(c) && c->proto->step(c))
			;
	} while (conn_push(c));
	if (!c->closed && c->eof && !c->held && buf_len(&c->out) == 0)
		conn_close(c);
}

static void on_delay(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, delay);

	c->held = false;
	c->released = buf_len(&c->out);
	io_read(&c->io, true);
	run(c);
}

static void on_event(struct io *io, enum io_event what)
{
	struct conn *c = container_of(io, struct conn, io);

	if (c->stalled)
		io_take(io, io_data(io).n);
	if (what == IO_FAILED || (what == IO_EOF && c->stalled)) {
		conn_close(c);
		return;
	}
	c->eof = c->eof || what == IO_EOF;
	run(c);
}

/* --- its start --- */

static void greet(struct conn *c)
{
	if (!conn_begin(c, STEP_CONNECT, STR("")))
		return;
	if (c->hit.action == ACT_NONE && !conn_begin(c, STEP_GREETING, STR("")))
		return;
	c->proto->greet(c);
	conn_end(c);
}

void conn_start(struct box *b, const struct proto *p, int fd, const struct addr *peer)
{
	struct conn *c = p->make();
	char text[ADDR_TEXT];

	c->box = b;
	c->proto = p;
	c->id = ++b->sessions;
	buf_init(&c->out, OUT_MAX);
	timer_init(&c->delay, b->loop, on_delay);
	deferred_init(&c->bury, on_bury);
	list_append(&b->conns, &c->node);
	io_init_socket(&c->io, b->loop, fd, LIMIT_SESSION_IN, LIMIT_SESSION_OUT,
		       on_event);
	box_log(b, "connect %u %s %s", c->id, p->name, ip_text(&peer->ip, text));
	greet(c);
	conn_push(c);
}
