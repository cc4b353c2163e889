/* srs: there and back for every address that fits; nothing that was touched between. */
#include "lib/wire/srs.c"

#include <stdio.h>

#include "test/unit/property.h"

#define DAY (24LL * 3600 * 1000)
#define NOW (20000 * DAY) /* day 544 of 1024: "RA" */

static const struct str us = STR_INIT("us.example");
static const struct str list[] = { STR_INIT("secret"), STR_INIT("older") };
static const struct srs_secrets one = { list, 1 }, both = { list, 2 };
static const struct srs_secrets old = { list + 1, 1 }, none = { list, 0 };

static struct address address(const char *text)
{
	struct address a = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };

	if (*text)
		ck_assert_int_eq(address_parse(str_z(text), &a), ADDRESS_OK);
	return a;
}

static struct str local_of(const char *out)
{
	struct address a = address(out);

	must(str_eq(a.domain, us), out);
	return a.local;
}

#define A10 "aaaaaaaaaa"
#define A40 A10 A10 A10 A10
#define A60 A40 A10 A10

/* Hashes were made by another program: python's hmac and base64. */
static const struct {
	const char *sender, *want;
	enum srs_result result;
	const char *back; /* NULL: the sender */
} forwards[] = {
	{ "anna@example.org", "SRS0=TE37C=RA=example.org=anna@us.example", SRS_OK, NULL },
	{ "Anna@Example.ORG", "SRS0=TE37C=RA=Example.ORG=Anna@us.example", SRS_OK, NULL },
	{ "SRS0=HHHH=TT=example.org=anna@first.example",
	  "SRS1=FIRST=first.example==HHHH=TT=example.org=anna@us.example", SRS_OK, NULL },
	{ "SRS0+HHHH=TT=example.org=anna@first.example",
	  "SRS1=FIRST=first.example=+HHHH=TT=example.org=anna@us.example", SRS_OK, NULL },
	{ "SRS1=XXXX=first.example==HHHH=TT=example.org=anna@second.example",
	  "SRS1=FIRST=first.example==HHHH=TT=example.org=anna@us.example", SRS_OK,
	  "SRS0=HHHH=TT=example.org=anna@first.example" },
	{ "srs0-hh=tt=x=y@f", "SRS1=FIRST=f=-hh=tt=x=y@us.example", SRS_OK,
	  "SRS0-hh=tt=x=y@f" },
	/* of the scheme at first sight only */
	{ "SRS1=XX=first@second", "SRS0=FIRST=RA=second=SRS1=XX=first@us.example", SRS_OK,
	  NULL },
	{ "SRS1=XX==HH@s", "SRS0=FIRST=RA=s=SRS1=XX==HH@us.example", SRS_OK, NULL },
	{ "SRS1=XX=-bad==HH@s", "SRS0=FIRST=RA=s=SRS1=XX=-bad==HH@us.example", SRS_OK,
	  NULL },
	{ "SRS2=a@s", "SRS0=FIRST=RA=s=SRS2=a@us.example", SRS_OK, NULL },
	{ "SRS0@s", "SRS0=FIRST=RA=s=SRS0@us.example", SRS_OK, NULL },
	/* an = of its own, punctuation where two parts meet */
	{ "b=c=d@s", "SRS0=FIRST=RA=s=b=c=d@us.example", SRS_OK, NULL },
	{ "-b-@s", "SRS0=FIRST=RA=s=-b-@us.example", SRS_OK, NULL },
	{ "=@_s_", "SRS0=FIRST=RA=_s_==@us.example", SRS_OK, NULL },
	/* kept as they are */
	{ "", "", SRS_NULL, NULL },
	{ "SRS0=HHHHH=TT=example.org=anna@US.example", "", SRS_OURS, NULL },
	{ "SRS1=HHHHH=f==HH=TT=example.org=anna@us.example", "", SRS_OURS, NULL },
	{ "anna@us.example", "SRS0=FIRST=RA=us.example=anna@us.example", SRS_OK, NULL },
	{ A40 "aaaaaaa@s", "SRS0=FIRST=RA=s=" A40 "aaaaaaa@us.example", SRS_OK, NULL },
	{ A40 "aaaaaaaa@s", "SRS0=FIRST=RA=s=" A40 "aaaaaaaa@us.example", SRS_OK, NULL },
	{ A40 "aaaaaaaaa@s", "", SRS_LONG, NULL },
	{ A60 "@s", "", SRS_LONG, NULL },
	{ "a@" A60 ".d", "", SRS_LONG, NULL },
	{ A60 "@" A60 "." A60 "." A60 ".a", "", SRS_LONG, NULL },
	{ "SRS0=HHHH=TT=example.org=anna@" A60, "", SRS_LONG, NULL },
};

