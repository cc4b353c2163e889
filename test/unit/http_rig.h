/* http_rig: admin as a whole, on real sockets, over a store in a directory of its own and a shared
 * region in which the test plays supervisor and workers. The dispatcher is the real one, over
 * commands of the rig's own. Includes the modules under test: the test names its own first. */
#ifndef PB_TEST_HTTP_RIG_H
#define PB_TEST_HTTP_RIG_H

#define PB_ADMIN_HANDLERS_H /* instead of handlers.h */
#include "admin/command.h"
#define COMMANDS(X) \
	X(addnewemail, "", 0, &table_accounts, NULL, "", "") \
	X(getemail, "", COMMAND_READS | COMMAND_SECRETS, NULL, "email_address", "", "") \
	X(echo, "", COMMAND_READS, NULL, "query offset", "", "") \
	X(importconfig, "", COMMAND_ROWS, NULL, NULL, "", "") \
	X(green, "", 0, NULL, "clusterid boxid", "", "") \
	X(addcluster, "", 0, NULL, "clusterid offset show_password", "", "") \
	X(reread, "", COMMAND_LONG, NULL, "clusterid", "", "") \
	X(setblockip, "", 0, NULL, "clusterid", "", "")
#define COMMAND_HANDLER(name, group, flags, table, params, help, example) \
	static void cmd_##name(struct call *c);
COMMANDS(COMMAND_HANDLER)

#include "admin/command.c"

#include <check.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "admin/admin.h"
#include "admin/auth.h"
#include "admin/exchange_inner.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "shm/counters.h"
#include "shm/journal.h"
#include "shm/listeners.h"
#include "shm/slots.h"

static struct loop *loop;
#include "unit/http_client.h"
#include "unit/property.h"

#define KEY "<accesskey>the-right-key</accesskey>"
#define WORKERS 2

static char dir[64], socket_path[96], log_path[96];
static struct store *store, *traffic;
static struct ip_ranges readers; /* of the pages */
static struct shm *shm;
static struct admin *admin;
static uint16_t port;
static struct err err;
static bool over_tls;	    /* the next start */
static int64_t deadline_ms; /* of the next start; 0: the product's */
static unsigned ran; /* calls of handlers that change something */
static char order[256]; /* "addnewemail a@b.cc, ...": in which they came */
static sem_t begun, go_on; /* a long command runs; it may end */

/* --- the commands --- */

static inline void note(struct call *c, const char *param)
{
	size_t n = strlen(order);

	ran++;
	snprintf(order + n, sizeof(order) - n, "%s%.*s %.*s", n ? ", " : "", STR_ARG(c->req->command),
		 STR_ARG(call_text(c, param)));
}

static void cmd_addnewemail(struct call *c)
{
	note(c, "email_address");
	xml_out_text(&c->body, "email_address", *xml_get(c->req, "email_address"));
}

static void cmd_getemail(struct call *c)
{
	call_fail(c, 404, "no_such_email", "no such email address");
}

/* What was asked, once, or as often as offset says. */
static void cmd_echo(struct call *c)
{
	int64_t n = c->args.offset ? c->args.offset : 1;

	for (int64_t i = 0; i < n; i++)
		xml_out_text(&c->body, "value", c->args.query);
}

static void cmd_importconfig(struct call *c)
{
	(void)c;
	ran++;
}

static void cmd_green(struct call *c)
{
	note(c, "boxid");
	c->stands = xml_get(c->req, "boxid") && str_eq(*xml_get(c->req, "boxid"), STR("SAME"));
	c->publish = !c->stands;
}

static inline void write_cluster_in(struct store *s, struct str name, int64_t listen_port)
{
	struct err e = { "" };
	struct cluster c;

	record_defaults(&table_clusters, &c);
	c.clusterid = name;
	c.type = STR("smtp");
	c.listen_port = listen_port;
	must(store_write_begin(s, clock_wall_ms(), &e) == 0, e.text);
	if (listen_port)
		must(store_put(s, &table_clusters, &c, &e) == 0, e.text);
	else
		must(store_delete(s, &table_clusters, name, &e) == 0, e.text);
	must(store_commit(s, &e) == 0, e.text);
}

