/* PROXY headers, byte by byte as the protocol's text has them. */
#include "lib/wire/proxy.c"

#include <check.h>

static struct addr at(const char *ip, uint16_t port)
{
	struct addr a = { .port = port };
	struct err e;

	ck_assert_int_eq(ip_parse(str_z(ip), &a.ip, &e), 0);
	return a;
}

static const struct {
	const char *client;
	uint16_t client_port;
	const char *local;
	uint16_t local_port;
	const char *header;
} lines[] = {
	{ "192.0.2.7", 51000, "198.51.100.1", 25, "PROXY TCP4 192.0.2.7 198.51.100.1 51000 25\r\n" },
	{ "2001:db8::7", 1, "2001:db8::1", 65535, "PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n" },
	/* a listener of both families: its IPv4 clients are IPv4 */
	{ "::ffff:192.0.2.7", 9, "192.0.2.1", 8, "PROXY TCP4 192.0.2.7 192.0.2.1 9 8\r\n" },
	/* what no socket gives */
	{ "192.0.2.7", 9, "2001:db8::1", 8, "PROXY UNKNOWN\r\n" },
	{ "2001:db8::7", 9, "192.0.2.1", 8, "PROXY UNKNOWN\r\n" },
	/* the longest: 2.1 says 107 with the widest addresses there are in text */
	{ "1111:2222:3333:4444:5555:6666:7777:8888", 65535, "9999:aaaa:bbbb:cccc:dddd:eeee:ffff:1111", 65535,
	  "PROXY TCP6 1111:2222:3333:4444:5555:6666:7777:8888 "
	  "9999:aaaa:bbbb:cccc:dddd:eeee:ffff:1111 65535 65535\r\n" },
};

START_TEST(version_1)
{
	struct addr c = at(lines[_i].client, lines[_i].client_port);
	struct addr l = at(lines[_i].local, lines[_i].local_port);
	char got[PROXY_HEADER];
	size_t n = proxy_header(PROXY_V1, &c, &l, got);

	ck_assert(str_eq((struct str){ got, n }, str_z(lines[_i].header)));
}
END_TEST

#define SIG "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"
#define V6(last) "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0" last
#define BYTES(z) \
	{ \
		z, sizeof(z) - 1 \
	}

static const struct {
	const char *client, *local;
	struct str header;
} blocks[] = {
	{ "192.0.2.7", "198.51.100.1",
	  BYTES(SIG "\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\xc7\x38\0\x19") },
	{ "2001:db8::7", "2001:db8::1", BYTES(SIG "\x21\x21\0\x24" V6("\x07") V6("\x01") "\xc7\x38\0\x19") },
	{ "192.0.2.7", "2001:db8::1",
	  BYTES(SIG "\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x07" V6("\x01") "\xc7\x38\0\x19") },
};

START_TEST(version_2)
{
	struct addr c = at(blocks[_i].client, 51000), l = at(blocks[_i].local, 25);
	char got[PROXY_HEADER];
	size_t n = proxy_header(PROXY_V2, &c, &l, got);

	ck_assert(str_eq((struct str){ got, n }, blocks[_i].header));
}
END_TEST

START_TEST(none)
{
	struct addr a = at("192.0.2.7", 1);
	char got[PROXY_HEADER];

	ck_assert_uint_eq(proxy_header(PROXY_NONE, &a, &a, got), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxy");
	TCase *t = tcase_create("proxy");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, version_1, 0, (int)ARRAY_LEN(lines));
	tcase_add_loop_test(t, version_2, 0, (int)ARRAY_LEN(blocks));
	tcase_add_test(t, none);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
