/* senders: who brings mail, how much of it, and how each comes again when it is put off: all
 * parameters of the simulator, in tables, each with its source (docs/simulation.md has them in
 * full). "assumption": nobody was found who measured it.
 * Pure. Not here: how mail is made of it (world.c). */
#ifndef PB_SIM_SENDERS_H
#define PB_SIM_SENDERS_H

#include "test/sim/mail.h"

/* --- when a mail that was put off comes again --- */

enum schedule {
	SCHEDULE_NEVER,
	SCHEDULE_KELIHOS,
	SCHEDULE_EXIM,
	SCHEDULE_POSTFIX,
	SCHEDULE_EXCHANGE,
	SCHEDULE_SENDMAIL,
	SCHEDULE_QMAIL,
	SCHEDULE_GMAIL,
	SCHEDULE_YAHOO,
	SCHEDULE_HOTMAIL,
	SCHEDULE_QQ,
	SCHEDULE_MAIL_RU,
	SCHEDULE_YANDEX,
	SCHEDULE_GMX,
	SCHEDULE_AOL,
	SCHEDULES,
	SCHEDULE_OF_UNIT, /* as the unit's server has it */
};

/* How long behind the first try the try number n (1: the first retry) comes, in ms; -1: not any
 * more. luck: 0 to 1. */
int64_t retry_after_ms(enum schedule s, unsigned n, double luck);

/* --- where senders stand --- */

enum population {
	POP_BOT, /* /24 networks with infected machines */
	POP_HOSTING, /* /24 networks of web servers, some broken into; organisations stand there, too */
	POP_SNOWSHOE,
	POP_ORG, /* organisations with a server of their own */
	POP_SHOP,
	POP_LIST,
	POP_ISP,
	POP_ESP, /* who sends newsletters for others */
	POP_SOCIAL,
	POP_BIG, /* providers of mailboxes for everybody: rows of big_providers */
	POPULATIONS,
};

struct population_rule {
	const char *name;
	uint32_t units; /* in the world */
	double sigma;	/* of the lognormal distribution of how much a unit sends */
	unsigned turn_days; /* a unit sends so much for so long, then another in its place; 0: ever */
	unsigned networks; /* /24 of a unit */
	unsigned hosts;	   /* servers of a unit, over its networks */
	bool pool; /* a retry comes from any of them; else from the one that tried first */
	bool by_mailbox; /* where a part of the world is simulated: a part of the mailboxes, all
			    units; else a part of the units, all mailboxes */
	double shipped; /* share of units on postgrey's list of clients */
	const char *source;
};
extern const struct population_rule populations[POPULATIONS];
/* Shares of organisations whose server stands in a network with web servers of others, and in one
 * of an access provider with infected machines. Assumption; that blocking a /24 for its bots hits
 * many honest servers: Wilcox, Papadopoulos, Heidemann 2010. */
#define ORGS_AT_HOSTING 0.40
#define ORGS_BESIDE_BOTS 0.03
#define BOTS_OF_NETWORK 5 /* on average */
/* Of the access providers so many have a phished account that sends, at a time; so long until they
 * notice. Assumption. The big ones always have some. */
#define PHISHED_PROVIDERS 0.05
#define PHISHED_DAYS 7
/* Whose domains forged senders name: bots take them from the lists of those they send to (Kreibich and
 * others 2009: 630 million addresses), so the large providers' most, and anybody's. The shares, and
 * how many domains there are on such lists, are assumptions; the latter is an option of mailworld. */
#define FORGED_BIG 0.30
#define FORGED_ISP 0.10
#define FORGED_DOMAINS 1000000 /* the rest; those of all organisations are among them */
#define FORGED_SIGMA 1.5

struct big_provider {
	const char *domain;
	double share;
	unsigned networks, hosts;
	bool pool, shipped;
	enum schedule schedule;
};
#define BIG_PROVIDERS 8
#define BIG_NETWORKS 32 /* none has more */
extern const struct big_provider big_providers[BIG_PROVIDERS];

/* The server of this unit: its networks and hosts are those of big_providers, else of populations. */
unsigned unit_hosts(enum population p, uint32_t unit);
unsigned unit_networks(enum population p, uint32_t unit);
bool unit_is_pool(enum population p, uint32_t unit);
bool unit_is_shipped(enum population p, uint32_t unit);
enum schedule unit_schedule(enum population p, uint32_t unit);

/* --- what they send --- */

enum form { /* of sender addresses */
	    FORM_PERSON,
	    FORM_FIXED,	      /* one address of a programme */
	    FORM_VERP_NUMBER, /* list-return-NUMBER-user=domain@list */
	    FORM_VERP_HEX,    /* another one each mail, in hexadecimal digits */
	    FORM_NULL,
	    FORM_BORROWED, /* of a person who has his mailbox at a big provider, and sends elsewhere */
	    FORM_FORGED,      /* at a domain of anybody */
	    FORM_OWN_DOMAINS, /* of a spammer, some at a time */
};

/* The mixes of spam: of the years of the bot-nets, and of today. */
enum mix { MIX_BOTNETS, MIX_TODAY, MIXES };

struct kind {
	const char *name;
	bool spam;
	double share[MIXES]; /* of all honest mail, or of all spam */
	enum population from;
	enum form form;
	enum schedule schedule;
	unsigned slots;	    /* so many writers a mailbox has; 0: a new one each mail */
	unsigned turn_days; /* each is replaced after so long */
	unsigned mutual;    /* of 100, those a user of ours writes to as well */
	double unknown;	    /* share for addresses that there are not */
	double burst;	    /* mails of one session, on average */
	double early;	    /* share of sessions that talk before the greeting */
	double errors; /* share of sessions with a command that no mail server sends */
	const char *source;
};

enum {
	KIND_BOT, /* what it is, its family says: one of the following two */
	KIND_BOT_RETRIES,
	KIND_WEB_SERVER,
	KIND_HARVESTER,
	KIND_SNOWSHOE,
	KIND_PHISHED_ISP,
	KIND_PHISHED_BIG,
	KIND_NEWSLETTER,
	KIND_NEWSLETTER_HEX,
	KIND_SOCIAL,
	KIND_LIST,
	KIND_SHOP,
	KIND_PERSON_BIG,
	KIND_PERSON_ORG,
	KIND_PERSON_RARE,
	KIND_PERSON_ISP,
	KIND_PERSON_BORROWED,
	KIND_REPLY,
	KIND_BOUNCE,
	KIND_MONITOR,
	KINDS,
};
extern const struct kind kinds[KINDS];

/* --- how much --- */

struct traffic {
	const char *name;
	double honest_per_day; /* of one mailbox */
	double spam_share;     /* of all first tries */
};
extern const struct traffic traffic_of[MIXES];
#define LETTERS_PER_DAY 0.5 /* that a user writes to a mutual correspondent; assumption */

#endif
