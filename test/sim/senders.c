#include "test/sim/senders.h"

#include "test/sim/rng.h"

/* --- retries --- */

#define STEPS 16
#define GIVE_UP (5 * 1440) /* RFC 5321 4.5.4.1: 4 to 5 days */
/* DSN 2016: Pagani and others, "Measuring the role of greylisting and nolisting in fighting spam";
 * its table of tries at a threshold of 6 hours, in whole minutes. */

static const struct {
	double step[STEPS]; /* minutes behind the first try */
	double every;	    /* from the last step on; 0: gives up there */
	double until;	    /* gives up */
	double spread;	    /* a try comes up to so much later: a queue is run at times */
} schedules[SCHEDULES] = {
	[SCHEDULE_NEVER] = { { 0 }, 0, 0, 0 },
	/* DSN 2016: peaks at 300-600 s, about 5000 s, 80,000-90,000 s */
	[SCHEDULE_KELIHOS] = { { 5, 83, 1333 }, 0, 1600, 5 },
	/* its default configuration: F,2h,15m; G,16h,1h,1.5; F,4d,6h */
	[SCHEDULE_EXIM] = { { 15, 30, 45, 60, 75, 90, 105, 120, 180, 270, 405, 608, 911, 1271 }, 360, 4 * 1440, 5 },
	/* postconf(5): minimal_backoff_time 300 s, doubled up to 4000 s; queue_run_delay 300 s */
	[SCHEDULE_POSTFIX] = { { 5, 15, 35, 75, 142, 208, 275, 342 }, 67, GIVE_UP, 5 },
	/* Exchange 2010: six retries five minutes apart, then MessageRetryInterval 15 min */
	[SCHEDULE_EXCHANGE] = { { 5, 10, 15, 20, 25, 30 }, 15, 2 * 1440, 1 },
	/* its queue runner, as distributions start it: -q30m to -q1h */
	[SCHEDULE_SENDMAIL] = { { 30, 60 }, 30, GIVE_UP, 10 },
	/* qmail-send: 400 s times the square of the number of the try */
	[SCHEDULE_QMAIL] = { { 7, 27, 60, 107, 167, 240, 327, 427, 540, 667, 807, 960, 1127 }, 400, GIVE_UP, 1 },
	/* DSN 2016, each */
	[SCHEDULE_GMAIL] = { { 6, 29, 57, 99, 162, 230, 309, 435 }, 150, 2 * 1440, 1 },
	[SCHEDULE_YAHOO] = { { 2, 6, 13, 27, 55, 110, 217, 431 }, 430, GIVE_UP, 0.5 },
	[SCHEDULE_HOTMAIL] = { { 1, 2, 3, 5, 8, 12, 16 }, 4, 2 * 1440, 0.2 },
	[SCHEDULE_QQ] = { { 5, 5.2, 5.3, 6.3, 8.4, 12.4, 20.5, 52.5, 84.6, 144.7, 205 }, 0, 206, 0.1 },
	[SCHEDULE_MAIL_RU] = { { 1.3, 19, 49, 80, 113, 154, 188, 235, 271, 306, 341, 374 }, 33, 2 * 1440, 1 },
	[SCHEDULE_YANDEX] = { { 1, 3, 7, 15, 30.5, 45.7, 61 }, 15.5, 2 * 1440, 0.5 },
	[SCHEDULE_GMX] = { { 5, 12.6, 23.9, 41, 66.5, 105, 162, 248, 377 }, 190, GIVE_UP, 0.2 },
	[SCHEDULE_AOL] = { { 5.5, 11.5, 21.5, 31.5 }, 0, 32, 0.2 },
};

