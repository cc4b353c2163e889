/* doors: sockets follow the table; what cannot be opened is told to admin, all of it. */
#include "cmd/doors.c"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>

static struct loop *loop;
static struct shm *shm;
static struct doors doors;
static int opened, closed;

static void changed(struct doors *d, int cluster, int fd)
{
	(void)d;
	(void)cluster;
	opened += fd >= 0;
	closed += fd < 0;
}

static void setup(void)
{
	loop = loop_new();
	shm = shm_create(1);
	opened = closed = 0;
	doors_init(&doors, loop, shm, changed);
}

static void teardown(void)
{
	doors_shut(&doors);
	loop_free(&loop);
	shm_destroy(&shm);
}

/* A port of this machine; the socket that has it keeps it when fd is wanted. */
static uint16_t some_port(int *fd)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t n = sizeof(sa);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(s, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(s, 1), 0);
	ck_assert_int_eq(getsockname(s, (struct sockaddr *)&sa, &n), 0);
	if (fd)
		*fd = s;
	else
		close(s);
	return ntohs(sa.sin_port);
}

static struct listener listener(const char *cluster, uint16_t port)
{
	struct listener l = { .addr.port = port };

	str_copy(l.cluster, sizeof(l.cluster), str_z(cluster));
	ck_assert_int_eq(ip_parse(STR("127.0.0.1"), &l.addr.ip, NULL), 0);
	return l;
}

/* The table is read and the patience with what fails is over. */
static const char *answer_to(const struct listener *v, unsigned n)
{
	static char error[256];

	listeners_set(shm, v, n);
	doors_look(&doors);
	for (unsigned i = 0; i < n; i++)
		doors.v[i].since -= PATIENCE_MS;
	try(&doors);
	ck_assert(listeners_answered(shm, listeners_version(shm), error));
	return error;
}

START_TEST(open_and_close)
{
	struct listener v[] = { listener("a", some_port(NULL)), listener("b", some_port(NULL)) };

	ck_assert_str_eq(answer_to(v, 2), "");
	ck_assert_int_eq(opened, 2);
	ck_assert_str_eq(answer_to(v + 1, 1), "");
	ck_assert_int_eq(opened, 2); /* the one that stays is not touched */
	ck_assert_int_eq(closed, 1);
}
END_TEST

/* A listener that fails must show also where another one failed already. */
START_TEST(all_reasons)
{
	int taken[2];
	struct listener v[] = { listener("a", some_port(&taken[0])),
				listener("b", some_port(&taken[1])) };
	char one[256], port[2][16];

	snprintf(port[0], sizeof(port[0]), "port %u:", v[0].addr.port);
	snprintf(port[1], sizeof(port[1]), "port %u:", v[1].addr.port);
	str_copy(one, sizeof(one), str_z(answer_to(v, 1)));
	ck_assert_ptr_nonnull(strstr(one, port[0]));
	ck_assert_str_eq(answer_to(v, 2) + strlen("2 listeners: "), strstr(answer_to(v, 2), one));
	ck_assert_ptr_nonnull(strstr(answer_to(v, 2), port[1]));
	close(taken[0]);
	ck_assert_ptr_null(strstr(answer_to(v, 2), port[0]));
	close(taken[1]);
	ck_assert_str_eq(answer_to(v, 2), "");
}
END_TEST

/* More than the text can hold are told apart by their number. */
START_TEST(many_reasons)
{
	int taken[MAX_LISTENERS];
	struct listener v[MAX_LISTENERS];
	char before[256] = "";

	for (unsigned n = 1; n <= 12; n++) {
		v[n - 1] = listener("x", some_port(&taken[n - 1]));
		ck_assert_str_ne(answer_to(v, n), before);
		str_copy(before, sizeof(before), str_z(answer_to(v, n)));
	}
	for (unsigned i = 0; i < 12; i++)
		close(taken[i]);
}
END_TEST

/* Who has failed for long does not hold up what is new; what is new is waited for. */
START_TEST(patience_with_each)
{
	int taken[2];
	struct listener v[] = { listener("a", some_port(&taken[0])), listener("b", some_port(NULL)),
				listener("c", some_port(&taken[1])) };
	char error[256];

	ck_assert_str_ne(answer_to(v, 1), "");
	listeners_set(shm, v, 2);
	doors_look(&doors);
	ck_assert(listeners_answered(shm, listeners_version(shm), error));
	ck_assert_int_eq(opened, 1);
	listeners_set(shm, v, 3);
	doors_look(&doors);
	ck_assert(!listeners_answered(shm, listeners_version(shm), error));
	close(taken[0]);
	close(taken[1]);
	try(&doors);
	ck_assert(listeners_answered(shm, listeners_version(shm), error));
	ck_assert_str_eq(error, "");
}
END_TEST

/* One that opens late is told, too. */
START_TEST(opens_late)
{
	int taken;
	struct listener v[] = { listener("a", some_port(&taken)) };
	char error[256];

	ck_assert_int_eq(clusters_assign(shm, STR("a")), 0);
	ck_assert_str_ne(answer_to(v, 1), "");
	ck_assert(!listeners_is_open(shm, 0));
	close(taken);
	try(&doors);
	ck_assert(listeners_answered(shm, listeners_version(shm), error));
	ck_assert_str_eq(error, "");
	ck_assert(listeners_is_open(shm, 0));
	ck_assert_str_eq(answer_to(v, 0), "");
	ck_assert(!listeners_is_open(shm, 0));
	ck_assert(!listeners_is_open(shm, -1) && !listeners_is_open(shm, MAX_CLUSTERS));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("doors");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, open_and_close);
	tcase_add_test(t, all_reasons);
	tcase_add_test(t, many_reasons);
	tcase_add_test(t, patience_with_each);
	tcase_add_test(t, opens_late);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
