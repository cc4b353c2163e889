/* resolver: answers of a name server of this program's own: what is kept, for how long, and how much. */
#include "lib/net/resolver.c"

#include "unit/sockets.h"
#include "unit/virtual_time.h"

static struct resolver *r;
static int server;		/* UDP */
static struct sockaddr_in from; /* of the last question */
static unsigned char question[600];
static size_t question_n;
static char asked[300]; /* its name */
static int asked_type;
static struct err e;

enum { OK = 0, SERVFAIL = 2, NXDOMAIN = 3 };

static void up(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sin);
	char text[40];

	skew_mono_ms = skew_wall_ms = 0;
	l = loop_new();
	server = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(server, (struct sockaddr *)&sin, n), 0);
	ck_assert_int_eq(getsockname(server, (struct sockaddr *)&sin, &n), 0);
	set_nonblocking(server);
	snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(sin.sin_port));
	ck_assert_msg(resolver_new(&r, l, text, &e) == 0, "%s", e.text);
}

static void down(void)
{
	resolver_free(&r);
	resolver_free(&r);
	close(server);
	loop_free(&l);
}

/* --- the name server --- */

/* Has a question come? Its name and type. */
static bool comes(void)
{
	socklen_t n = sizeof(from);
	ssize_t got = recvfrom(server, question, sizeof(question), 0, (struct sockaddr *)&from, &n);
	size_t at = 12, out = 0;

	if (got < 0)
		return false;
	question_n = (size_t)got;
	while (question[at]) {
		memcpy(asked + out, question + at + 1, question[at]);
		out += question[at];
		asked[out++] = '.';
		at += question[at] + 1u;
	}
	asked[out ? out - 1 : 0] = '\0';
	asked_type = question[at + 2];
	question_n = at + 5;
	return true;
}

static bool quiet(void)
{
	for (int i = 0; i < 50; i++)
		loop_turn(l);
	return !comes();
}

static void wanted(const char *name, int type)
{
	until(comes());
	ck_assert_str_eq(asked, name);
	ck_assert_int_eq(asked_type, type);
}

/* One record a piece: its bytes. */
static void say_records(int rcode, int count, const void *data, size_t n, unsigned ttl)
{
	unsigned char out[2000];
	size_t at = question_n;

	memcpy(out, question, question_n);
	out[2] = 0x81;
	out[3] = (unsigned char)(0x80 | rcode);
	memset(out + 6, 0, 6);
	out[7] = (unsigned char)count;
	for (int i = 0; i < count; i++) {
		const unsigned char head[] = { 0xc0,
					       12,
					       0,
					       (unsigned char)asked_type,
					       0,
					       1,
					       (unsigned char)(ttl >> 24),
					       (unsigned char)(ttl >> 16),
					       (unsigned char)(ttl >> 8),
					       (unsigned char)ttl,
					       0,
					       (unsigned char)n };

		memcpy(out + at, head, sizeof(head));
		memcpy(out + at + sizeof(head), (const char *)data + (size_t)i * n, n);
		at += sizeof(head) + n;
	}
	ck_assert_int_eq(sendto(server, out, at, 0, (struct sockaddr *)&from, sizeof(from)),
			 (ssize_t)at);
}

static void say_nothing(int rcode)
{
	say_records(rcode, 0, NULL, 0, 0);
}

static void say_a(const char *bytes, int count, unsigned ttl)
{
	say_records(OK, count, bytes, 4, ttl);
}

/* --- asking --- */

static uint32_t addresses[DNS_ADDRESSES];
static unsigned found;

static enum dns_state ask(const char *name)
{
	return resolver_a(r, str_z(name), addresses, &found);
}

static struct ipaddr ip_of(const char *text)
{
	struct ipaddr ip;

	ck_assert_int_eq(ip_parse(str_z(text), &ip, &e), 0);
	return ip;
}

static enum dns_state back(const char *text)
{
	struct ipaddr ip = ip_of(text);

	return resolver_reverse(r, &ip);
}