static inline void write_cluster(struct str name, int64_t listen_port)
{
	write_cluster_in(store, name, listen_port);
}

static inline int undo_addcluster(struct call *c, struct err *e)
{
	if (c->args.show_password)
		return err_set(e, "no");
	write_cluster(*(struct str *)c->undo_arg, 0);
	return 0;
}

static void cmd_addcluster(struct call *c)
{
	note(c, "clusterid");
	write_cluster(*xml_get(c->req, "clusterid"), c->args.offset);
	c->publish = true;
	c->undo = undo_addcluster;
	c->undo_arg = arena_alloc(c->arena, sizeof(struct str));
	*(struct str *)c->undo_arg = arena_str(c->arena, *xml_get(c->req, "clusterid"));
}

/* Writes, and takes until the test lets it go on. In the thread. */
static void cmd_reread(struct call *c)
{
	must(!c->env->traffic && c->env->accounts != store, "stores of its own");
	sem_post(&begun);
	while (sem_wait(&go_on) < 0)
		;
	write_cluster_in(c->env->accounts, call_text(c, "clusterid"), 25);
	xml_out_text(&c->body, "clusterid", call_text(c, "clusterid"));
}

/* A fact for the replicator, which the test plays. */
static void cmd_setblockip(struct call *c)
{
	note(c, "clusterid");
	ck_assert_int_eq(journal_put(c->env->shm, SLOT_ADMIN, JOURNAL_BLOCKED, STR("fact"),
				     &c->journal_mark), 0);
}

/* --- the rig --- */

static inline int listen_tcp(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(fd, 512), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	port = ntohs(sa.sin_port);
	return fd;
}

