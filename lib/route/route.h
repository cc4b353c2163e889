/* route: from an address to the mailboxes it means and the boxes that hold them.
 * Reads the store; never blocks, never writes. Called by sessions through a table of
 * functions, so that tests and fuzzers pass fakes.
 * Memory: results live in the caller's arena (a transaction's, a session's).
 * Not here: talking to boxes (lib/session), spam (lib/guard). */
#ifndef PB_ROUTE_ROUTE_H
#define PB_ROUTE_ROUTE_H

#include "lib/route/topology.h"

enum route_result {
	ROUTE_OK,
	ROUTE_UNKNOWN,	 /* 550 5.1.1: our domain, no such address */
	ROUTE_FOREIGN,	 /* not ours: 550 5.7.1 relaying denied, unless a relay client */
	ROUTE_NO_BOX,	 /* 451 4.3.5: account without a box, or the box is not in this cluster */
	ROUTE_BOX_DOWN,	 /* 451 4.3.2: yellow, red or passed over, and so its fall-overs */
	ROUTE_NO_RELAY,	 /* 451 4.3.5: no box that relays is set, green and fit */
	ROUTE_TOO_MANY,	 /* 550 5.4.6: expands past LIMIT_ALIAS_MEMBERS or LIMIT_ALIAS_DEPTH */
	ROUTE_ERROR,	 /* 451 4.3.0: store not readable; a warning was logged */
};

/* Whose mail it is, as far as the choice of boxes depends on it. */
struct route_from {
	struct str sender; /* folded reverse-path: the key for relay boxes */
	struct str boxid;  /* box of the sender's account, for relay_box_choice 1; "": none */
	bool relays;	   /* may send to foreign addresses */
};

struct target {
	struct str address;   /* folded address that the box gets */
	struct topo_box *box; /* chosen box; NULL when result != ROUTE_OK */
	struct str boxid;     /* the account's own box, for log and reply */
	enum route_result result;
	bool foreign;	      /* goes through a relay box */
	bool member;	      /* came out of an alias */
	/* Of an account's row: it takes no mail with a null sender, none from itself. */
	bool no_null, no_self;
	bool replies, keeps; /* it answers mail by itself; and gets it all the same */
};
struct route_list {
	struct target *v;
	unsigned n;
	int64_t spam_setting; /* of the row that was asked for, account or alias; 1: the cluster's */
};

/* Expands an address into its distinct targets: alias members recursively, loops and
 * duplicates dropped, catch-all "@domain", plus-addressing when the cluster has it. A member
 * that does not exist is left out and logged. A local part with a route in it ("user%host",
 * "host!user") leads only to a row of exactly that address: a box may take it for an order to
 * relay. Returns ROUTE_OK when there is at least one target,
 * (each with a result of its own: a box may be down), else why not. "postmaster" without a
 * domain: postmaster@host_name if that exists, else ROUTE_UNKNOWN. */
enum route_result route_recipient(struct store *s, struct shm *shm, const struct topo_cluster *c,
				  struct str address, const struct route_from *from,
				  int64_t mono_ms, struct arena *a, struct route_list *out);

/* The relay box for this sender now: by relay_box_choice its account's own box (or its
 * fall-overs), else one of the cluster's relay boxes, always the same while that is fit.
 * ROUTE_OK or ROUTE_NO_RELAY. shm NULL: all are fit. */
enum route_result route_relay(const struct topo_cluster *c, const struct route_from *from,
			      struct shm *shm, int64_t mono_ms, struct topo_box **out);

/* What a reverse-path may do here, from the row of its account or alias. */
struct route_sender {
	bool ours;	       /* there is such a row; else the rest says nothing */
	bool remote;	       /* allow_remote_deliveries */
	bool unlimited;	       /* mail_unlimited, and not over */
	int64_t rcpt_per_mail; /* FIELD_EMPTY: the cluster's */
	struct str name;       /* of that row, without a tag; in the arena */
	struct str boxid;      /* of an account; in the arena */
	bool own;	       /* it is the login itself, or an alias that leads to it */
};
/* sender and login are folded; login "": nobody. Exact rows and, when the cluster has
 * plus_addressing, those without the tag; no catch-alls. ROUTE_OK or ROUTE_ERROR. */
enum route_result route_sender(struct store *s, const struct topo_cluster *c, struct str sender,
			       struct str login, int64_t wall_ms, struct arena *a,
			       struct route_sender *out);

/* The account that logs in. Texts of *acc are copied into the arena. ROUTE_OK, ROUTE_UNKNOWN
 * or ROUTE_ERROR. */
enum route_result route_account(struct store *s, struct str address, struct arena *a,
				struct account *acc);

/* The box to use for boxid in cluster c now: itself when green and fit, else along its
 * fall-overs (loop-safe). ROUTE_OK, ROUTE_NO_BOX or ROUTE_BOX_DOWN. shm NULL: all are fit. */
enum route_result route_box(const struct topo_cluster *c, struct str boxid, struct shm *shm,
			    int64_t mono_ms, struct topo_box **out);

/* The delivered ledger's row of a (sender, recipient) pair: for this message digest (hex), or for
 * any when digest is empty, and then one that says "delivered" before one that says "refused",
 * and out->digest is a sum over all delivered ones: two pairs with the same sum have had the
 * same mails (but for a chance of 2^-64; the digest itself decides in the end).
 * Rows past their expiry do not count. An enum ledger_outcome, 0 none, -1 not readable (logged).
 * Texts of *out are copied into the arena. */
int route_ledger(struct store *s, struct str pair, struct str digest, int64_t wall_ms,
		 struct arena *a, struct ledger *out);

#endif