START_TEST(kept)
{
	ck_assert_int_eq(ask("two.example"), DNS_UNKNOWN);
	ck_assert_int_eq(ask("TWO.example"), DNS_UNKNOWN); /* is being asked */
	wanted("two.example", 1);
	ck_assert(quiet());
	say_a("\177\0\0\2\177\0\0\3", 2, 900);
	until(resolver_asked(r) == 0);
	ck_assert_int_eq(ask("Two.Example"), DNS_FOUND);
	ck_assert_uint_eq(found, 2);
	ck_assert_uint_eq(addresses[0] + addresses[1], 2 * 0x7f000000u + 5);
	pass(890000);
	loop_turn(l);
	ck_assert_int_eq(ask("two.example"), DNS_FOUND);
	ck_assert(quiet());
	pass(20000);
	loop_turn(l);
	ck_assert_int_eq(ask("two.example"), DNS_UNKNOWN); /* anew */
	wanted("two.example", 1);
}
END_TEST

/* As long as they say, within bounds; of no address, and of failures, as long as we say. */
static const struct {
	int rcode;
	unsigned ttl;
	enum dns_state state;
	int64_t keep_ms;
} lives[] = {
	{ OK, 0, DNS_FOUND, DNS_KEEP_LEAST_MS },
	{ OK, 1000000, DNS_FOUND, DNS_KEEP_MOST_MS },
	{ NXDOMAIN, 0, DNS_NONE, DNS_KEEP_NONE_MS },
	{ SERVFAIL, 0, DNS_UNKNOWN, DNS_KEEP_LEAST_MS },
};

START_TEST(life)
{
	ck_assert_int_eq(ask("x.example"), DNS_UNKNOWN);
	while (resolver_asked(r)) { /* twice, where it fails */
		until(comes() || resolver_asked(r) == 0);
		if (resolver_asked(r) == 0)
			break;
		if (lives[_i].rcode == OK)
			say_a("\177\0\0\2", 1, lives[_i].ttl);
		else
			say_nothing(lives[_i].rcode);
		for (int i = 0; i < 20; i++)
			loop_turn(l);
	}
	ck_assert_int_eq(ask("x.example"), lives[_i].state);
	ck_assert_uint_eq(resolver_asked(r), 0);
	ck_assert_int_le(r->entries->until, loop_now(l) + lives[_i].keep_ms);
	ck_assert_int_gt(r->entries->until, loop_now(l) + lives[_i].keep_ms - 10000);
	r->entries->until = loop_now(l);
	ck_assert_int_eq(ask("x.example"), DNS_UNKNOWN);
	ck_assert_uint_eq(resolver_asked(r), 1); /* anew */
}
END_TEST

/* Nobody answers: the questions end, and it is told once. */
START_TEST(dead)
{
	ck_assert_int_eq(ask("x.example"), DNS_UNKNOWN);
	for (int i = 0; i < 6 && resolver_asked(r); i++) {
		pass(4000);
		loop_turn(l);
		loop_turn(l);
	}
	ck_assert_uint_eq(resolver_asked(r), 0);
	ck_assert_int_eq(ask("x.example"), DNS_UNKNOWN);
	ck_assert_uint_eq(resolver_asked(r), 0); /* for a minute */
	ck_assert_int_ne(r->said, CLOCK_NEVER);
}
END_TEST

/* Bytes of anybody: no answer, and no harm. */
START_TEST(garbage)
{
	unsigned char noise[512];

	ck_assert_int_eq(ask("x.example"), DNS_UNKNOWN);
	wanted("x.example", 1);
	for (int i = 0; i < 2000; i++) {
		size_t n = (size_t)(rand() % (int)sizeof(noise));

		for (size_t j = 0; j < n; j++)
			noise[j] = (unsigned char)rand();
		if (n > 2 && i % 2)
			memcpy(noise, question, n < question_n ? n : question_n);
		sendto(server, noise, n, 0, (struct sockaddr *)&from, sizeof(from));
		loop_turn(l);
	}
	for (int i = 0; i < 20; i++)
		loop_turn(l);
	ck_assert_int_ne(ask("x.example"), DNS_FOUND);
}
END_TEST