int64_t retry_after_ms(enum schedule s, unsigned n, double luck)
{
	unsigned steps = 0;
	double at;

	while (steps < STEPS && schedules[s].step[steps] > 0)
		steps++;
	if (steps == 0 || (n > steps && schedules[s].every <= 0))
		return -1;
	at = n <= steps ? schedules[s].step[n - 1] :
			  schedules[s].step[steps - 1] + (n - steps) * schedules[s].every;
	if (at > schedules[s].until)
		return -1;
	return (int64_t)((at + luck * schedules[s].spread) * (double)MINUTE);
}

/* --- where --- */

const struct population_rule populations[POPULATIONS] = {
	[POP_BOT] = { "bots", 1000000, 1.53, 30, 1, 1, false, false, 0,
		      "5 million bots (Symantec 2009, 2010); a tenth of bad /24 sends most of the "
		      "spam (Moura 2011), here 60 %; 5 bots a /24, a month: assumption" },
	[POP_HOSTING] = { "hosting", 200000, 1.5, 30, 1, 200, false, false, 0, "assumption" },
	[POP_SNOWSHOE] = { "snowshoe", 4000, 1, 0, 1, 200, false, false, 0,
			   "many addresses, few mails each (Cisco 2014); how many /24: assumption" },
	[POP_ORG] = { "organisations", 200000, 1.5, 0, 1, 1, false, false, 0, "assumption" },
	[POP_SHOP] = { "shops", 20000, 1.5, 0, 1, 2, false, false, 0.05, "assumption" },
	[POP_LIST] = { "list hosts", 2000, 1.5, 0, 1, 1, false, true, 0.05, "assumption" },
	[POP_ISP] = { "access providers", 2000, 1.5, 0, 2, 8, false, true, 0.1, "assumption" },
	[POP_ESP] = { "newsletter services", 200, 1.5, 0, 4, 64, false, true, 0.3,
		      "postgrey's list has about a third of the well-known ones" },
	[POP_SOCIAL] = { "social networks", 20, 1.5, 0, 4, 64, false, true, 0.5,
			 "postgrey's list has Facebook, Twitter, GitHub" },
	[POP_BIG] = { "mailbox providers", BIG_PROVIDERS, 0, 0, 0, 0, false, true, 0, "DSN 2016" },
};

/* Pools: DSN 2016 has who came from how many addresses in 5 to 94 tries: Gmail 7 of 9, mail.ru 7 of
 * 13, GMX 3 of 10, qq 2 of 12, the others 1. How many there are in all, over how many /24: an
 * assumption from their published SPF ranges. Shares: assumption. */
const struct big_provider big_providers[BIG_PROVIDERS] = {
	{ "gmail.test", 0.35, 16, 256, true, true, SCHEDULE_GMAIL },
	{ "yahoo.test", 0.15, 12, 256, false, true, SCHEDULE_YAHOO },
	{ "hotmail.test", 0.18, 24, 256, false, true, SCHEDULE_HOTMAIL },
	{ "gmx.test", 0.10, 3, 18, true, false, SCHEDULE_GMX },
	{ "aol.test", 0.07, 4, 32, false, false, SCHEDULE_AOL },
	{ "mail-ru.test", 0.06, 3, 48, true, false, SCHEDULE_MAIL_RU },
	{ "yandex.test", 0.06, 4, 48, false, false, SCHEDULE_YANDEX },
	{ "qq.test", 0.03, 1, 4, true, false, SCHEDULE_QQ },
};

unsigned unit_hosts(enum population p, uint32_t unit)
{
	return p == POP_BIG ? big_providers[unit].hosts : populations[p].hosts;
}

unsigned unit_networks(enum population p, uint32_t unit)
{
	return p == POP_BIG ? big_providers[unit].networks : populations[p].networks;
}

bool unit_is_pool(enum population p, uint32_t unit)
{
	return p == POP_BIG ? big_providers[unit].pool : populations[p].pool;
}

bool unit_is_shipped(enum population p, uint32_t unit)
{
	return p == POP_BIG ? big_providers[unit].shipped :
			      unit_of(mix(0x51ed + p, unit)) < populations[p].shipped;
}

