/* The verifier: each form of hash behind each name, forms it has not, SCRAM keys by the example of
 * RFC 7677, and packets that are none. */
#include "cmd/verifier.c"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>

#include "lib/base/hash.h"

static struct crypt_data *room;
static int near, far;

static void setup(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	near = fds[0];
	far = fds[1];
	room = mem_zalloc(sizeof(*room));
}

static void teardown(void)
{
	free(room);
	close(near);
	close(far);
}

/* The verdict of a question that went through the socket. */
static struct verify_answer ask(const struct verify_question *q)
{
	struct verify_question now = *q;
	struct verify_answer a;

	now.asked = clock_mono_ms();
	ck_assert_int_eq(send(far, &now, sizeof(now), 0), sizeof(now));
	serve(near, room);
	ck_assert_int_eq(recv(far, &a, sizeof(a), MSG_DONTWAIT), sizeof(a));
	ck_assert_uint_eq(a.id, q->id);
	return a;
}

static int check(const char *stored, const char *password)
{
	struct verify_question q = { .id = 4711, .kind = VERIFY_HASH };

	str_copy(q.stored, sizeof(q.stored), str_z(stored));
	str_copy(q.password, sizeof(q.password), str_z(password));
	return ask(&q).result;
}

/* By openssl-passwd(1), which shares no code with crypt(3); BLF is crypt_blowfish's own example. */
#define H86 \
	"svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI" \
	"68u4OTLiBFdcbYEdFCoEOfaS35inz1"
#define SHA512 "$6$saltstring$" H86
#define SHA256 "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"
#define MD5 "$1$saltstri$YMyguxXMBpd2TEZ.vS/3q1"
#define BLF "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
#define DES "abMbH7WsHr7wQ"
#define H43 "TRSW./kpdC7DlmOOUm047MJ/Td/rj6zGcFJ.nSn.LW4"
#define YESCRYPT "$y$j75$saltsalt$" H43

static const struct {
	const char *stored, *password;
} right[] = {
	{ SHA512, "Hello world!" },
	{ "{CRYPT}" SHA512, "Hello world!" },
	{ "{crypt}" SHA512, "Hello world!" },
	{ "{SHA512-CRYPT}" SHA512, "Hello world!" },
	{ SHA256, "Hello world!" },
	{ "{SHA256-CRYPT}" SHA256, "Hello world!" },
	{ MD5, "Hello world!" },
	{ "{MD5-CRYPT}" MD5, "Hello world!" },
	{ BLF, "U*U" },
	{ "{BLF-CRYPT}" BLF, "U*U" },
	{ "{Crypt}" BLF, "U*U" },
	{ "{DES-CRYPT}" DES, "Hello world!" },
	{ "{CRYPT}" DES, "Hello world!" },
	{ YESCRYPT, "Hello world!" },
	{ "{SHA512}9s3ioPgZMUzd5V/CJ9jX2uPSjMVWIioKitZtkcytSq1glPUXohgjYMmqz2o9wyMWLLb9jN/+2w/gOPVehf+1tg==",
	  "Hello world!" },
	{ "{SMD5}SkVd5P4yAopIWaw8k160EJg7at8=", "Hello world!" },
	{ "{YESCRYPT}" YESCRYPT, "Hello world!" },
};

START_TEST(hashes)
{
	ck_assert_int_eq(check(right[_i].stored, right[_i].password), 1);
	ck_assert_int_eq(check(right[_i].stored, "hello world!"), 0);
	ck_assert_int_eq(check(right[_i].stored, ""), 0);
	ck_assert_int_eq(check(right[_i].stored, right[_i].stored), 0);
}
END_TEST

/* Not "wrong": the client may be right. */
static const char *const unknown[] = {
	"", "secret", "{PLAIN}secret", /* none of its business */
	"{SSHA}c2VjcmV0", "{SHA512}x", "{ARGON2ID}x", "{SCRAM-SHA-256}x", "{CRYPT}", "{CRYPT}*",
	"{CRYPT}*0", "{CRYPT}$6", "{CRYPT}{CRYPT}x",
	/* hours of work */
	"{CRYPT}$6$rounds=999999999$saltstring$" H86, "$2b$31$" "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$y$jjj$saltsalt$" H43,
};

START_TEST(cannot_be_checked)
{
	ck_assert_int_eq(check(unknown[_i], "secret"), -1);
	ck_assert_int_eq(check(unknown[_i], unknown[_i]), -1);
}
END_TEST

/* The log says what is wrong, never what is stored. */
START_TEST(nothing_in_the_log)
{
	char path[] = "/tmp/pb_verifier_XXXXXX", text[4096];
	int fd = mkstemp(path);
	struct err e;
	ssize_t n;

	ck_assert_int_eq(log_open(path, &e), 0);
	ck_assert_int_eq(check("{SSHA}c2VjcmV0", "secret"), -1);
	ck_assert_int_eq(check("$argon2id$c2VjcmV0", "secret"), -1);
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "not a well-formed hash"));
	ck_assert_ptr_null(strstr(text, "c2VjcmV0"));
	ck_assert_ptr_null(strstr(text, "secret"));
	close(fd);
	unlink(path);
}
END_TEST

