/* A real mail through our own listener, as a stranger on this machine would bring it. Runs beside the loop: it
 * talks SMTP and waits for each answer, SENDTEST_STEP_S at most. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "admin/change.h"
#include "admin/handlers.h"
#include "lib/base/addr.h"
#include "lib/base/clock.h"
#include "lib/base/hash.h"

#define SENDTEST_STEP_S 30 /* error_sleep_s is 15 by default */
#define SENDTEST_REPLY 16384

struct dialogue {
	struct call *c;
	struct xml_out rows;
	unsigned lines;
	int fd, code; /* of the last reply; 0: none came */
	char in[SENDTEST_REPLY];
	size_t n;     /* bytes in it */
};

static void note(struct dialogue *d, const char *who, struct str text)
{
	xml_out_open(&d->rows, "said", -1);
	xml_out_text(&d->rows, "by", str_z(who));
	xml_out_text(&d->rows, "text", text);
	xml_out_close(&d->rows, "said");
	d->lines++;
}

/* --- replies --- */

static bool is_last(struct str line)
{
	return line.n < 4 || line.p[3] != '-';
}

static int code_of(struct str line)
{
	uint64_t code;

	return line.n >= 3 && str_u64((struct str){ line.p, 3 }, 200, 599, &code) == 0 ? (int)code : 0;
}

/* The lines that are there; true: the last of the reply is among them. */
static bool take_lines(struct dialogue *d)
{
	struct str rest = { d->in, d->n }, line;
	ptrdiff_t lf;
	bool last = false;

	while (!last && (lf = str_find(rest, '\n')) >= 0) {
		line = str_trim((struct str){ rest.p, (size_t)lf });
		rest = str_skip(rest, (size_t)lf + 1);
		note(d, "server", line);
		last = is_last(line);
		d->code = last ? code_of(line) : 0;
	}
	memmove(d->in, rest.p, rest.n);
	d->n = rest.n;
	return last;
}

static void hear(struct dialogue *d)
{
	d->code = 0;
	while (!take_lines(d)) {
		ssize_t n = d->n < sizeof(d->in) ? recv(d->fd, d->in + d->n, sizeof(d->in) - d->n, 0) : 0;

		if (n <= 0) {
			note(d, "nobody", n < 0 ? str_z(errno == EAGAIN ? "no answer came in time" : strerror(errno)) :
						  STR("the connection was closed"));
			return;
		}
		d->n += (size_t)n;
	}
}

/* --- steps --- */

/* shown: what stands in the dialogue for it. */
static bool say(struct dialogue *d, struct str text, struct str shown)
{
	note(d, "client", shown);
	while (text.n > 0) {
		ssize_t n = send(d->fd, text.p, text.n, MSG_NOSIGNAL);

		if (n < 0) {
			note(d, "nobody", str_z(strerror(errno)));
			return false;
		}
		text = str_skip(text, (size_t)n);
	}
	hear(d);
	return d->code / 100 == 2 || d->code / 100 == 3;
}

static bool say_line(struct dialogue *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool say_line(struct dialogue *d, const char *fmt, ...)
{
	char line[600];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 2, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n > sizeof(line) - 3)
		return false; /* addresses are shorter */
	memcpy(line + n, "\r\n", 2);
	return say(d, (struct str){ line, (size_t)n + 2 }, (struct str){ line, (size_t)n });
}

static bool say_mail(struct dialogue *d, const char *id)
{
	struct str to = call_text(d->c, "email_address"), from = d->c->args.sender;
	char text[1500], date[40];
	int n;

	clock_rfc5322(clock_wall_ms(), date);
	n = snprintf(text, sizeof(text),
		     "From: <%.*s>\r\nTo: <%.*s>\r\nSubject: Test mail of protobalance\r\nDate: %s\r\n"
		     "Message-ID: <%s>\r\n\r\nThis mail was sent from the console to see which way it goes.\r\n.\r\n",
		     STR_ARG(from), STR_ARG(to), date, id);
	if (n < 0 || (size_t)n >= sizeof(text))
		return false;
	return say(d, (struct str){ text, (size_t)n }, STR("(the mail, and a line with a dot)"));
}

