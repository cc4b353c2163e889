/* envelope_key: which senders are the same one. */
#include "lib/guard/envelope_key.c"

#include "unit/guard_pure.h"

static struct ipaddr ip_of(const char *text)
{
	struct ipaddr ip;
	struct err e;

	must(ip_parse(str_z(text), &ip, &e) == 0, "address");
	return ip;
}

static const struct {
	const char *sender, *folded;
} folds[] = {
	{ "", "" },
	{ "A@B.cc", "a@b.cc" },
	{ "postmaster", "postmaster" },
	{ "@d.ee", "@d.ee" },
	{ "a@", "a@" },
	/* rewritten senders */
	{ "SRS0=hHaS+h=T7=Example.com=Bob@fwd.net", "srs0=example.com=bob@fwd.net" },
	{ "SRS0=ABCDE=KL=d.ee=a@fwd.net", "srs0=d.ee=a@fwd.net" },
	{ "SRS0+ABCDE=KL=d.ee=a@fwd.net", "srs0=d.ee=a@fwd.net" },
	{ "srs0-ABCDE=KL=d.ee=a=b@fwd.net", "srs0=d.ee=a=b@fwd.net" },
	{ "SRS1=XXXXX=one.net==ABCDE=KL=d.ee=a@two.net", "srs1=d.ee=a@two.net" },
	{ "SRS1=XXXXX=one.net=+ABCDE=KL=d.ee=a@two.net", "srs1=d.ee=a@two.net" },
	{ "SRS0=ABCDE=KL=qq.com=12345678@fwd.net", "srs0=qq.com=12345678@fwd.net" },
	{ "SRS0=ABCDE=KL=d.ee=prvs=1838E5D28A=bob@fwd.net", "srs0=d.ee=bob@fwd.net" },
	{ "SRS0=AB=KL=l.org=list-return-12-u=d.ee@f.net", "srs0=l.org=list-return-#-u=d.ee@f.net" },
	{ "SRS0=AB=KL=f.org=SRS0=CD=MN=d.ee=bob+x@f.net", "srs0=f.org=srs0=d.ee=bob@f.net" },
	{ "SRS0=ABCDE=KL=bob@fwd.net", "srs0=abcde=kl=bob@fwd.net" },
	{ "SRS0=ABCDE@fwd.net", "srs0=abcde@fwd.net" },
	{ "SRS0=ABCDE=@fwd.net", "srs0=abcde=@fwd.net" },
	{ "SRS0==@fwd.net", "srs0==@fwd.net" },
	{ "SRS1=XXXXX=one.net=@two.net", "srs1=xxxxx=one.net=@two.net" },
	{ "SRS0@fwd.net", "srs0@fwd.net" },
	/* signed senders */
	{ "prvs=1838E5D28A=Support@d.ee", "support@d.ee" },
	{ "prvs=support=1838E5D28A@d.ee", "support@d.ee" },
	{ "prvs=183=support@d.ee", "prvs=#=support@d.ee" },
	{ "prvs=abcdE5D28A=support@d.ee", "prvs=#=support@d.ee" },
	{ "prvs=1838E5D28A=@d.ee", "prvs=#=@d.ee" },
	{ "btv1==123d9a2e3bd==user@d.ee", "user@d.ee" },
	{ "btv1==123d9a2e3bd==@d.ee", "btv1==#==@d.ee" },
	{ "btv1==xyz==user@d.ee", "btv1==xyz==user@d.ee" },
	/* details and lists */
	{ "bob+shop@d.ee", "bob@d.ee" },
	{ "+bob@d.ee", "+bob@d.ee" },
	{ "list-bounces+user=example.com@lists.org", "list-bounces@lists.org" },
	{ "list-return-123-user=example.com@lists.org", "list-return-#-user=example.com@lists.org" },
	{ "bounce-12345_HTML-77-deadbeef01.x@m.com", "bounce-#_html-#-#.x@m.com" },
	{ "b.1.2@m.com", "b.1.2@m.com" },
	/* numbers of people */
	{ "12345678@qq.com", "12345678@qq.com" },
	{ "john-1984@d.ee", "john-1984@d.ee" },
	{ "0102018b3c5d-cafe2-000000@eu.amazonses.com", "0102018b3c5d-cafe2-000000@eu.amazonses.com" },
	{ "bounce-cafe2@m.com", "bounce-cafe2@m.com" },
	{ "a@b@c.dd", "a@b@c.dd" },
};

START_TEST(fold_of)
{
	char out[LIMIT_ADDRESS];
	size_t n = sender_fold(str_z(folds[_i].sender), out);

	ck_assert_msg(str_eq((struct str){ out, n }, str_z(folds[_i].folded)), "%.*s", (int)n, out);
}
END_TEST

/* Whatever comes: no longer than it was, the domain as it was, the same in any case. */
START_TEST(any_sender)
{
	static const char *const parts[] = { "srs0", "SRS1", "prvs",   "btv1",
					     "=",    "=",    "==",     "+",
					     "-",    ".",    "@",      "1838E5D28A",
					     "ab",   "77",   "bounce", "d.ee" };
	char text[600], upper[600], out[LIMIT_ADDRESS], out2[LIMIT_ADDRESS];

	for (unsigned run = 0; run < 200000; run++) {
		size_t n = 0, m, most;

		for (unsigned k = rnd(12); k > 0; k--) {
			const char *part = parts[rnd(ARRAY_LEN(parts))];

			memcpy(text + n, part, strlen(part));
			n += strlen(part);
		}
		for (size_t i = 0; i < n; i++)
			upper[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 32) :
								      text[i];
		m = sender_fold((struct str){ text, n }, out);
		most = n < LIMIT_ADDRESS ? n : LIMIT_ADDRESS;
		must(m <= most && (m > 0) == (n > 0), "no longer");
		must(sender_fold((struct str){ upper, n }, out2) == m && memcmp(out, out2, m) == 0,
		     "in any case");
	}
}
END_TEST