static struct verify_question scram(void)
{
	struct verify_question q = { .id = 1, .kind = VERIFY_SCRAM, .rounds = 4096, .salt_n = 16 };

	ck_assert_int_eq(hash_unb64(STR("W22ZaJ0SNY7soEsUEjb6gQ=="), (char *)q.salt, 16), 16);
	str_copy(q.password, sizeof(q.password), STR("pencil"));
	return q;
}

/* RFC 7677 3: its server's signature is made with the server key, its proof undone with the
 * stored key. */
START_TEST(scram_example)
{
	static const char *const messages = "n=user,r=rOprNGfwEbeRWgbNEkqO,"
					    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,"
					    "i=4096,"
					    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
	struct verify_question q = scram();
	struct verify_answer a = ask(&q);
	uint8_t sig[32], sum[32];
	char text[64], proof[32];

	ck_assert_int_eq(a.result, 1);
	hash_hmac_sha256((struct str){ (char *)a.server_key, 32 }, str_z(messages), sig);
	hash_b64((struct str){ (char *)sig, 32 }, text);
	ck_assert_str_eq(text, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
	ck_assert_int_eq(hash_unb64(STR("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), proof, 32), 32);
	hash_hmac_sha256((struct str){ (char *)a.stored_key, 32 }, str_z(messages), sig);
	for (int i = 0; i < 32; i++)
		sig[i] ^= (uint8_t)proof[i];
	hash_sha256((struct str){ (char *)sig, 32 }, sum);
	ck_assert_mem_eq(sum, a.stored_key, 32);
}
END_TEST

/* Numbers that would read past the salt, or hash for minutes. */
START_TEST(hostile_numbers)
{
	static const uint8_t none[32];
	struct verify_question q = scram();
	struct verify_answer a;

	q.salt_n = sizeof(q.salt) + 1;
	ck_assert_int_eq(ask(&q).result, -1);
	q.salt_n = UINT32_MAX;
	ck_assert_int_eq(ask(&q).result, -1);
	q = scram();
	q.rounds = UINT32_MAX;
	ck_assert_int_eq(ask(&q).result, -1);
	q.rounds = 0;
	ck_assert_int_eq(ask(&q).result, -1);
	q = scram();
	q.kind = 0;
	ck_assert_int_eq(ask(&q).result, -1);
	q.kind = 99;
	a = ask(&q);
	ck_assert_int_eq(a.result, -1);
	ck_assert_mem_eq(a.stored_key, none, 32);
}
END_TEST

/* Texts without an end end where their room does. */
START_TEST(unterminated)
{
	struct verify_question q = { .id = 1, .kind = VERIFY_HASH };

	memset(q.password, 'x', sizeof(q.password));
	memset(q.stored, 'x', sizeof(q.stored));
	ck_assert_int_ne(ask(&q).result, 1);
	memset(q.stored, '{', sizeof(q.stored));
	ck_assert_int_eq(ask(&q).result, -1);
}
END_TEST

/* Packets of another size get no answer; nothing there is nothing to do; a worker that has died
 * is no trouble. */
START_TEST(misshapen)
{
	struct verify_question q = scram();
	struct verify_answer a;

	q.asked = clock_mono_ms();
	signal(SIGPIPE, SIG_DFL);
	serve(near, room);
	ck_assert_int_eq(send(far, &q, sizeof(q) - 1, 0), sizeof(q) - 1);
	serve(near, room);
	ck_assert_int_lt(recv(far, &a, sizeof(a), MSG_DONTWAIT), 0);
	ck_assert_int_eq(send(far, &q, sizeof(q), 0), sizeof(q));
	close(far);
	far = -1;
	serve(near, room);
	serve(near, room);
}
END_TEST

/* Its asker has given up: a flood must not keep us at work for nobody. */
START_TEST(old_questions)
{
	struct verify_question q = scram();
	struct verify_answer a;

	q.asked = clock_mono_ms() - TIMEOUT_VERIFY - 1;
	ck_assert_int_eq(send(far, &q, sizeof(q), 0), sizeof(q));
	serve(near, room);
	ck_assert_int_lt(recv(far, &a, sizeof(a), MSG_DONTWAIT), 0);
	ck_assert_int_eq(ask(&(struct verify_question){ .id = 1 }).result, VERIFY_CANNOT);
}
END_TEST

/* No hash of one worker's question is left for the next. */
START_TEST(wiped)
{
	check("{CRYPT}" SHA512, "Hello world!");
	for (size_t i = 0; i < sizeof(*room); i++)
		ck_assert_int_eq(((const char *)room)[i], 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("verifier");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, hashes, 0, (int)ARRAY_LEN(right));
	tcase_add_loop_test(t, cannot_be_checked, 0, (int)ARRAY_LEN(unknown));
	tcase_add_test(t, nothing_in_the_log);
	tcase_add_test(t, scram_example);
	tcase_add_test(t, hostile_numbers);
	tcase_add_test(t, unterminated);
	tcase_add_test(t, misshapen);
	tcase_add_test(t, old_questions);
	tcase_add_test(t, wiped);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
