/* Questions to the verifier: answers in any order, late, foreign, missing, too many. */
#include "lib/session/verify.c"

#include <check.h>

#include "unit/virtual_time.h"

static struct loop *loop;
static struct verify *v;
static int far; /* the verifier's end */
static int results[4], answered;

static void setup(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	loop = loop_new();
	v = verify_new(loop, fds[0]);
	far = fds[1];
	answered = 0;
	memset(results, 0x55, sizeof(results));
}

static void teardown(void)
{
	int near = v ? v->watch.fd : -1;

	verify_free(&v);
	loop_free(&loop);
	close(near);
	close(far);
}

static void turn(void)
{
	for (int i = 0; i < 30; i++)
		loop_turn(loop);
}

static void on_done(void *arg, const struct verify_answer *a)
{
	*(int *)arg = a->result;
	answered++;
}

static struct verify_job *ask(const char *password, int *result)
{
	struct verify_question q = { .kind = VERIFY_HASH, .id = 4711 };

	str_copy(q.password, sizeof(q.password), str_z(password));
	return verify_ask(v, &q, on_done, result);
}

/* What has come to the verifier; fails the test when nothing has. */
static struct verify_question question(void)
{
	struct verify_question q;

	ck_assert_int_eq(recv(far, &q, sizeof(q), MSG_DONTWAIT), sizeof(q));
	return q;
}

static void answer(uint32_t id, int result)
{
	struct verify_answer a = { .id = id, .result = result };

	ck_assert_int_eq(send(far, &a, sizeof(a), 0), sizeof(a));
}

START_TEST(one)
{
	struct verify_question q;

	ck_assert_ptr_nonnull(ask("secret", &results[0]));
	q = question();
	ck_assert_str_eq(q.password, "secret");
	ck_assert_uint_eq(q.kind, VERIFY_HASH);
	answer(q.id, 1);
	ck_assert_int_eq(answered, 0); /* from the loop alone */
	turn();
	ck_assert_int_eq(answered, 1);
	ck_assert_int_eq(results[0], 1);
}
END_TEST

START_TEST(any_order)
{
	uint32_t ids[3];

	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_nonnull(ask("x", &results[i]));
		ids[i] = question().id;
	}
	answer(ids[2], 1);
	answer(ids[0], 0);
	answer(ids[1], -1);
	turn();
	ck_assert_int_eq(answered, 3);
	ck_assert(results[0] == 0 && results[1] == -1 && results[2] == 1);
}
END_TEST

/* An answer twice is an answer once; one that nobody asked for is none. */
START_TEST(foreign)
{
	uint32_t id;

	ck_assert_ptr_nonnull(ask("x", &results[0]));
	id = question().id;
	answer(id + 1, 1);
	answer(id - 1, 1);
	turn();
	ck_assert_int_eq(answered, 0);
	answer(id, 0);
	answer(id, 1);
	turn();
	ck_assert_int_eq(answered, 1);
	ck_assert_int_eq(results[0], 0);
}
END_TEST

/* Packets of another size are no answers. */
START_TEST(misshapen)
{
	struct verify_answer a = { .result = 1 };

	ck_assert_ptr_nonnull(ask("x", &results[0]));
	a.id = question().id;
	ck_assert_int_eq(send(far, &a, sizeof(a) - 1, 0), sizeof(a) - 1);
	ck_assert_int_eq(send(far, &a.id, sizeof(a.id), 0), sizeof(a.id));
	turn();
	ck_assert_int_eq(answered, 0);
	answer(a.id, 1);
	turn();
	ck_assert_int_eq(results[0], 1);
}
END_TEST

START_TEST(timeout)
{
	uint32_t id;

	ck_assert_ptr_nonnull(ask("x", &results[0]));
	id = question().id;
	pass(TIMEOUT_VERIFY + AGE);
	turn();
	ck_assert_int_eq(answered, 1);
	ck_assert_int_eq(results[0], VERIFY_LATE);
	answer(id, 1); /* too late */
	turn();
	ck_assert_int_eq(answered, 1);
	ck_assert_ptr_nonnull(ask("x", &results[0])); /* and the next one is asked as ever */
	answer(question().id, 1);
	turn();
	ck_assert_int_eq(results[0], 1);
}
END_TEST