static inline int listen_unix(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", socket_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

/* The right key, with so few rounds that checking it takes no time. */
static inline void store_key(const char *name)
{
	static const char hash[] = "pbkdf2-sha256$10$MDEyMzQ1Njc4OWFiY2RlZg==$"
				   "7Dewn53VJfgp9ocgXKwWz5kZvd056dhDnqu7Ni9Z3Kc=";
	struct credential c = { str_z(name), str_z(hash) };

	ck_assert_int_eq(store_write_begin(store, clock_wall_ms(), &err), 0);
	ck_assert_int_eq(store_put(store, &table_credentials, &c, &err), 0);
	ck_assert_int_eq(store_commit(store, &err), 0);
}

/* The supervisor's part. */
static inline void opened(const char *error)
{
	listeners_answer(shm, listeners_version(shm), error);
}

static inline void confirm(unsigned slot)
{
	generation_confirm(shm, slot, generation_get(shm));
}

static inline void start(unsigned patience_ms)
{
	struct admin_config c = { .dir = dir,
				  .shm = shm,
				  .loop = loop,
				  .accounts = store,
				  .http_fd = listen_tcp(),
				  .local_fd = listen_unix(),
				  .tls = over_tls,
				  .pages = &readers,
				  .wait_ms = patience_ms,
				  .deadline_ms = deadline_ms };

	ck_assert_msg(admin_start(&admin, &c, &err) == 0, "%s", err.text);
	admin_traffic(admin, traffic);
	opened("");
	confirm(0);
	confirm(1);
}

/* Wrong keys came from our network before: the next is held back for long enough that no test
 * sees the end of it by accident. */
static inline void be_suspect(void)
{
	struct ipaddr us;

	ck_assert_int_eq(ip_parse(STR("127.0.0.1"), &us, &err), 0);
	for (int64_t delay = 0; delay < PENALTY_MAX_MS / 2;)
		delay = auth_failed(shm, &us, clock_mono_ms());
}

static inline void setup(void)
{
	strcpy(dir, "/tmp/pb_test_server.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(socket_path, sizeof(socket_path), "%s/admin.sock", dir);
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	ck_assert_int_eq(log_open(log_path, &err), 0);
	ck_assert_int_eq(store_open(&store, dir, STORE_ACCOUNTS, STORE_WRITE, &err), 0);
	store_key("accesskey");
	store_key("password");
	ck_assert_int_eq(store_open(&traffic, dir, STORE_TRAFFIC, STORE_WRITE, &err), 0);
	ck_assert_int_eq(ranges_parse(STR("127.0.0.0/8"), &readers, &err), 0);
	shm = shm_create(WORKERS);
	slot_enter(shm, 0, ROLE_WORKER, 1000);
	slot_enter(shm, 1, ROLE_WORKER, 1001);
	slot_enter(shm, SLOT_REPLICATOR, ROLE_REPLICATOR, 1002);
	slot_enter(shm, SLOT_VERIFIER, ROLE_VERIFIER, 1003);
	slot_enter(shm, SLOT_PROBER, ROLE_PROBER, 1005);
	slot_enter(shm, SLOT_SUPERVISOR, ROLE_SUPERVISOR, 1004);
	loop = loop_new();
	ran = 0;
	order[0] = '\0';
	ck_assert(sem_init(&begun, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
	be_suspect();
	start(600000); /* nothing times out by itself */
}

static inline void teardown(void)
{
	char command[128];

	admin_stop(&admin);
	loop_free(&loop);
	store_close(&store);
	store_close(&traffic);
	ranges_free(&readers);
	shm_destroy(&shm);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static inline const char *log_text(void)
{
	static char text[65536];
	FILE *f = fopen(log_path, "r");

	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

#define ck_logged(what) ck_assert_msg(strstr(log_text(), what) != NULL, "%s", log_text())
#define ck_not_logged(what) \
	ck_assert_msg(strstr(log_text(), what) == NULL, "%s", log_text())
#define ck_has(r, what) \
	ck_assert_msg((r).body &&strstr((r).body, what), "no %s in: %s", what, (r).body)

/* A whole exchange on a connection of its own. */
static inline struct reply ask_raw(struct str text)
{
	struct client c;
	struct reply r;

	client_tcp(&c, port);
	client_send(&c, text);
	r = client_reply(&c);
	client_close(&c);
	return r;
}

static inline void expect(struct reply r, int status, const char *has)
{
	ck_assert_msg(r.status == status, "%d: %s", r.status, r.body);
	if (has)
		ck_has(r, has);
	free(r.body);
}

static inline void ask(const char *xml, int status, const char *has)
{
	struct client c;

	client_tcp(&c, port);
	client_post(&c, xml);
	expect(client_reply(&c), status, has);
	client_close(&c);
}

/* No thread compares a key any more. */
static inline void keys_compared(void)
{
	while (admin->keys.busy) {
		usleep(200);
		loop_turn(loop);
	}
}

/* Waits no longer; a connection whose answer is to come later. */
static inline void ask_later(struct client *c, const char *xml)
{
	client_tcp(c, port);
	client_post(c, xml);
	ck_assert(client_waits(c));
	keys_compared();
}

static inline void answered(struct client *c, int status, const char *has)
{
	expect(client_reply(c), status, has);
	client_close(c);
}

/* --- who waits --- */

static inline unsigned waiting(void)
{
	struct list *n, *tmp;
	unsigned count = 0;

	list_each(&admin->waiting, n, tmp)
		count++;
	return count;
}

static inline struct exchange *nth(unsigned i)
{
	struct list *n = admin->waiting.next;

	while (i-- > 0)
		n = n->next;
	ck_assert_ptr_ne(n, &admin->waiting);
	return container_of(n, struct exchange, node);
}

/* Time passes for the oldest that waits. */
static inline void expire(void)
{
	timer_set(&nth(0)->timer, 0);
	loop_turn(loop);
}

static inline unsigned in_state(enum exchange_state state)
{
	struct list *n, *tmp;
	unsigned count = 0;

	list_each(&admin->waiting, n, tmp)
		count += container_of(n, struct exchange, node)->state == state;
	return count;
}

#define WRONG_CODE(code) "<status>error</status>\n  <code>" code "</code>"

/* main of every such test. */
static inline int http_rig_run(TCase *t, const char *name)
{
	Suite *s = suite_create(name);
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}

#endif