/* The same but for the digits of the hash, where the row leaves them open. */
static bool fits(const char *got, const char *want)
{
	if (strlen(got) != strlen(want))
		return false;
	for (size_t i = 0; got[i]; i++)
		if (got[i] != want[i] && !(i >= 5 && i < 10 && strstr(want, "=FIRST=")))
			return false;
	return true;
}

START_TEST(forward)
{
	struct address a = address(forwards[_i].sender);
	const char *back = forwards[_i].back ? forwards[_i].back : forwards[_i].sender;
	char out[LIMIT_ADDRESS + 1], again[LIMIT_ADDRESS + 1];
	enum srs_result r = srs_forward(&both, NOW, &a, us, out);

	ck_assert_msg(r == forwards[_i].result, "%s: %s", forwards[_i].sender,
		      srs_text(r));
	ck_assert_msg(fits(out, forwards[_i].want), "%s", out);
	if (r != SRS_OK)
		return;
	ck_assert_int_eq(srs_reverse(&both, NOW, local_of(out), LIMIT_SRS_DAYS, again),
			 SRS_OK);
	ck_assert_str_eq(again, back);
}
END_TEST

static const struct {
	const char *local;
	enum srs_result want;
} reverses[] = {
	{ "SRS0=TE37C=RA=example.org=anna", SRS_OK },
	{ "srs0=te37c=ra=example.org=anna", SRS_OK },
	{ "Srs0=tE37c=Ra=exAMple.org=aNna", SRS_OK },
	{ "SRS1=OD7FB=first.example==HHHH=TT=example.org=anna", SRS_OK },
	{ "srs1=od7fb=first.example==hhhh=tt=example.org=anna", SRS_OK },
	{ "anna", SRS_NONE },
	{ "", SRS_NONE },
	{ "SRS", SRS_NONE },
	{ "SRS0", SRS_NONE },
	{ "SRS0.TE37C", SRS_NONE },
	{ "SRS2=TE37C=RA=example.org=anna", SRS_NONE },
	{ "SRS0+TE37C=RA=example.org=anna", SRS_MALFORMED },
	{ "SRS0-TE37C=RA=example.org=anna", SRS_MALFORMED },
	{ "SRS0=", SRS_MALFORMED },
	{ "SRS0=TE37C", SRS_MALFORMED },
	{ "SRS0=TE37C=", SRS_MALFORMED },
	{ "SRS0=TE37C=RA", SRS_MALFORMED },
	{ "SRS0=TE37C=RA=example.org", SRS_MALFORMED },
	{ "SRS0=TE37C=RA=example.org=", SRS_MALFORMED },
	{ "SRS0=TE37C=RA==anna", SRS_MALFORMED },
	{ "SRS0=TE37C=R=example.org=anna", SRS_MALFORMED },
	{ "SRS0=TE37C=RAA=example.org=anna", SRS_MALFORMED },
	{ "SRS0=TE37C=R1=example.org=anna", SRS_MALFORMED },
	{ "SRS0=TE37=RA=example.org=anna", SRS_MALFORMED },
	{ "SRS0=TE37CA=RA=example.org=anna", SRS_MALFORMED },
	{ "SRS0=TE37C=RA=example..org=anna", SRS_MALFORMED },
	{ "SRS0=TE37C=RA=example.org=an..na", SRS_MALFORMED },
	{ "SRS1=OD7FB=first.example=HHHH=TT=example.org=anna", SRS_MALFORMED },
	{ "SRS1=OD7FB==", SRS_MALFORMED },
	{ "SRS1=OD7FB", SRS_MALFORMED },
	{ "SRS0=TE37D=RA=example.org=anna", SRS_FORGED },
	{ "SRS0=TE37C=RB=example.org=anna", SRS_FORGED },
	{ "SRS0=TE37C=RA=example.com=anna", SRS_FORGED },
	{ "SRS0=TE37C=RA=example.org=anne", SRS_FORGED },
	{ "SRS1=TE37C=RA=example.org==anna", SRS_MALFORMED },
	{ "SRS1=TE37C=RA==example.org=anna", SRS_FORGED },
	{ "SRS0=TE37C=RA=example.org=" A40, SRS_MALFORMED }, /* 65 octets and more */
};

START_TEST(reverse)
{
	char out[LIMIT_ADDRESS + 1] = "x";
	enum srs_result r = srs_reverse(&both, NOW, str_z(reverses[_i].local), 21, out);

	ck_assert_msg(r == reverses[_i].want, "%s: %s", reverses[_i].local, srs_text(r));
	ck_assert_int_eq(out[0] != '\0', r == SRS_OK);
}
END_TEST