START_TEST(cancelled)
{
	struct verify_job *j = ask("x", &results[0]), *none = NULL;

	answer(question().id, 1);
	verify_cancel(&j);
	ck_assert_ptr_null(j);
	verify_cancel(&j);
	verify_cancel(&none);
	turn();
	pass(TIMEOUT_VERIFY + AGE);
	turn();
	ck_assert_int_eq(answered, 0);
}
END_TEST

/* As many as there may be; or as the socket holds, when nobody reads it. No waiting. */
START_TEST(too_many)
{
	static int many[VERIFY_MAX + 1];
	uint32_t ids[VERIFY_MAX];
	int n = 0;

	while (ask("x", &many[n])) {
		if (_i)
			ids[n] = question().id;
		ck_assert_int_lt(n++, VERIFY_MAX);
	}
	ck_assert_int_gt(n, 0);
	if (!_i)
		return;
	ck_assert_int_eq(n, VERIFY_MAX);
	answer(ids[100], 1);
	turn();
	ck_assert_ptr_nonnull(ask("x", &many[n]));
	ck_assert_ptr_null(ask("x", &many[n]));
}
END_TEST

/* A worker that follows a dead one in its slot inherits the socket and what is still in it. */
START_TEST(earlier_life)
{
	uint32_t ids[20];
	int near = v->watch.fd;

	for (int i = 0; i < 20; i++) {
		ck_assert_ptr_nonnull(ask("x", &results[0]));
		ids[i] = question().id;
	}
	verify_free(&v);
	ck_assert_ptr_null(v);
	pass(AGE);
	turn();
	v = verify_new(loop, near);
	for (int i = 0; i < 20; i++) {
		ck_assert_ptr_nonnull(ask("x", &results[1]));
		answer(ids[i], 1);
	}
	turn();
	ck_assert_int_eq(answered, 0);
	answer(question().id, 0);
	turn();
	ck_assert_int_eq(answered, 1);
}
END_TEST

/* Its end is closed: the questions under way time out, new ones are refused at once. */
START_TEST(verifier_gone)
{
	ck_assert_ptr_nonnull(ask("x", &results[0]));
	close(far);
	far = -1;
	turn();
	ck_assert_int_eq(answered, 0);
	ck_assert_ptr_null(ask("x", &results[1]));
	pass(TIMEOUT_VERIFY + AGE);
	turn();
	ck_assert_int_eq(results[0], VERIFY_LATE);
}
END_TEST

static void on_ask_again(void *arg, const struct verify_answer *a)
{
	(void)a;
	answered++;
	ck_assert_ptr_nonnull(ask("again", arg));
}

/* From within done() the next question may be asked. */
START_TEST(ask_within_done)
{
	struct verify_question q = { .kind = VERIFY_HASH };

	ck_assert_ptr_nonnull(verify_ask(v, &q, on_ask_again, &results[0]));
	answer(question().id, 1);
	turn();
	q = question();
	ck_assert_str_eq(q.password, "again");
	answer(q.id, 0);
	turn();
	ck_assert_int_eq(answered, 2);
	ck_assert_int_eq(results[0], 0);
}
END_TEST

START_TEST(none)
{
	struct verify_question q = { .kind = VERIFY_HASH };

	ck_assert_ptr_null(verify_ask(NULL, &q, on_done, NULL));
	verify_free(&(struct verify *){ NULL });
}
END_TEST

int main(void)
{
	Suite *s = suite_create("verify");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, one);
	tcase_add_test(t, any_order);
	tcase_add_test(t, foreign);
	tcase_add_test(t, misshapen);
	tcase_add_test(t, timeout);
	tcase_add_test(t, cancelled);
	tcase_add_loop_test(t, too_many, 0, 2);
	tcase_add_test(t, earlier_life);
	tcase_add_test(t, verifier_gone);
	tcase_add_test(t, ask_within_done);
	tcase_add_test(t, none);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
