/* transaction: one mail, from MAIL FROM to the answer to its end, over one or several legs.
 *
 *   recipient (what the client asked for)  1..n --> delivery (address at a box) --> leg
 *
 * A delivery stands once however many recipients lead to it. Parts:
 *   recipient.c    RCPT: targets, verdicts
 *   delivery.c     deliveries and the legs they share
 *   auto_reply.c   accounts that answer mail by themselves
 *   transaction.c  birth and death, legs that are lost, DATA
 *   fanout.c       the body through all legs at one pace, and the barrier
 *   settle.c       verdicts, the delivered ledger, the answer
 * The owner is an SMTP session. Events come from the loop, never from inside a call.
 * Memory: owns its arena, deliveries and legs; transaction_free lets all legs go.
 * Not here: the client's dialogue (smtp_server.h), wording of outcomes (outcome.h). */
#ifndef PB_SESSION_TRANSACTION_H
#define PB_SESSION_TRANSACTION_H

#include <uthash.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/session/leg.h"
#include "lib/session/mail_policy.h"
#include "lib/session/outcome.h"
#include "lib/wire/data.h"
#include "lib/wire/header.h"
#include "lib/wire/smtp_line.h"

struct transaction;

struct transaction_events {
	void (*answers)(void *owner); /* transaction_answer has more */
	void (*go)(void *owner);      /* every leg waits for the body */
	void (*room)(void *owner);    /* a leg takes bytes again: call fanout_pump */
	void (*done)(void *owner);    /* tx->answer stands; nothing more comes */
};

/* An answer to the client. */
struct answer {
	int code;
	struct str text; /* with its enhanced code in front */
};

/* What may share a leg: the same box, the same past in the ledger, the same reverse-path. Who may
 * be answered instead of getting the mail goes alone, or others could not have it. */
struct leg_key {
	const struct topo_box *box;
	bool known;	/* the ledger knows its deliveries: they may be spared, and together, */
	struct str had; /* for all of them have had the same mails (a sum of digests) */
	bool srs;	/* with the sender rewritten */
	bool alone;
};

struct tx_leg {
	struct list node;
	struct transaction *tx;
	struct leg *leg;
	struct leg_key key;
	uint64_t sent; /* bytes of the message this leg has taken */
	bool go, ended;
};

struct delivery {
	UT_hash_handle hh; /* tx->by_address */
	struct transaction *tx;
	struct str address;
	struct str boxid;  /* the account's own box */
	struct str alias;  /* the one that leads to it alone and was asked for; or "" */
	struct tx_leg *leg;
	unsigned index;	   /* on its leg */
	struct word word;  /* last word of its box */
	bool heard;	   /* the box has answered RCPT */
	bool told;	   /* the client was told 250 on the strength of it */
	unsigned wanted;   /* recipients that lead here */
	unsigned tries;
	bool foreign;	   /* goes through a relay box */
	bool srs;	   /* with the sender rewritten */
	bool replies;	   /* the account answers mail, */
	bool keeps;	   /* and gets it as well */
	struct response *response; /* under way in the mail's place */
	char pair[33];	   /* ledger key */
	int known;	   /* enum ledger_outcome of an earlier mail, 0 none */
	struct str had;	   /* when it is "delivered": sum of the digests of those mails */
};

struct recipient {
	struct str address;   /* as the client wrote it */
	struct delivery **to; /* its targets */
	unsigned n;
	bool answered;	      /* verdict on RCPT is known */
	bool accepted;
	struct answer answer;
};

enum tx_state {
	TX_RCPT,    /* collecting recipients */
	TX_DATA,    /* waiting for 354 of all */
	TX_BODY,    /* streaming */
	TX_DISCARD, /* failed: reading up to the client's end mark */
	TX_END,	    /* end marks are out */
	TX_LEDGER,  /* waiting for ledger rows to be durable */
	TX_DONE,
	TX_STATES,
};

