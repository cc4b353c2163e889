/* demobox: a small SMTP, LMTP and POP3 server over maildirs, in one process: the boxes of
 * the demonstration, and the ones that fail on purpose in the tests.
 * Not for real mail: it blocks on its disk, and speaks neither TLS nor AUTH. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/demobox/pop3.h"
#include "cmd/demobox/smtp.h"
#include "lib/base/log.h"
#include "lib/net/listen.h"

#define DEFAULT_SIZE (100ull << 20)

struct side {
	const struct proto *proto;
	bool wanted;
	struct addr addr;
	int fd;
	struct acceptor acceptor;
	struct box *box;
};
enum { SIDE_SMTP, SIDE_LMTP, SIDE_POP3, SIDES };

struct demobox {
	struct box box;
	struct side side[SIDES];
	const char *log_path;
	bool asked_port; /* some port was 0 */
	struct sigwatch term, intr, hup;
};

/* --- options --- */

static int listen_option(struct side *s, struct str value, bool *asked, struct err *e)
{
	bool any = value.n > 2 && str_eq(str_skip(value, value.n - 2), STR(":0"));

	if (any)
		value.n -= 2;
	if (addr_parse(value, any ? 1 : 0, &s->addr, e) < 0)
		return -1;
	s->addr.port = any ? 0 : s->addr.port;
	s->wanted = true;
	*asked = *asked || any;
	return 0;
}

static int o_smtp(struct demobox *d, const char *v, struct err *e)
{
	return listen_option(&d->side[SIDE_SMTP], str_z(v), &d->asked_port, e);
}

static int o_lmtp(struct demobox *d, const char *v, struct err *e)
{
	return listen_option(&d->side[SIDE_LMTP], str_z(v), &d->asked_port, e);
}

static int o_pop3(struct demobox *d, const char *v, struct err *e)
{
	return listen_option(&d->side[SIDE_POP3], str_z(v), &d->asked_port, e);
}

static int o_size(struct demobox *d, const char *v, struct err *e)
{
	if (str_u64(str_z(v), 1, 1u << 31, &d->box.max_size) == 0)
		return 0;
	return err_set(e, "not a number of bytes (1..2^31): %s", v);
}

static int o_fault(struct demobox *d, const char *v, struct err *e)
{
	return faults_add(&d->box.faults, str_z(v), e);
}

static int o_help(struct demobox *d, const char *v, struct err *e);

/* Each stores a word, or turns something off, or has a function of its own. */
static const struct opt {
	const char *name, *arg, *help;
	int (*set)(struct demobox *d, const char *value, struct err *e);
	size_t word;	  /* offset of a const char * */
	size_t turns_off; /* offset of a bool */
} opts[] = {
	{ "smtp", "ADDR:PORT", "listen for SMTP; port 0: any, told by the line `ready`",
	  .set = o_smtp },
	{ "lmtp", "ADDR:PORT", "listen for LMTP", .set = o_lmtp },
	{ "pop3", "ADDR:PORT", "listen for POP3", .set = o_pop3 },
	{ "directory", "DIR", "mail goes to DIR/<address>/{tmp,new,cur}",
	  .word = offsetof(struct demobox, box.directory) },
	{ "name", "NAME", "how it calls itself (default: demobox)",
	  .word = offsetof(struct demobox, box.name) },
	{ "users", "FILE", "lines ADDRESS TAB PASSWORD; without it everybody is let in",
	  .word = offsetof(struct demobox, box.users_path) },
	{ "size", "BYTES", "biggest mail (default: 104857600)", .set = o_size },
	{ "no-8bitmime", NULL, "do not offer 8BITMIME",
	  .turns_off = offsetof(struct demobox, box.eightbit) },
	{ "no-pipelining", NULL, "do not offer PIPELINING; log who does it all the same",
	  .turns_off = offsetof(struct demobox, box.pipelining) },
	{ "no-ehlo", NULL, "refuse EHLO, know HELO only",
	  .turns_off = offsetof(struct demobox, box.ehlo) },
	{ "nosync", NULL, "do not wait for the disk",
	  .turns_off = offsetof(struct demobox, box.sync) },
	{ "log", "FILE", "append a line for each event",
	  .word = offsetof(struct demobox, log_path) },
	{ "fault", "SPEC", "fail on purpose; may be repeated, see below",
	  .set = o_fault },
	{ "control", "FILE",
	  "faults, one a line; HUP reads it again, it then replaces all",
	  .word = offsetof(struct demobox, box.control_path) },
	{ "help", NULL, "show this", .set = o_help },
};