START_TEST(secrets)
{
	const struct str blank[] = { STR_INIT(""), STR_INIT("secret") };
	const struct srs_secrets empty = { blank, 2 }, only_empty = { blank, 1 };
	struct address a = address("anna@example.org");
	char out[LIMIT_ADDRESS + 1], again[LIMIT_ADDRESS + 1], forged[LIMIT_ADDRESS + 1];

	ck_assert_int_eq(srs_forward(&none, NOW, &a, us, out), SRS_NO_SECRET);
	ck_assert_int_eq(srs_forward(&empty, NOW, &a, us, out), SRS_NO_SECRET);
	ck_assert_int_eq(srs_forward(&old, NOW, &a, us, out), SRS_OK);
	ck_assert_int_eq(srs_reverse(&both, NOW, local_of(out), 21, again), SRS_OK);
	ck_assert_int_eq(srs_reverse(&one, NOW, local_of(out), 21, again), SRS_FORGED);
	ck_assert_int_eq(srs_reverse(&none, NOW, local_of(out), 21, again), SRS_FORGED);
	/* the key of nothing is everybody's */
	memcpy(forged, "SRS0=HHHHH=RA=example.org=anna", 31);
	sign((struct str){ "", 0 }, '0', STR("RA=example.org=anna"), forged + 5);
	ck_assert_int_eq(srs_reverse(&only_empty, NOW, str_z(forged), 21, again),
			 SRS_FORGED);
	ck_assert_int_eq(srs_reverse(&empty, NOW, STR("SRS0=TE37C=RA=example.org=anna"),
				     21, again),
			 SRS_OK);
}
END_TEST

/* Days on the clock of who verifies, less those of who signed. */
START_TEST(ages)
{
	struct address a = address("anna@example.org");
	char out[LIMIT_ADDRESS + 1], again[LIMIT_ADDRESS + 1];

	for (int64_t at = 0; at < 1030; at += 103) { /* across the end of the count */
		ck_assert_int_eq(srs_forward(&one, NOW + at * DAY, &a, us, out), SRS_OK);
		for (int64_t age = -500; age < 500; age++) {
			bool fresh = age >= -1 && age <= 21;

			must(srs_reverse(&one, NOW + (at + age) * DAY, local_of(out), 21,
					 again) == (fresh ? SRS_OK : SRS_EXPIRED),
			     "21 days");
		}
		ck_assert_int_eq(srs_reverse(&one, NOW + at * DAY, local_of(out), 0,
					     again),
				 SRS_OK);
		ck_assert_int_eq(srs_reverse(&one, NOW + (at + 1) * DAY, local_of(out), 0,
					     again),
				 SRS_EXPIRED);
	}
	ck_assert_int_eq(srs_forward(&one, INT64_MIN, &a, us, out), SRS_OK);
	ck_assert_int_eq(srs_reverse(&one, 0, local_of(out), 0, again), SRS_OK);
	ck_assert_int_eq(srs_forward(&one, INT64_MAX, &a, us, out), SRS_OK);
	ck_assert_int_eq(srs_reverse(&one, INT64_MAX, local_of(out), 0, again), SRS_OK);
}
END_TEST

START_TEST(bad_domain)
{
	struct address a = address("anna@example.org");
	char out[LIMIT_ADDRESS + 1] = "x";

	ck_assert_int_eq(srs_forward(&one, NOW, &a, STR("not a domain"), out), SRS_UNFIT);
	ck_assert_str_eq(out, "");
	ck_assert_int_eq(srs_forward(&one, NOW, &a, STR(""), out), SRS_UNFIT);
	ck_assert_int_eq(srs_forward(&one, NOW, &a, STR(A60 "." A60 "." A60 "." A40 "a"),
				     out),
			 SRS_LONG);
}
END_TEST

/* --- properties --- */

static const char bytes[] = "abcxyzABCXYZ0129.-_=+!#%&*/?^`{|}~\xa0\xff";

static size_t word(char *dst, const char *set, size_t n_set, size_t most)
{
	size_t n = 1 + rnd((unsigned)most);

	for (size_t i = 0; i < n; i++)
		dst[i] = set[rnd((unsigned)n_set)];
	return n;
}

/* A valid sender, now and then rewritten by another host. */
static struct address random_sender(char dst[LIMIT_ADDRESS + 1])
{
	static const char *const heads[] = { "SRS0=", "SRS0+", "SRS1=ab=", "SRS1=x=h==" };
	struct address a;
	size_t n;