START_TEST(too_long)
{
	char text[400], out[LIMIT_ADDRESS];

	memset(text, 'X', sizeof(text));
	ck_assert_uint_eq(sender_fold((struct str){ text, sizeof(text) }, out), LIMIT_ADDRESS);
	text[LIMIT_ADDRESS - 1] = '@';
	ck_assert_uint_eq(sender_fold((struct str){ text, sizeof(text) }, out), LIMIT_ADDRESS);
}
END_TEST

static bool same_key(const char *ip1, const char *s1, const char *r1, const char *ip2,
		     const char *s2, const char *r2)
{
	struct ipaddr a = ip_of(ip1), b = ip_of(ip2);
	uint8_t x[ENVELOPE_KEY], y[ENVELOPE_KEY];

	greylist_key(&a, str_z(s1), str_z(r1), x);
	greylist_key(&b, str_z(s2), str_z(r2), y);
	return memcmp(x, y, ENVELOPE_KEY) == 0;
}

START_TEST(keys)
{
	ck_assert(same_key("10.1.2.3", "a@b.cc", "u@x.yy", "10.1.2.200", "A@b.CC", "U@X.yy"));
	ck_assert(same_key("2001:db8::1", "", "u@x.yy", "2001:db8::ffff:2", "", "u@x.yy"));
	ck_assert(!same_key("10.1.2.3", "a@b.cc", "u@x.yy", "10.1.3.3", "a@b.cc", "u@x.yy"));
	ck_assert(!same_key("2001:db8::1", "", "u@x.yy", "2001:db8:0:1::1", "", "u@x.yy"));
	ck_assert(!same_key("10.1.2.3", "a@b.cc", "u@x.yy", "10.1.2.3", "b@b.cc", "u@x.yy"));
	ck_assert(!same_key("10.1.2.3", "a@b.cc", "u@x.yy", "10.1.2.3", "a@b.cc", "v@x.yy"));
	ck_assert(!same_key("10.1.2.3", "", "u@x.yy", "10.1.2.3", "u@x.yy", ""));
	ck_assert(!same_key("10.1.2.3", "a@b.c", "cu@x.yy", "10.1.2.3", "a@b.cc", "u@x.yy"));
}
END_TEST

/* The same on every machine and in every version: rows are found by it. */
START_TEST(stable)
{
	struct ipaddr ip = ip_of("192.0.2.7");
	uint8_t key[ENVELOPE_KEY];
	char hex[2 * ENVELOPE_KEY + 1];

	greylist_key(&ip, STR("bob@example.com"), STR("abigail@example.org"), key);
	hash_hex(key, ENVELOPE_KEY, hex);
	ck_assert_str_eq(hex, "00000000ffc0000212220a7831e0c96b");
	trust_key(&ip, STR("bob@example.com"), key);
	hash_hex(key, ENVELOPE_KEY, hex);
	ck_assert_str_eq(hex, "00000000ffc00002c58b4b2daa5c949b");
	network_trust_key(&ip, key);
	hash_hex(key, ENVELOPE_KEY, hex);
	ck_assert_str_eq(hex, "00000000ffc00002aae52df5ba3b5d5d");
	spread_key(&ip, key);
	hash_hex(key, ENVELOPE_KEY, hex);
	ck_assert_str_eq(hex, "00000000ffc000020000000000000000");
}
END_TEST

/* Each network has one key, and is found by it. */
START_TEST(networks)
{
	static const char *const ips[] = { "10.1.2.3", "0.0.0.0", "255.255.255.255", "::1",
					   "2001:db8:1:2:3::4", "fe80::1" };

	for (size_t i = 0; i < ARRAY_LEN(ips); i++) {
		struct ipaddr ip = ip_of(ips[i]), network = ip_network(&ip), back;
		uint8_t key[NETWORK_KEY], other[NETWORK_KEY];

		network_key(&ip, key);
		back = network_of_key(key);
		ck_assert(ip_eq(&back, &network));
		for (size_t j = 0; j < i; j++) {
			ip = ip_of(ips[j]);
			network_key(&ip, other);
			ck_assert_mem_ne(key, other, NETWORK_KEY);
		}
	}
}
END_TEST

START_TEST(trust_keys)
{
	struct ipaddr a = ip_of("10.1.2.3"), near = ip_of("10.1.2.4"), far = ip_of("10.1.3.4");
	uint8_t x[ENVELOPE_KEY], y[ENVELOPE_KEY];

	trust_key(&a, STR("bob@Example.com"), x);
	trust_key(&near, STR("alice@example.COM"), y);
	ck_assert_mem_eq(x, y, ENVELOPE_KEY);
	trust_key(&far, STR("bob@example.com"), y);
	ck_assert_mem_ne(x, y, ENVELOPE_KEY);
	trust_key(&a, STR("bob@mail.example.com"), y);
	ck_assert_mem_ne(x, y, ENVELOPE_KEY);
	trust_key(&a, STR(""), y);
	ck_assert_mem_ne(x, y, ENVELOPE_KEY);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("envelope_key");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_loop_test(t, fold_of, 0, (int)ARRAY_LEN(folds));
	tcase_add_test(t, any_sender);
	tcase_add_test(t, too_long);
	tcase_add_test(t, keys);
	tcase_add_test(t, stable);
	tcase_add_test(t, networks);
	tcase_add_test(t, trust_keys);
	return pure_run(t, "envelope_key");
}