struct transaction {
	struct env *env;
	const struct topo_cluster *cluster;
	struct arena arena;
	enum tx_state state;
	const struct transaction_events *ev; /* NULL: the owner has gone */
	void *owner;
	struct topology *topology;	     /* a reference: cluster and boxes live in it */
	struct deferred finish;		     /* done() comes from the loop */

	struct ipaddr client;
	const char *sid;		     /* of the session, for the log; copied */
	struct str sender;		     /* folded reverse-path, empty: null */
	struct leg_mail forwarded;	     /* the same mail, its sender rewritten */
	struct leg_mail mail;
	bool prdr;
	struct mail_policy policy;
	const struct topo_box *gathered;     /* the relay box that all of it goes through; or NULL */

	struct recipient *recipients;
	unsigned n_recipients, cap_recipients, answered; /* answers given to the owner */
	unsigned n_accepted, n_deliveries;
	struct delivery *by_address;
	struct list legs; /* struct tx_leg */
	unsigned n_legs;
	bool broken;	  /* a recipient that was told 250 has lost its leg */
	bool has_done, has_refused; /* ledger kinds among the recipients */

	/* fan-out */
	struct data_scan scan;
	struct data_norm norm;
	struct header_scan header;
	struct hash *digest;
	bool keep_header; /* somebody may answer it */
	struct buf header_copy;
	uint64_t taken;	  /* message bytes already dropped from the client's buffer */
	size_t final;	  /* bytes in the buffer that may be sent */
	size_t normal;	  /* bytes in the buffer that are normalized */
	size_t mark;	  /* bytes of the end mark behind them, once it is complete */
	uint64_t max_bytes;
	char digest_hex[33];

	/* settling */
	unsigned n_responses; /* automatic replies under way in a mail's place */
	bool client_gone;
	uint64_t ledger_due;	/* its part of env->ledger_due */
	uint64_t ledger_mark;
	struct timer ledger_wait;
	struct answer answer;	/* the final one */
	bool hang_up;		/* the client sends without end: answer and close */
	struct answer *prdr_answers; /* one a recipient accepted, when 353 is to be said */
	unsigned n_prdr;
};

/* Owned. sender as parsed; texts are copied. */
struct transaction *transaction_new(struct session *s, const struct mail_args *mail,
				    const struct transaction_events *ev, void *owner);
/* Ends it wherever it stands: before the end marks, nobody gets the mail. After them, the
 * boxes' answers are still awaited in the background, so that the ledger learns of them; the
 * owner hears nothing. Nulls the pointer; NULL-safe. */
void transaction_free(struct transaction **tx);

/* One RCPT. Its answer comes through transaction_answer, in order. */
void transaction_rcpt(struct transaction *tx, const struct address *to);
/* A RCPT that was not understood, in its place behind others that wait: this answer. */
void transaction_rcpt_bad(struct transaction *tx, struct str given, int code, const char *text);
/* The next answer to a RCPT, in the order they were asked. */
bool transaction_answer(struct transaction *tx, struct answer *out);
bool transaction_waits(const struct transaction *tx); /* RCPTs unanswered */
/* If all that wait are accepted, is one more too many? Then it has to wait to be counted right. */
bool transaction_full(const struct transaction *tx);
/* DATA: go() or done() comes. All RCPTs are answered. */
void transaction_data(struct transaction *tx);
/* Uses this box now? */
bool transaction_uses(const struct transaction *tx, struct str clusterid, struct str boxid);

/* --- for fanout.c and settle.c --- */
void transaction_enter(struct transaction *tx, enum tx_state s);
/* Breaks all legs: nobody gets the mail. */
void transaction_break(struct transaction *tx);
/* Fails before the barrier with this answer: at once, or behind the client's end mark. */
void transaction_fail(struct transaction *tx, int code, const char *enhanced, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* This leg is no longer part of it: back to the pool (or gone, when broken). */
void tx_leg_put(struct tx_leg *l);
void tx_leg_abort(struct tx_leg *l);
/* The answer stands: done() comes at the end of the turn. */
void transaction_done(struct transaction *tx);

#endif
