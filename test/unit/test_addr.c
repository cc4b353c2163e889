/* addr: the grammars as tables; ranges against a model that compares bit by bit. */
#include "lib/base/addr.c"

#include "unit/property.h"

#define S(lit) STR_INIT(lit)

static const struct {
	struct str in;
	const char *want; /* NULL: refused */
	bool v4;
} ips[] = {
	{ S("10.0.0.1"), "10.0.0.1", true },
	{ S("0.0.0.0"), "0.0.0.0", true },
	{ S("255.255.255.255"), "255.255.255.255", true },
	{ S("::"), "::", false },
	{ S("::1"), "::1", false },
	{ S("2001:DB8::1"), "2001:db8::1", false },
	{ S("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1", false },
	{ S("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	  false },
	{ S("fe80::1.2.3.4"), "fe80::102:304", false },
	{ S("::ffff:10.0.0.1"), "10.0.0.1", true },
	{ S("::ffff:a00:1"), "10.0.0.1", true },
	{ S(""), NULL, false },
	{ { NULL, 0 }, NULL, false },
	{ S("10.0.0"), NULL, false },
	{ S("10.0.0.1.2"), NULL, false },
	{ S("10.0.0.256"), NULL, false },
	{ S("10.0.0.01"), NULL, false },
	{ S("10.0.0.0x1"), NULL, false },
	{ S("10.0.0.1 "), NULL, false },
	{ S(" 10.0.0.1"), NULL, false },
	{ S("10.0.0.1\0"), NULL, false },
	{ S("10.0.0.1\0x"), NULL, false },
	{ S("10.0.0.1:25"), NULL, false },
	{ S("[::1]"), NULL, false },
	{ S("::1%lo"), NULL, false },
	{ S(":::1"), NULL, false },
	{ S("1::2::3"), NULL, false },
	{ S("12345::"), NULL, false },
	{ S("localhost"), NULL, false },
	{ S("1234567890"), NULL, false },
	{ S("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), NULL, false },
	{ S("%s%n"), NULL, false },
};

START_TEST(parsing_ips)
{
	struct ipaddr ip, again;
	struct err e = { "" };
	char text[ADDR_TEXT];

	if (!ips[_i].want) {
		ck_assert_int_eq(ip_parse(ips[_i].in, &ip, &e), -1);
		ck_assert_str_ne(e.text, "");
		ck_assert_int_eq(ip_parse(ips[_i].in, &ip, NULL), -1);
		return;
	}
	ck_assert_int_eq(ip_parse(ips[_i].in, &ip, &e), 0);
	ck_assert_str_eq(ip_text(&ip, text), ips[_i].want);
	ck_assert_int_eq(ip_is4(&ip), ips[_i].v4);
	ck_assert_int_eq(ip_parse(str_z(text), &again, &e), 0);
	ck_assert(ip_eq(&ip, &again));
	again.b[15] ^= 1;
	ck_assert(!ip_eq(&ip, &again));
}
END_TEST

static const struct {
	struct str in;
	uint16_t dflt;
	const char *ip; /* NULL: refused */
	uint16_t port;
	const char *why;
} addrs[] = {
	{ S("127.0.0.1:8080"), 0, "127.0.0.1", 8080, NULL },
	{ S("127.0.0.1:8080"), 25, "127.0.0.1", 8080, NULL },
	{ S("127.0.0.1"), 25, "127.0.0.1", 25, NULL },
	{ S("[::1]:8080"), 0, "::1", 8080, NULL },
	{ S("[::1]"), 25, "::1", 25, NULL },
	{ S("::1"), 25, "::1", 25, NULL },
	{ S("[::]:1"), 0, "::", 1, NULL },
	{ S("1.2.3.4:65535"), 0, "1.2.3.4", 65535, NULL },
	{ S("127.0.0.1"), 0, NULL, 0, "\"127.0.0.1\" has no port" },
	{ S("[::1]"), 0, NULL, 0, "\"[::1]\" has no port" },
	{ S("::1"), 0, NULL, 0, "\"::1\" has no port" },
	{ S("127.0.0.1:"), 25, NULL, 0, "\"\" is not a port (1..65535)" },
	{ S("[::1]:"), 25, NULL, 0, "\"\" is not a port (1..65535)" },
	{ S("127.0.0.1:0"), 25, NULL, 0, "\"0\" is not a port (1..65535)" },
	{ S("127.0.0.1:65536"), 25, NULL, 0, "\"65536\" is not a port (1..65535)" },
	{ S("127.0.0.1:+1"), 25, NULL, 0, "\"+1\" is not a port (1..65535)" },
	{ S("127.0.0.1:25 "), 25, NULL, 0, "\"25 \" is not a port (1..65535)" },
	{ S("127.0.0.1:smtp"), 25, NULL, 0, "\"smtp\" is not a port (1..65535)" },
	{ S(":25"), 0, NULL, 0, "\"\" is not an IP address" },
	{ S(""), 25, NULL, 0, "\"\" is not an IP address" },
	{ S("[]:25"), 0, NULL, 0, "\"\" is not an IP address" },
	{ S("[::1:25"), 0, NULL, 0, "\"[::1:25\" is not an IP address" },
	{ S("::1]:25"), 0, NULL, 0, "\"::1]:25\" is not an IP address" },
	{ S("[::1]25"), 0, NULL, 0, "\"\" is not an IP address" },
	{ S("[::1]x:25"), 0, NULL, 0, "\"\" is not an IP address" },
	{ S("[[::1]]:25"), 0, NULL, 0, "\"\" is not an IP address" },
	{ S("mail.example.com:25"), 0, NULL, 0, "\"mail.example.com\" is not an IP address" },
};

START_TEST(parsing_addrs)
{
	struct addr a;
	struct err e;
	char text[ADDR_TEXT];
	int want = addrs[_i].ip ? 0 : -1;

	ck_assert_msg(addr_parse(addrs[_i].in, addrs[_i].dflt, &a, &e) == want, "%s",
		      addrs[_i].in.p);
	if (want < 0) {
		ck_assert_str_eq(e.text, addrs[_i].why);
		return;
	}
	ck_assert_str_eq(ip_text(&a.ip, text), addrs[_i].ip);
	ck_assert_uint_eq(a.port, addrs[_i].port);
}
END_TEST

START_TEST(sockaddrs)
{
	static const struct {
		struct str in;
		int family;
		unsigned n;
	} rows[] = {
		{ S("1.2.3.4:25"), AF_INET, sizeof(struct sockaddr_in) },
		{ S("0.0.0.0:25"), AF_INET, sizeof(struct sockaddr_in) },
		{ S("[::ffff:1.2.3.4]:25"), AF_INET, sizeof(struct sockaddr_in) },
		{ S("[::]:25"), AF_INET6, sizeof(struct sockaddr_in6) },
		{ S("[2001:db8::7]:65535"), AF_INET6, sizeof(struct sockaddr_in6) },
	};
	struct sockaddr_storage ss;
	struct addr a, back;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memset(&ss, 0xff, sizeof(ss));
		ck_assert_int_eq(addr_parse(rows[i].in, 0, &a, NULL), 0);
		ck_assert_uint_eq(addr_to_sockaddr(&a, &ss), rows[i].n);
		ck_assert_int_eq(ss.ss_family, rows[i].family);
		ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss, &back), 0);
		ck_assert(ip_eq(&a.ip, &back.ip));
		ck_assert_uint_eq(a.port, back.port);
	}
	/* network byte order, and the peer of a dual-stack socket is IPv4 */
	ck_assert_mem_eq((char *)&((struct sockaddr_in6 *)&ss)->sin6_port, "\xff\xff", 2);
	a.port = 0x1234;
	addr_to_sockaddr(&a, &ss);
	ck_assert_mem_eq((char *)&((struct sockaddr_in6 *)&ss)->sin6_port, "\x12\x34", 2);
	inet_pton(AF_INET6, "::ffff:9.8.7.6", &((struct sockaddr_in6 *)&ss)->sin6_addr);
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss, &back), 0);
	ck_assert(ip_is4(&back.ip));
	ss.ss_family = AF_UNIX;
	ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss, &back), -1);
}
END_TEST