	do {
		n = 0;
		if (rnd(4) == 0)
			n = str_copy(dst, 20, str_z(heads[rnd(4)]));
		n += word(dst + n, bytes, sizeof(bytes) - 1, rnd(8) ? 16 : 60);
		dst[n++] = '@';
		n += word(dst + n, bytes, 18, rnd(8) ? 16 : 80);
		dst[n] = '\0';
	} while (address_parse((struct str){ dst, n }, &a) != ADDRESS_OK);
	return a;
}

/* What comes back: an SRS1 sender is not, its SRS0 is. */
static void check_back(const struct address *a, const char *back)
{
	struct str local = a->local, hash;
	struct text t = { .n = 0 };

	if (take_kind(&local) == '1' &&
	    str_split(&(struct str){ local.p + 1, local.n - 1 }, '=', &hash) &&
	    unwrap('1', str_skip(local, 2 + hash.n), &t) && t.n &&
	    address_parse(text_str(&t), NULL) == ADDRESS_OK)
		must(str_eq(text_str(&t), str_z(back)), back);
	else
		must(str_eq(a->full, str_z(back)), back);
}

START_TEST(there_and_back)
{
	unsigned rewritten = 0, kept = 0;

	for (int i = 0; i < 20000; i++) {
		char text[LIMIT_ADDRESS + 1], out[LIMIT_ADDRESS + 1],
			back[LIMIT_ADDRESS + 1];
		char low[LIMIT_ADDRESS + 1], lower_back[LIMIT_ADDRESS + 1] = "";
		struct address a = random_sender(text);
		enum srs_result r = srs_forward(&both, NOW, &a, us, out);
		struct str local;

		must(r == SRS_OK || r == SRS_LONG, "rewritten or too long");
		kept += r == SRS_LONG;
		if (r == SRS_LONG)
			continue;
		rewritten++;
		local = local_of(out);
		must(local.n <= LIMIT_LOCAL_PART && strlen(out) <= LIMIT_ADDRESS, out);
		must(srs_reverse(&both, NOW, local, 21, back) == SRS_OK, out);
		check_back(&a, back);
		/* all in lower case: the same, in lower case but for "SRS0" */
		str_lower(low, local);
		must(srs_reverse(&both, NOW, (struct str){ low, local.n }, 21,
				 lower_back) == SRS_OK,
		     low);
		must(str_ieq(str_z(back), str_z(lower_back)), lower_back);
	}
	ck_assert_uint_gt(rewritten, 5000);
	ck_assert_uint_gt(kept, 500);
}
END_TEST

/* Every other byte in every place is refused; but for the case of a letter. */
static void flip_all(const char *sender)
{
	struct address a = address(sender);
	char out[LIMIT_ADDRESS + 1], back[LIMIT_ADDRESS + 1], got[LIMIT_ADDRESS + 1];
	struct str local;

	must(srs_forward(&both, NOW, &a, us, out) == SRS_OK, sender);
	local = local_of(out);
	must(srs_reverse(&both, NOW, local, 1022, back) == SRS_OK, out);
	for (size_t i = 0; i < local.n; i++) {
		char *at = out + i, was = *at;

		for (int c = 0; c < 256; c++) {
			bool same = str_ieq((struct str){ &was, 1 },
					    (struct str){ &(char){ (char)c }, 1 });

			*at = (char)c;
			if (srs_reverse(&both, NOW, local, 1022, got) == SRS_OK)
				must(same && str_ieq(str_z(got), str_z(back)), out);
			else
				must(!same, out);
		}
		*at = was;
	}
	for (size_t n = 0; n < local.n; n++) /* nor may anything be missing */
		must(srs_reverse(&both, NOW, (struct str){ out, n }, 1022, got) != SRS_OK,
		     out);
}

START_TEST(flips)
{
	flip_all("anna@example.org");
	flip_all("B=c.d@x-y.example");
	flip_all("SRS0=HHHH=TT=example.org=anna@first.example");
	flip_all("SRS1=XXXX=first.example=-HHHH=TT=example.org=anna@second.example");
}
END_TEST

START_TEST(words)
{
	for (int r = 0; r < SRS_RESULTS; r++)
		ck_assert(srs_text((enum srs_result)r)[0] != '\0');
	ck_assert_str_eq(srs_text((enum srs_result)SRS_RESULTS), "unknown");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("srs");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	printf("srs: seed %llu\n", (unsigned long long)property_seed);
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, forward, 0, (int)ARRAY_LEN(forwards));
	tcase_add_loop_test(t, reverse, 0, (int)ARRAY_LEN(reverses));
	tcase_add_test(t, secrets);
	tcase_add_test(t, ages);
	tcase_add_test(t, bad_domain);
	tcase_add_test(t, there_and_back);
	tcase_add_test(t, flips);
	tcase_add_test(t, words);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