START_TEST(bounded)
{
	char name[60];

	for (unsigned i = 0; i < DNS_ASKED + 50; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		ck_assert_int_eq(ask(name), DNS_UNKNOWN);
	}
	ck_assert_uint_eq(resolver_asked(r), DNS_ASKED);
	ck_assert_uint_eq(resolver_kept(r), DNS_ASKED);
	for (unsigned i = 0; resolver_asked(r); i++) {
		if (comes())
			say_nothing(NXDOMAIN);
		loop_turn(l);
		if (i % 1000 == 999) /* some were lost: they are asked once more */
			pass(3000);
	}
	ck_assert_uint_eq(resolver_kept(r), DNS_ASKED);
	for (unsigned i = 0; i < DNS_ENTRIES + 500; i++) { /* answered ones, planted */
		char key[60];
		struct entry *x;
		int n = snprintf(key, sizeof(key), "Aplanted%u.example", i);

		x = begin(r, key, (unsigned)n);
		ck_assert_ptr_nonnull(x);
		x->asked = 0;
		r->asked--;
		x->until = CLOCK_NEVER;
	}
	ck_assert_uint_le(resolver_kept(r), DNS_ENTRIES);
	ck_assert_int_eq(ask("planted0.example"), DNS_UNKNOWN); /* the oldest went */
	ck_assert_ptr_nonnull(find(r, "Aplanted20400.example", 21));
}
END_TEST

/* --- reverse names --- */

#define NAME_PTR "\3box\3far\3org" /* with the NUL of its end */

static void say_name(void)
{
	say_records(OK, 1, NAME_PTR, sizeof(NAME_PTR), 300);
}

START_TEST(leads_back)
{
	ck_assert_int_eq(back("192.0.2.7"), DNS_UNKNOWN);
	wanted("7.2.0.192.in-addr.arpa", 12);
	say_name();
	wanted("box.far.org", 1);
	say_a("\300\0\2\6\300\0\2\7", 2, 300);
	until(resolver_asked(r) == 0);
	ck_assert_int_eq(back("192.0.2.7"), DNS_FOUND);
}
END_TEST

/* RFC 2317: who has less than 256 addresses has his names behind a CNAME. */
START_TEST(classless)
{
	static const char records[] = /* 7 is 7/28, which has a name */
		"\300\014\0\005\0\001\0\0\001\054\0\007\0047/28\300\016"
		"\0047/28\300\016\0\014\0\001\0\0\001\054\0\015" NAME_PTR;
	unsigned char out[600];

	ck_assert_int_eq(back("192.0.2.7"), DNS_UNKNOWN);
	wanted("7.2.0.192.in-addr.arpa", 12);
	memcpy(out, question, question_n);
	memcpy(out + 2, "\x81\x80\0\1\0\2\0\0\0", 10);
	memcpy(out + question_n, records, sizeof(records));
	ck_assert_int_gt(sendto(server, out, question_n + sizeof(records), 0,
				(struct sockaddr *)&from, sizeof(from)),
			 0);
	wanted("box.far.org", 1);
	say_a("\300\0\2\7", 1, 300);
	until(resolver_asked(r) == 0);
	ck_assert_int_eq(back("192.0.2.7"), DNS_FOUND);
}
END_TEST

START_TEST(leads_elsewhere)
{
	ck_assert_int_eq(back("192.0.2.7"), DNS_UNKNOWN);
	wanted("7.2.0.192.in-addr.arpa", 12);
	say_name();
	wanted("box.far.org", 1);
	say_a("\300\0\2\6", 1, 300);
	until(resolver_asked(r) == 0);
	ck_assert_int_eq(back("192.0.2.7"), DNS_NONE);
}
END_TEST

/* The owner of an address may call it what he likes: a number is no name, and asks nobody. */
START_TEST(numbers)
{
	static const char number[] = "\003192\0010\0012\0017";

	ck_assert_int_eq(back("192.0.2.7"), DNS_UNKNOWN);
	wanted("7.2.0.192.in-addr.arpa", 12);
	say_records(OK, 1, number, sizeof(number), 300);
	until(resolver_asked(r) == 0);
	ck_assert(quiet());
	ck_assert_int_eq(back("192.0.2.7"), DNS_NONE);
}
END_TEST