static const struct {
	const char *ip, *net;
} networks[] = {
	{ "10.1.2.3", "10.1.2.0" },
	{ "255.255.255.255", "255.255.255.0" },
	{ "10.1.2.0", "10.1.2.0" },
	{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::" },
	{ "::1", "::" },
};

START_TEST(network)
{
	struct ipaddr ip, net;
	char text[ADDR_TEXT];

	ck_assert_int_eq(ip_parse(str_z(networks[_i].ip), &ip, NULL), 0);
	net = ip_network(&ip);
	ck_assert_str_eq(ip_text(&net, text), networks[_i].net);
}
END_TEST

static const struct {
	struct str in;
	const char *inside[3], *outside[4];
} ranges[] = {
	{ S("10.0.0.1"), { "10.0.0.1" }, { "10.0.0.0", "10.0.0.2", "::a00:1" } },
	{ S("10.0.0.0/8"), { "10.0.0.0", "10.255.255.255" }, { "9.255.255.255", "11.0.0.0" } },
	{ S("10.1.2.3/8"), { "10.0.0.0", "10.255.255.255" }, { "9.255.255.255", "11.0.0.0" } },
	{ S("10.0.0.4/30"), { "10.0.0.4", "10.0.0.7" }, { "10.0.0.3", "10.0.0.8" } },
	{ S("10.0.0.4/32"), { "10.0.0.4" }, { "10.0.0.3", "10.0.0.5" } },
	{ S("0.0.0.0/0"), { "0.0.0.0", "255.255.255.255" }, { "::", "::1", "ffff::" } },
	{ S("::/0"), { "::", "ffff::", "1.2.3.4" }, { NULL } },
	{ S("2001:db8::/32"), { "2001:db8::", "2001:db8:ffff::1" }, { "2001:db7::", "2001:db9::" } },
	{ S("::1/128"), { "::1" }, { "::", "::2" } },
	{ S("10.0.0.9-10.0.1.3"), { "10.0.0.9", "10.0.0.255", "10.0.1.3" },
	  { "10.0.0.8", "10.0.1.4" } },
	{ S("1.1.1.1-1.1.1.1"), { "1.1.1.1" }, { "1.1.1.0", "1.1.1.2" } },
	{ S("::5-::7"), { "::5", "::6", "::7" }, { "::4", "::8", "0.0.0.6" } },
	{ S("1.1.1.1,2.2.2.2 3.3.3.3"), { "1.1.1.1", "2.2.2.2", "3.3.3.3" }, { "2.2.2.1" } },
	{ S(" ,, 1.1.1.1\n\t2.2.2.2\r\n ,3.3.3.3, "), { "1.1.1.1", "2.2.2.2", "3.3.3.3" },
	  { "1.1.1.2" } },
	{ S(""), { NULL }, { "0.0.0.0", "::" } },
	{ { NULL, 0 }, { NULL }, { "0.0.0.0", "::" } },
	{ S(" \n,"), { NULL }, { "0.0.0.0", "::" } },
};

static bool contains(const struct ip_ranges *r, const char *text)
{
	struct ipaddr ip;

	ck_assert_int_eq(ip_parse(str_z(text), &ip, NULL), 0);
	return ranges_contain(r, &ip);
}

START_TEST(containing)
{
	struct ip_ranges r;
	struct err e = { "" };

	ck_assert_msg(ranges_parse(ranges[_i].in, &r, &e) == 0, "%s", e.text);
	for (size_t i = 0; i < 3 && ranges[_i].inside[i]; i++)
		ck_assert_msg(contains(&r, ranges[_i].inside[i]), "%s", ranges[_i].inside[i]);
	for (size_t i = 0; i < 4 && ranges[_i].outside[i]; i++)
		ck_assert_msg(!contains(&r, ranges[_i].outside[i]), "%s", ranges[_i].outside[i]);
	ranges_free(&r);
	ck_assert_uint_eq(r.n, 0);
	ranges_free(&r);
}
END_TEST

#define NO_RANGE " is not an address, a prefix (/n) or a range (low-high)"

static const struct {
	struct str in;
	const char *why;
} refused[] = {
	{ S("10.0.0.0/33"), "\"10.0.0.0/33\" has no valid prefix length" },
	{ S("::/129"), "\"::/129\" has no valid prefix length" },
	{ S("10.0.0.0/"), "\"10.0.0.0/\" has no valid prefix length" },
	{ S("10.0.0.0/-1"), "\"10.0.0.0/-1\" has no valid prefix length" },
	{ S("10.0.0.0/8/8"), "\"10.0.0.0/8/8\" has no valid prefix length" },
	{ S("10.0.0.0/255.0.0.0"), "\"10.0.0.0/255.0.0.0\" has no valid prefix length" },
	{ S("/8"), "\"/8\"" NO_RANGE },
	{ S("10.0.0.2-10.0.0.1"), "\"10.0.0.2-10.0.0.1\" is not a range from low to high" },
	{ S("::1-10.0.0.1"), "\"::1-10.0.0.1\" is not a range from low to high" },
	{ S("10.0.0.1-ffff::"), "\"10.0.0.1-ffff::\" is not a range from low to high" },
	{ S("10.0.0.1-"), "\"10.0.0.1-\"" NO_RANGE },
	{ S("-10.0.0.1"), "\"-10.0.0.1\"" NO_RANGE },
	{ S("10.0.0.1-2"), "\"10.0.0.1-2\"" NO_RANGE },
	{ S("10.0.0.1 - 10.0.0.2"), "\"-\"" NO_RANGE },
	{ S("1.1.1.1;2.2.2.2"), "\"1.1.1.1;2.2.2.2\"" NO_RANGE },
	{ S("1.1.1.1\0"), "\"\"" NO_RANGE },
	{ S("1.1.1.1,localhost"), "\"localhost\"" NO_RANGE },
	{ S("10.0.0.*"), "\"10.0.0.*\"" NO_RANGE },
};

START_TEST(refusing)
{
	struct ip_ranges r;
	struct err e;

	ck_assert_int_eq(ranges_parse(refused[_i].in, &r, &e), -1);
	ck_assert_str_eq(e.text, refused[_i].why);
	ck_assert_ptr_null(r.v);
	ck_assert_uint_eq(r.n, 0);
}
END_TEST

START_TEST(too_many)
{
	static char text[(MAX_RANGES + 1) * 8];
	struct ip_ranges r;
	struct ipaddr ip;
	struct err e;

	for (size_t i = 0; i <= MAX_RANGES; i++)
		memcpy(text + i * 8, "1.1.1.1,", 8);
	memcpy(text + (MAX_RANGES - 1) * 8, "2.2.2.2,", 8);
	ck_assert_int_eq(ranges_parse((struct str){ text, MAX_RANGES * 8 }, &r, &e), 0);
	ck_assert_uint_eq(r.n, MAX_RANGES);
	ck_assert_int_eq(ip_parse(STR("2.2.2.2"), &ip, NULL), 0);
	ck_assert(ranges_contain(&r, &ip));
	ranges_free(&r);
	ck_assert_int_eq(ranges_parse((struct str){ text, sizeof(text) }, &r, &e), -1);
	ck_assert_str_eq(e.text, "more than 4096 ranges");
}
END_TEST

/* Random prefixes and addresses near them: inside exactly if the first bits agree. */
static bool agree(const struct ipaddr *a, const struct ipaddr *b, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if ((a->b[i / 8] ^ b->b[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

START_TEST(prefixes)
{
	for (int i = 0; i < 20000; i++) {
		struct ipaddr net, ip;
		struct ip_ranges r;
		bool v4 = rnd(2);
		unsigned bits = rnd(v4 ? 33 : 129);
		char text[ADDR_TEXT], range[ADDR_TEXT + 8];

		for (int j = 0; j < 16; j++)
			net.b[j] = (uint8_t)(v4 && j < 12 ? mapped[j] : (uint8_t)rnd(256));
		ip = net;
		for (unsigned j = rnd(3); j > 0; j--) {
			unsigned at = v4 ? 96 + rnd(32) : rnd(128);

			ip.b[at / 8] ^= (uint8_t)(0x80 >> at % 8);
		}
		snprintf(range, sizeof(range), "%s/%u", ip_text(&net, text), bits);
		must(ranges_parse(str_z(range), &r, NULL) == 0, range);
		must(ranges_contain(&r, &ip) == agree(&net, &ip, bits + (v4 ? 96 : 0)), range);
		ranges_free(&r);
	}
}
END_TEST

/* Several ranges "low-high" at once, against the plain numbers. */
START_TEST(low_to_high)
{
	for (int i = 0; i < 2000; i++) {
		unsigned n = rnd(9), lo[8], hi[8];
		char text[300];
		size_t at = 0;
		struct ip_ranges r;

		text[0] = '\0';
		for (unsigned j = 0; j < n && j < 8; j++) {
			lo[j] = rnd(256);
			hi[j] = lo[j] + rnd(256 - lo[j]);
			at += (size_t)snprintf(text + at, sizeof(text) - at, "10.0.0.%u-10.0.0.%u\n",
					       lo[j], hi[j]);
		}
		must(ranges_parse(str_z(text), &r, NULL) == 0, text);
		for (unsigned x = 0; x < 256; x++) {
			struct ipaddr ip = { { [10] = 0xff, 0xff, 10, 0, 0, (uint8_t)x } };
			bool want = false;

			for (unsigned j = 0; j < n && j < 8; j++)
				want |= lo[j] <= x && x <= hi[j];
			must(ranges_contain(&r, &ip) == want, text);
		}
		ranges_free(&r);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("addr");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, parsing_ips, 0, (int)ARRAY_LEN(ips));
	tcase_add_loop_test(t, parsing_addrs, 0, (int)ARRAY_LEN(addrs));
	tcase_add_test(t, sockaddrs);
	tcase_add_loop_test(t, network, 0, (int)ARRAY_LEN(networks));
	tcase_add_loop_test(t, containing, 0, (int)ARRAY_LEN(ranges));
	tcase_add_loop_test(t, refusing, 0, (int)ARRAY_LEN(refused));
	tcase_add_test(t, too_many);
	tcase_add_test(t, prefixes);
	tcase_add_test(t, low_to_high);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