/* SecuritySpace's surveys of mail servers (2010 to 2020) count Exim, then Postfix, as by far the most,
 * then Sendmail and Microsoft's; in round numbers. */
static const struct {
	double share;
	enum schedule schedule;
} servers[] = {
	{ 0.50, SCHEDULE_EXIM },     { 0.33, SCHEDULE_POSTFIX },
	{ 0.10, SCHEDULE_EXCHANGE }, { 0.05, SCHEDULE_SENDMAIL },
	{ 0.02, SCHEDULE_QMAIL },
};

enum schedule unit_schedule(enum population p, uint32_t unit)
{
	double u = unit_of(mix(0x3a7 + p, unit));

	if (p == POP_BIG)
		return big_providers[unit].schedule;
	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		if (u < servers[i].share)
			return servers[i].schedule;
		u -= servers[i].share;
	}
	return SCHEDULE_POSTFIX;
}

/* --- what --- */

/* MAAWG, "Email Metrics Program", first report (4th quarter of 2005, 100 million mailboxes): 500
 * dropped connections a mailbox are 1.5 for each mail that was delivered unaltered: 333 a quarter.
 * Spam: Symantec, MessageLabs Intelligence 2010: 89.1 % of all mail. Today: Kaspersky, Cisco and
 * others have had 45 to 50 % for years. */
const struct traffic traffic_of[MIXES] = {
	[MIX_BOTNETS] = { "botnets", 3.7, 0.891 },
	[MIX_TODAY] = { "today", 3.7, 0.46 },
};

#define NEVER SCHEDULE_NEVER
#define UNIT SCHEDULE_OF_UNIT
/* "1/3 of all the new hosts is a pre-greeter" at his server (Venema, on the list postfix-users, June
 * 2009). New hosts are bots for the most part; he does not tell which, so all of them alike. */
