/* pbctl/http: requests as they stand on the wire, answers whole and broken, what people are told. */
#include "cmd/pbctl/http.c"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd"

/* A server that says one thing to each connection, behind the whole request. */
static struct peer {
	const char *says;
	int silence_ms; /* before it speaks */
	unsigned sides; /* how many requests beside it are answered first */
	int fd;
	unsigned port;
	_Atomic unsigned served; /* of those beside */
	char heard[65536];	 /* of the first connection that posts no <stats> */
} peer;
static char dir[] = "/tmp/pb_test_http.XXXXXX";

static bool is_whole(const char *text)
{
	const char *body = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "content-length:");

	return body && length && strlen(body + 4) >= strtoul(length + 15, NULL, 10);
}

static void hear(int fd, char *text, size_t cap)
{
	size_t n = 0;
	ssize_t got = 1;

	text[0] = '\0';
	while (got > 0 && n < cap - 1 && !is_whole(text)) {
		got = read(fd, text + n, cap - 1 - n);
		n += got > 0 ? (size_t)got : 0;
		text[n] = '\0';
	}
}

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char text[65536];
	bool side;

	hear(fd, text, sizeof(text));
	side = strstr(text, "<stats>") != NULL;
	if (side)
		ck_assert_int_gt(write(fd, OK, strlen(OK)), 0);
	else
		memcpy(peer.heard, text, sizeof(text));
	peer.served += side;
	if (!side) {
		while (peer.served < peer.sides)
			usleep(1000);
		usleep((unsigned)peer.silence_ms * 1000);
		(void)!write(fd, peer.says, strlen(peer.says));
	}
	shutdown(fd, SHUT_WR);
	hear(fd, text, sizeof(text)); /* until the client has closed */
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	(void)arg;
	for (;;) {
		int fd = accept(peer.fd, NULL, NULL);
		pthread_t t;

		if (fd < 0)
			return NULL;
		ck_assert_int_eq(pthread_create(&t, NULL, serve_one, (void *)(intptr_t)fd), 0);
		pthread_detach(t);
	}
}

static void peer_start(const struct sockaddr *sa, socklen_t n, const char *says)
{
	pthread_t t;

	peer = (struct peer){ .says = says };
	peer.fd = socket(sa->sa_family, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(peer.fd, sa, n), 0);
	ck_assert_int_eq(listen(peer.fd, 10), 0);
	ck_assert_int_eq(pthread_create(&t, NULL, serve, NULL), 0);
	pthread_detach(t);
}

static void peer_tcp(const char *says)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sa);

	peer_start((struct sockaddr *)&sa, sizeof(sa), says);
	ck_assert_int_eq(getsockname(peer.fd, (struct sockaddr *)&sa, &n), 0);
	peer.port = ntohs(sa.sin_port);
}

/* The service's own socket, in dir. */
static void peer_local(const char *says)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/admin.sock", dir);
	unlink(sa.sun_path);
	peer_start((struct sockaddr *)&sa, sizeof(sa), says);
}

static struct http *over(const char *front, const char *behind)
{
	static char url[128];
	struct http *h = NULL;
	struct err e = { "" };

	snprintf(url, sizeof(url), "%s:%u%s", front, peer.port, behind);
	ck_assert_msg(http_open(&h, &(struct http_target){ .url = url }, &e) == 0, "%s", e.text);
	return h;
}

/* --- the exchange --- */