/* true: it was taken. */
static bool talk(struct dialogue *d, const char *id)
{
	bool taken;

	hear(d);
	taken = d->code == 220 && say_line(d, "EHLO localhost") &&
		say_line(d, "MAIL FROM:<%.*s>", STR_ARG(d->c->args.sender)) &&
		say_line(d, "RCPT TO:<%.*s>", STR_ARG(call_text(d->c, "email_address"))) &&
		say_line(d, "DATA") && say_mail(d, id);
	if (d->code != 0 && d->code != 421)
		(void)say_line(d, "QUIT");
	return taken;
}

/* --- the listener --- */

/* Where it listens; on all addresses: here. */
static int open_connection(const struct cluster *c, struct err *e)
{
	static const struct timeval limit = { .tv_sec = SENDTEST_STEP_S };
	struct ipaddr any4, any6 = { { 0 } };
	struct sockaddr_storage ss;
	struct addr to = { .port = (uint16_t)c->listen_port };
	unsigned n;
	int fd;

	if (ip_parse(c->listen_address, &to.ip, e) < 0 || ip_parse(STR("0.0.0.0"), &any4, e) < 0)
		return -1;
	if ((ip_eq(&to.ip, &any4) || ip_eq(&to.ip, &any6)) && ip_parse(STR("127.0.0.1"), &to.ip, e) < 0)
		return -1;
	n = addr_to_sockaddr(&to, &ss);
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(e, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(fd, (struct sockaddr *)&ss, n) < 0) {
		err_errno(e, "the listener of %.*s", STR_ARG(c->clusterid));
		close(fd);
		return -1;
	}
	return fd;
}

/* 0, or -1 after call_fail. Texts in the call's arena. */
static int read_cluster(struct call *c, struct cluster *out)
{
	struct err e = { "" };
	int rc = store_read_begin(c->env->accounts, &e);

	if (rc == 0) {
		rc = store_get(c->env->accounts, &table_clusters, call_text(c, "clusterid"), out, NULL, &e);
		if (rc == 0) {
			out->listen_address = arena_str(c->arena, out->listen_address);
			out->type = arena_str(c->arena, out->type);
			out->clusterid = call_text(c, "clusterid");
		}
		store_read_end(c->env->accounts);
	}
	if (rc < 0)
		return change_unavailable(c, &e);
	if (rc == 0 && str_eq(out->type, STR("smtp")))
		return 0;
	call_fail(c, 404, "no_such_cluster", "no such SMTP cluster: %.*s", STR_ARG(call_text(c, "clusterid")));
	return -1;
}

static void write_answer(struct dialogue *d, bool taken, const char *id)
{
	struct xml_out *o = &d->c->body;

	xml_out_int(o, "taken", taken);
	xml_out_text(o, "message_id", str_z(id));
	xml_out_open(o, "dialogue", d->lines);
	xml_out_piece(o, &d->rows);
	xml_out_close(o, "dialogue");
}

void cmd_sendtest(struct call *c)
{
	struct dialogue *d;
	struct cluster cluster = { .listen_port = 0 };
	uint8_t random[8];
	char id[60];
	struct err e = { "" };
	bool taken;

	if (read_cluster(c, &cluster) < 0)
		return;
	d = mem_zalloc(sizeof(*d));
	d->c = c;
	d->fd = open_connection(&cluster, &e);
	if (d->fd < 0) {
		call_fail(c, 503, "unreachable", "%s", e.text);
	} else {
		hash_random(random, sizeof(random));
		hash_hex(random, sizeof(random), id);
		memcpy(id + 2 * sizeof(random), "@test.protobalance", sizeof("@test.protobalance"));
		xml_out_init(&d->rows, 2);
		taken = talk(d, id);
		close(d->fd);
		write_answer(d, taken, id);
		xml_out_free(&d->rows);
	}
	free(d);
}