static void usage(void)
{
	printf("demobox: an SMTP, LMTP and POP3 server for demonstrations and tests\n\n");
	for (size_t i = 0; i < ARRAY_LEN(opts); i++)
		printf("  -%-13s %-10s %s\n", opts[i].name,
		       opts[i].arg ? opts[i].arg : "", opts[i].help);
	printf("\nSPEC: STEP[=ADDRESS]:ACTION[:ARG][:COUNT]\n  STEP    ");
	for (enum step s = 0; s < STEPS; s++)
		printf("%s ", step_name(s));
	printf("\n  ACTION  ");
	for (enum action a = ACT_NONE + 1; a < ACTIONS; a++)
		printf("%s ", action_name(a));
	printf("\n  ARG     milliseconds of slow; at body the bytes after which it "
	       "happens\n"
	       "          (body:slow:BYTES/MS pauses again and again)\n"
	       "  COUNT   how many times; default: always\n"
	       "  e.g.    end:drop_after:1  rcpt=anna@example.com:refuse5  "
	       "body:drop:1000\n");
}

static int o_help(struct demobox *d, const char *v, struct err *e)
{
	(void)d;
	(void)v;
	(void)e;
	usage();
	exit(0);
}

static int apply_option(struct demobox *d, const struct opt *o, const char *value,
			struct err *e)
{
	if (o->set)
		return o->set(d, value, e);
	if (o->arg)
		*(const char **)(void *)((char *)d + o->word) = value;
	else
		*(bool *)((char *)d + o->turns_off) = false;
	return 0;
}

static int parse_options(struct demobox *d, int argc, char **argv, struct err *e)
{
	struct option longs[ARRAY_LEN(opts) + 1] = { 0 };
	int i, c;

	for (size_t n = 0; n < ARRAY_LEN(opts); n++) {
		longs[n].name = opts[n].name;
		longs[n].has_arg = opts[n].arg ? required_argument : no_argument;
	}
	while ((c = getopt_long_only(argc, argv, "", longs, &i)) != -1) {
		if (c == '?')
			return err_set(e, "-help lists the options");
		if (apply_option(d, &opts[i], optarg, e) < 0)
			return err_wrap(e, "-%s", opts[i].name);
	}
	if (optind < argc)
		return err_set(e, "what is \"%s\"? -help lists the options",
			       argv[optind]);
	return 0;
}

/* --- listening --- */

static void on_connection(struct acceptor *a, int fd, const struct addr *peer)
{
	struct side *s = container_of(a, struct side, acceptor);

	conn_start(s->box, s->proto, fd, peer);
}

static int open_sides(struct demobox *d, struct err *e)
{
	for (int i = 0; i < SIDES; i++) {
		struct side *s = &d->side[i];

		if (!s->wanted)
			continue;
		s->fd = listen_open(&s->addr, e);
		if (s->fd < 0)
			return -1;
		s->box = &d->box;
		s->acceptor.got = on_connection;
		acceptor_start(&s->acceptor, d->box.loop, s->fd);
	}
	return 0;
}

static void close_sides(struct demobox *d)
{
	for (int i = 0; i < SIDES; i++) {
		if (d->side[i].fd < 0)
			continue;
		acceptor_stop(&d->side[i].acceptor);
		close(d->side[i].fd);
	}
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof(ss);
	struct addr a = { 0 };

	if (getsockname(fd, (struct sockaddr *)&ss, &n) < 0 ||
	    addr_from_sockaddr((struct sockaddr *)&ss, &a) < 0)
		return 0;
	return a.port;
}

static void say_ready(const struct demobox *d)
{
	printf("ready");
	for (int i = 0; i < SIDES && d->asked_port; i++)
		if (d->side[i].fd >= 0)
			printf(" %s=%u", d->side[i].proto->name, port_of(d->side[i].fd));
	printf("\n");
	fflush(stdout);
}