#define EARLY 0.33
/* clang-format off */
const struct kind kinds[KINDS] = {
	/* name, spam, { shares }, from, form, schedule, slots, turn, mutual, unknown, burst, early, errors */
	/* Spam of bots: 88.2 % of spam (Symantec 2010). Of its families DSN 2016 has Cutwail 46.9 %, Kelihos
	 * 36.3 %, Darkmailer (scripts on web servers) 9.8 %, in 93 % that it knows. */
	[KIND_BOT] = { "bots that never retry", true, { 0.444, 0.15 }, POP_BOT, FORM_FORGED, NEVER,
		0, 0, 0, 0.30, 2, EARLY, 0.05, "DSN 2016; unknown, burst, errors: assumption" },
	[KIND_BOT_RETRIES] = { "bots that retry", true, { 0.344, 0.11 }, POP_BOT, FORM_FORGED,
		SCHEDULE_KELIHOS, 0, 0, 0, 0.30, 2, EARLY, 0.05, "as above" },
	[KIND_WEB_SERVER] = { "scripts on web servers", true, { 0.092, 0.14 }, POP_HOSTING, FORM_FORGED,
		NEVER, 0, 0, 0, 0.30, 4, 0, 0.05, "DSN 2016 (Darkmailer)" },
	/* What is not of bots is from "compromised mail servers and Web-based services" for the most part
	 * (MessageLabs, June 2009); snowshoe 7 % in 2013, 15 % in 2014 (Cisco). */
	[KIND_HARVESTER] = { "dictionary harvesters", true, { 0.01, 0.01 }, POP_BOT, FORM_FORGED, NEVER,
		0, 0, 0, 0.97, 60, EARLY, 0.05, "assumption" },
	[KIND_SNOWSHOE] = { "snowshoe", true, { 0.07, 0.40 }, POP_SNOWSHOE, FORM_OWN_DOMAINS,
		SCHEDULE_POSTFIX, 0, 0, 0, 0.15, 1, 0, 0, "Cisco 2014; unknown: assumption" },
	[KIND_PHISHED_ISP] = { "phished, at a provider", true, { 0.038, 0.18 }, POP_ISP, FORM_PERSON, UNIT,
		0, 0, 0, 0.30, 3, 0, 0, "the rest" },
	/* so that of what comes from the big ones a quarter is spam */
	[KIND_PHISHED_BIG] = { "phished, at a big one", true, { 0.002, 0.01 }, POP_BIG, FORM_PERSON, UNIT,
		0, 0, 0, 0.30, 3, 0, 0, "assumption" },
	/* Microsoft, "Hotmail declares war on graymail" (2011): over half newsletters and deals, 17 % social
	 * updates, 14 % of persons, 9 % groups, 6 % shops. */
	[KIND_NEWSLETTER] = { "newsletters", false, { 0.25, 0.25 }, POP_ESP, FORM_VERP_NUMBER,
		SCHEDULE_POSTFIX, 15, 180, 0, 0.005, 1, 0, 0, "Microsoft 2011; writers: assumption" },
	[KIND_NEWSLETTER_HEX] = { "newsletters, new sender each", false, { 0.25, 0.25 }, POP_ESP,
		FORM_VERP_HEX, SCHEDULE_POSTFIX, 15, 180, 0, 0.005, 1, 0, 0, "Microsoft 2011" },
	[KIND_SOCIAL] = { "social networks", false, { 0.17, 0.17 }, POP_SOCIAL, FORM_VERP_HEX,
		SCHEDULE_POSTFIX, 4, 365, 0, 0.005, 1, 0, 0, "Microsoft 2011" },
	[KIND_LIST] = { "mailing lists", false, { 0.09, 0.09 }, POP_LIST, FORM_VERP_NUMBER, UNIT,
		4, 365, 0, 0.002, 1, 0, 0, "Microsoft 2011" },
	[KIND_SHOP] = { "shops, receipts", false, { 0.06, 0.06 }, POP_SHOP, FORM_FIXED, UNIT,
		20, 90, 0, 0.01, 1, 0, 0, "Microsoft 2011" },
	[KIND_PERSON_BIG] = { "persons, big providers", false, { 0.05, 0.05 }, POP_BIG, FORM_PERSON, UNIT,
		20, 180, 60, 0.01, 1, 0, 0, "Microsoft 2011; split, mutual: assumption" },
	[KIND_PERSON_ORG] = { "persons, own server", false, { 0.04, 0.04 }, POP_ORG, FORM_PERSON, UNIT,
		20, 180, 60, 0.01, 1, 0, 0, "as above" },
	[KIND_PERSON_RARE] = { "strangers, own server", false, { 0.015, 0.015 }, POP_ORG, FORM_PERSON, UNIT,
		0, 0, 0, 0.02, 1, 0, 0, "as above" },
	[KIND_PERSON_ISP] = { "persons, providers", false, { 0.010, 0.010 }, POP_ISP, FORM_PERSON, UNIT,
		20, 180, 60, 0.01, 1, 0, 0, "as above" },
	[KIND_PERSON_BORROWED] = { "persons, borrowed domain", false, { 0.005, 0.005 }, POP_ISP,
		FORM_BORROWED, UNIT, 20, 180, 60, 0.01, 1, 0, 0, "as above" },
	[KIND_REPLY] = { "first replies to us", false, { 0.02, 0.02 }, POP_ORG, FORM_PERSON, UNIT,
		0, 0, 100, 0, 1, 0, 0, "as above" },
	[KIND_BOUNCE] = { "bounces", false, { 0.01, 0.01 }, POP_ORG, FORM_NULL, UNIT,
		0, 0, 0, 0, 1, 0, 0, "assumption" },
	[KIND_MONITOR] = { "monitoring", false, { 0.03, 0.03 }, POP_ORG, FORM_FIXED, UNIT,
		1, 365, 0, 0, 1, 0, 0, "assumption" },
};
/* clang-format on */