static void check_exchange(struct http *h)
{
	struct http_answer a;
	struct err e = { "" };

	ck_assert_msg(http_post(h, STR("<x/>"), NULL, &a, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(a.status, 200);
	ck_assert(str_eq(buf_str(&a.body), STR("abcd")));
	buf_release(&a.body);
	ck_assert_msg(strncmp(peer.heard, "POST /xml HTTP/1.1\r\n", 20) == 0, "%s", peer.heard);
	ck_assert_ptr_nonnull(strstr(peer.heard, "\r\nContent-Length: 4\r\n"));
	ck_assert_ptr_nonnull(strstr(peer.heard, "\r\n\r\n<x/>"));
	ck_assert_ptr_null(strstr(peer.heard, "Expect"));
}

START_TEST(tcp)
{
	static const char *const forms[][2] = { { "http://127.0.0.1", "" },
						{ "http://127.0.0.1", "/" },
						{ "HTTP://localhost", "/xml" } };
	struct http *h;

	setenv("http_proxy", "http://127.0.0.1:1/", 1); /* is not asked */
	peer_tcp(OK);
	h = over(forms[_i][0], forms[_i][1]);
	check_exchange(h);
	check_exchange(h); /* the same handle serves again */
	http_close(&h);
	ck_assert_ptr_null(h);
}
END_TEST

START_TEST(local)
{
	struct http *h;
	struct err e;

	peer_local(OK);
	ck_assert_int_eq(http_open(&h, &(struct http_target){ .dir = dir }, &e), 0);
	check_exchange(h);
	http_close(&h);
}
END_TEST

START_TEST(large_body)
{
	struct buf body;
	struct http_answer a;
	struct http *h;
	struct err e = { "" };

	peer_tcp(OK);
	h = over("http://127.0.0.1", "");
	buf_init(&body, 1 << 20);
	while (buf_len(&body) < 60000)
		ck_assert_int_eq(buf_add(&body, STR("0123456789")), 0);
	ck_assert_msg(http_post(h, buf_str(&body), NULL, &a, &e) == 0, "%s", e.text);
	ck_assert_ptr_nonnull(strstr(peer.heard, "\r\n\r\n0123"));
	ck_assert_str_eq(peer.heard + strlen(peer.heard) - 10, "0123456789");
	buf_release(&a.body);
	buf_release(&body);
	http_close(&h);
}
END_TEST

/* --- beside it --- */

static void on_beside(void *arg, struct buf *answer)
{
	ck_assert(str_eq(buf_str(answer), STR("abcd")));
	++*(unsigned *)arg;
}

START_TEST(beside)
{
	unsigned n = 0;
	struct http_beside b = { STR("<stats></stats>"), 20, on_beside, &n };
	struct http_answer a;
	struct http *h;
	struct err e = { "" };

	peer_tcp(OK);
	peer.sides = 3;
	h = over("http://127.0.0.1", "");
	ck_assert_msg(http_post(h, STR("<reread/>"), &b, &a, &e) == 0, "%s", e.text);
	ck_assert(str_eq(buf_str(&a.body), STR("abcd")));
	ck_assert_uint_ge(n, 2); /* the last may still be on its way */
	buf_release(&a.body);
	http_close(&h);
}
END_TEST

/* --- what goes wrong --- */

static const struct {
	const char *says, *told;
} broken[] = {
	{ "", "closed without an answer; is it https:// there?" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "broke before the answer was whole" },
	{ "220 mx.example.com ESMTP\r\n", "what answers is no protobalance" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "broke before the answer was whole" },
};

START_TEST(broken_answers)
{
	struct http_answer a;
	struct http *h;
	struct err e = { "" };

	peer_tcp(broken[_i].says);
	h = over("http://127.0.0.1", "");
	ck_assert_int_eq(http_post(h, STR("<x/>"), NULL, &a, &e), -1);
	ck_assert_msg(strstr(e.text, broken[_i].told) != NULL, "%s", e.text);
	ck_assert_ptr_nonnull(strstr(e.text, "127.0.0.1 port"));
	http_close(&h);
}
END_TEST

START_TEST(silent_service)
{
	struct http_answer a;
	struct http *h;
	struct err e = { "" };
	int64_t begin = clock_mono_ms();

	peer_tcp(OK);
	peer.silence_ms = 20000;
	h = over("http://127.0.0.1", "");
	http_patience(h, 1000);
	ck_assert_int_eq(http_post(h, STR("<x/>"), NULL, &a, &e), -1);
	ck_assert_msg(strstr(e.text, "no answer within the time") != NULL, "%s", e.text);
	ck_assert_int_lt(clock_mono_ms() - begin, 10000);
	http_close(&h);
}
END_TEST

START_TEST(answer_too_long)
{
	struct http_answer a;
	struct http *h;
	struct err e = { "" };

	peer_tcp(OK);
	h = over("http://127.0.0.1", "");
	h->most = 3;
	ck_assert_int_eq(http_post(h, STR("<x/>"), NULL, &a, &e), -1);
	ck_assert_msg(strstr(e.text, "the answer is too long") != NULL, "%s", e.text);
	http_close(&h);
}
END_TEST

START_TEST(nobody_there)
{
	struct http_answer a;
	struct http *h;
	struct err e = { "" };

	ck_assert_int_eq(http_open(&h, &(struct http_target){ .url = "http://127.0.0.1:1" }, &e), 0);
	ck_assert_int_eq(http_post(h, STR("<x/>"), NULL, &a, &e), -1);
	ck_assert_msg(strstr(e.text, "127.0.0.1 port 1: nobody answers there") != NULL, "%s", e.text);
	http_close(&h);
}
END_TEST

START_TEST(no_local_service)
{
	struct http_answer a;
	struct http *h;
	struct err e = { "" };

	ck_assert_int_eq(http_open(&h, &(struct http_target){ .dir = "/nonexistent" }, &e), 0);
	ck_assert_int_eq(http_post(h, STR("<x/>"), NULL, &a, &e), -1);
	ck_assert_msg(strstr(e.text, "no protobalance runs on /nonexistent (No such file") != NULL,
		      "%s", e.text);
	http_close(&h);
}
END_TEST

START_TEST(tls_where_there_is_none)
{
	struct http_answer a;
	struct http *h;
	struct err e = { "" };

	peer_tcp("HTTP/1.1 400 Bad Request\r\n\r\n");
	h = over("https://127.0.0.1", "");
	http_patience(h, 1000);
	ck_assert_int_eq(http_post(h, STR("<x/>"), NULL, &a, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "127.0.0.1 port"));
	http_close(&h);
}
END_TEST

static const char *const bad_urls[] = {
	"",
	"127.0.0.1:8080",
	"ftp://host",
	"http://",
	"http://host/api",
	"http://host/xml?x=1",
	"http://u@host",
	"http://u:p@host",
	"http://host#a",
	"http://host:99999",
	"http://[::1",
	"file:///etc/passwd",
	"http://h o s t",
	"http://host:8080/xml/more",
	"https://host:port",
	"localhost",
};

START_TEST(bad_url)
{
	struct http *h = NULL;
	struct err e = { "" };

	ck_assert_int_eq(http_open(&h, &(struct http_target){ .url = bad_urls[_i] }, &e), -1);
	ck_assert_msg(strstr(e.text, "not of the form http://host[:port]") != NULL, "%s", e.text);
	ck_assert_ptr_null(h);
}
END_TEST

static const struct {
	const char *url, *whole;
} urls[] = {
	{ "http://host", "http://host:8080/xml" },
	{ "https://host", "https://host:8080/xml" },
	{ "https://host:443/", "https://host:443/xml" },
	{ "http://[::1]", "http://[::1]:8080/xml" },
	{ "http://[::1]:90/xml", "http://[::1]:90/xml" },
};

START_TEST(good_url)
{
	struct http *h;
	struct err e;

	ck_assert_int_eq(http_open(&h, &(struct http_target){ .url = urls[_i].url }, &e), 0);
	ck_assert_str_eq(h->url, urls[_i].whole);
	http_close(&h);
}
END_TEST

START_TEST(long_directory)
{
	char path[200];
	struct http *h = NULL;
	struct err e;

	memset(path, 'd', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(http_open(&h, &(struct http_target){ .dir = path }, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "longer than the path of a socket may be"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pbctl_http");
	TCase *t = tcase_create("all");
	SRunner *r;
	char path[64];
	int failed;

	if (!mkdtemp(dir))
		return 1;
	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, tcp, 0, 3);
	tcase_add_test(t, local);
	tcase_add_test(t, large_body);
	tcase_add_test(t, beside);
	tcase_add_loop_test(t, broken_answers, 0, ARRAY_LEN(broken));
	tcase_add_test(t, silent_service);
	tcase_add_test(t, answer_too_long);
	tcase_add_test(t, nobody_there);
	tcase_add_test(t, no_local_service);
	tcase_add_test(t, tls_where_there_is_none);
	tcase_add_loop_test(t, bad_url, 0, ARRAY_LEN(bad_urls));
	tcase_add_loop_test(t, good_url, 0, ARRAY_LEN(urls));
	tcase_add_test(t, long_directory);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	snprintf(path, sizeof(path), "%s/admin.sock", dir);
	unlink(path);
	rmdir(dir);
	return failed ? 1 : 0;
}
