/* exchange_inner: what exchange.c and exchange_keys.c share; nobody else includes it. */
#ifndef PB_ADMIN_EXCHANGE_INNER_H
#define PB_ADMIN_EXCHANGE_INNER_H

#include "admin/exchange.h"

#define COMMAND_SHOWN 64 /* bytes of a stranger's command that are kept and logged */

/* As exchange.h draws them. KEY waits for the thread that KEY_ASIDE has. */
enum exchange_state {
	S_NEW,
	S_KEY,
	S_KEY_ASIDE,
	S_WRONG_KEY,
	S_TURN,
	S_ASIDE,
	S_DURABLE,
	S_LIVE,
	S_ANSWERED,
	S_COUNT
};

struct exchange {
	struct admin *admin;
	struct server_request *http; /* borrowed: it ends with this one (exchange_gone) */
	enum exchange_state state;
	bool patient;	  /* waits for a long command */
	uint32_t table;	  /* S_TURN: version of the listener table when it was last looked at, */
	int64_t turn_ends; /* and monotonic ms: its patience with those before it is over */
	struct list node; /* in waiting */
	struct timer timer;
	struct arena arena;
	struct xml_request req;
	struct str unread; /* in arena: a large body whose sender is not known yet */
	struct call call;
	struct publish publish;
	struct key_check key;	/* S_KEY, S_KEY_ASIDE */
	struct command_env env; /* S_ASIDE: with a store of its own */
	struct store *branch;	/* that store */
	char command[COMMAND_SHOWN + 1];
	char from[ADDR_TEXT], who[24];
};

/* NULL: the service stops, and it is answered so. */
struct exchange *exchange_new(struct admin *a, struct server_request *r, struct str command);
/* The one door of the state. ms: how long it may last. */
void exchange_enter(struct exchange *x, enum exchange_state state, int64_t ms);
/* What the call says is the answer. */
void exchange_answer(struct exchange *x);
/* Parses the body. false: it cannot be, and is answered so. */
bool exchange_read(struct exchange *x, struct str body);
/* Whoever asks may: on to its turn. */
void exchange_admitted(struct exchange *x);

/* --- exchange_login.c --- */

/* The password was right: a session begins. */
void exchange_logged_in(struct exchange *x);

/* --- exchange_keys.c --- */

/* So many wrong keys wait for their answers to this client's network that none is looked at, nor
 * what came with it: it is answered, then. */
bool exchange_turned_away(struct exchange *x);
/* The request is read: is its key right? None is needed on the local socket. */
void exchange_ask_key(struct exchange *x);
/* Is it the console's password? */
void exchange_ask_password(struct exchange *x, struct str password);
/* Its cookie or token is none of a session that lives: it is answered so, behind a delay. */
void exchange_wrong_session(struct exchange *x);
/* The same before the request is read: of a body above LIMIT_XML_BODY no more than the key is,
 * until that is known to be right. */
void exchange_ask_key_first(struct exchange *x);
/* In S_KEY: perhaps it is known by now, or the thread is free. */
void exchange_look_at_key(struct exchange *x);

#endif