/* --- signals --- */

static void on_term(struct sigwatch *s)
{
	loop_stop(s->loop);
}

static void on_hup(struct sigwatch *s)
{
	struct demobox *d = container_of(s, struct demobox, hup);
	struct err e;

	if (box_reread_control(&d->box, &e) < 0 || box_reread_users(&d->box, &e) < 0) {
		log_error("%s", e.text);
		box_log(&d->box, "control failed: %s", e.text);
	}
}

/* --- all of it --- */

static void init(struct demobox *d)
{
	static const struct proto *const protos[SIDES] = {
		[SIDE_SMTP] = &smtp_proto,
		[SIDE_LMTP] = &lmtp_proto,
		[SIDE_POP3] = &pop3_proto,
	};

	d->box = (struct box){
		.name = "demobox",
		.max_size = DEFAULT_SIZE,
		.sync = true,
		.ehlo = true,
		.pipelining = true,
		.eightbit = true,
		.log_fd = -1,
	};
	list_init(&d->box.conns);
	for (int i = 0; i < SIDES; i++) {
		d->side[i].proto = protos[i];
		d->side[i].fd = -1;
	}
}

/* At the start the faults of the control file come behind those of -fault. */
static int read_control(struct demobox *d, struct err *e)
{
	struct faults given = d->box.faults;
	struct faults *f = &d->box.faults;

	if (!d->box.control_path || access(d->box.control_path, F_OK) < 0)
		return 0; /* it may come later */
	*f = (struct faults){ 0 };
	if (box_reread_control(&d->box, e) < 0)
		return -1;
	given.v = mem_realloc(given.v, (given.n + f->n + 1) * sizeof(*given.v));
	for (size_t i = 0; i < f->n; i++)
		given.v[given.n++] = f->v[i];
	faults_free(f);
	*f = given;
	return 0;
}

static int prepare(struct demobox *d, struct err *e)
{
	bool any = d->side[SIDE_SMTP].wanted || d->side[SIDE_LMTP].wanted ||
		   d->side[SIDE_POP3].wanted;

	if (!any || !d->box.directory)
		return err_set(e, "-directory and one of -smtp, -lmtp, -pop3 are needed");
	if (mkdir(d->box.directory, 0700) < 0 && errno != EEXIST)
		return err_errno(e, "cannot make %s", d->box.directory);
	if (d->log_path) {
		d->box.log_fd = open(d->log_path,
				     O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
		if (d->box.log_fd < 0)
			return err_errno(e, "cannot open %s", d->log_path);
	}
	if (box_reread_users(&d->box, e) < 0 || read_control(d, e) < 0)
		return -1;
	return open_sides(d, e);
}

static void close_conns(struct box *b)
{
	while (!list_empty(&b->conns))
		conn_close(container_of(b->conns.next, struct conn, node));
}

static void serve(struct demobox *d)
{
	sigwatch_start(&d->term, d->box.loop, SIGTERM, on_term);
	sigwatch_start(&d->intr, d->box.loop, SIGINT, on_term);
	sigwatch_start(&d->hup, d->box.loop, SIGHUP, on_hup);
	say_ready(d);
	loop_run(d->box.loop);
	sigwatch_stop(&d->term);
	sigwatch_stop(&d->intr);
	sigwatch_stop(&d->hup);
}

static void clean_up(struct demobox *d)
{
	close_sides(d);
	close_conns(&d->box);
	loop_free(&d->box.loop);
	faults_free(&d->box.faults);
	buf_release(&d->box.users);
	if (d->box.log_fd >= 0)
		close(d->box.log_fd);
}

int main(int argc, char **argv)
{
	static struct demobox d;
	struct err e;
	int r;

	init(&d);
	signal(SIGPIPE, SIG_IGN);
	log_role("demobox");
	if (parse_options(&d, argc, argv, &e) < 0) {
		fprintf(stderr, "demobox: %s\n", e.text);
		return 2;
	}
	d.box.loop = loop_new();
	r = prepare(&d, &e);
	if (r == 0)
		serve(&d);
	else
		fprintf(stderr, "demobox: %s\n", e.text);
	clean_up(&d);
	return r == 0 ? 0 : 1;
}