static const struct {
	const char *name;
	bool number;
} called[] = {
	{ "192.0.2.7", true },	    { "7", true },
	{ "2001:db8::7", true },    { "", true },
	{ "192.0.2.7.far", false }, { "7.far.org", false },
	{ "far.x7", false },	    { "box", false },
};

START_TEST(what_is_a_number)
{
	ck_assert_int_eq(is_number(called[_i].name), called[_i].number);
}
END_TEST

/* $HOSTALIASES names a file: it is not read in the loop. */
START_TEST(aliases)
{
	static const char box[] = "\003box";
	char path[] = "/tmp/test_resolver.XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "box far.org\n", 12), 12);
	close(fd);
	setenv("HOSTALIASES", path, 1);
	ck_assert_int_eq(back("192.0.2.7"), DNS_UNKNOWN);
	wanted("7.2.0.192.in-addr.arpa", 12);
	say_records(OK, 1, box, sizeof(box), 300);
	wanted("box", 1);
	unsetenv("HOSTALIASES");
	unlink(path);
}
END_TEST

START_TEST(nameless)
{
	ck_assert_int_eq(back("2001:db8::7"), DNS_UNKNOWN);
	wanted("7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", 12);
	say_nothing(NXDOMAIN);
	until(resolver_asked(r) == 0);
	ck_assert_int_eq(back("2001:db8::7"), DNS_NONE);
}
END_TEST

/* A name whose address cannot be learned proves nothing. */
START_TEST(half_known)
{
	ck_assert_int_eq(back("192.0.2.7"), DNS_UNKNOWN);
	wanted("7.2.0.192.in-addr.arpa", 12);
	say_name();
	for (int i = 0; i < 6 && resolver_asked(r); i++) {
		for (int j = 0; j < 50; j++)
			loop_turn(l);
		pass(4000);
	}
	until(resolver_asked(r) == 0);
	ck_assert_int_eq(back("192.0.2.7"), DNS_UNKNOWN);
}
END_TEST

/* Ended with questions under way, of both kinds and in both steps. */
START_TEST(ended)
{
	ck_assert_int_eq(ask("x.example"), DNS_UNKNOWN);
	ck_assert_int_eq(back("192.0.2.7"), DNS_UNKNOWN);
	ck_assert_int_eq(back("192.0.2.8"), DNS_UNKNOWN);
	for (int n = 0; n < 3;) {
		until(comes());
		n++;
		if (strcmp(asked, "8.2.0.192.in-addr.arpa") == 0)
			say_name();
	}
	wanted("box.far.org", 1);
	resolver_free(&r);
	ck_assert_ptr_null(r);
}
END_TEST

START_TEST(bad_names)
{
	char long_name[LIMIT_DOMAIN + 2];

	memset(long_name, 'a', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	ck_assert_int_eq(ask(""), DNS_NONE);
	ck_assert_int_eq(ask(long_name), DNS_NONE);
	long_name[LIMIT_DOMAIN] = '\0';
	ck_assert_int_eq(ask(long_name), DNS_UNKNOWN); /* a label of 253: c-ares will not ask */
	ck_assert_uint_eq(resolver_asked(r), 0);
	ck_assert_int_eq(ask("a..b"), DNS_UNKNOWN);
	ck_assert_uint_eq(resolver_asked(r), 0);
}
END_TEST

START_TEST(bad_servers)
{
	struct resolver *none = NULL;

	ck_assert_int_lt(resolver_new(&none, l, "dns.example", &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "dns.example"));
	ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("resolver");
	TCase *t = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, up, down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, kept);
	tcase_add_loop_test(t, life, 0, (int)ARRAY_LEN(lives));
	tcase_add_test(t, dead);
	tcase_add_test(t, garbage);
	tcase_add_test(t, bounded);
	tcase_add_test(t, leads_back);
	tcase_add_test(t, classless);
	tcase_add_test(t, leads_elsewhere);
	tcase_add_test(t, numbers);
	tcase_add_loop_test(t, what_is_a_number, 0, (int)ARRAY_LEN(called));
	tcase_add_test(t, aliases);
	tcase_add_test(t, nameless);
	tcase_add_test(t, half_known);
	tcase_add_test(t, ended);
	tcase_add_test(t, bad_names);
	tcase_add_test(t, bad_servers);
	suite_add_tcase(s, t);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
