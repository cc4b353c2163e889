/* exchange: one request of the XML interface on its way to its answer. Private to admin/.
 *
 *   request --> KEY --> TURN --> command --> DURABLE --> LIVE --> answer
 *                 \          \-> ASIDE ----------/            (each step may be left out)
 *                  \-> WRONG_KEY -----------------------------> answer
 *
 * KEY        an access key, or the console's password, is compared with the stored hash, which takes a thread its time
 *            (KEY_ASIDE: this one, now); exchange_keys.c. A document above LIMIT_XML_BODY is
 *            parsed behind it
 * WRONG_KEY  until the delay of its network is over
 * TURN       a change: until what came of the listeners before it is known, and no long command
 *            writes
 * ASIDE      a long command runs in its thread
 * DURABLE    until the replicator has its fact on disk
 * LIVE       until all processes have confirmed its generation
 */
#ifndef PB_ADMIN_EXCHANGE_H
#define PB_ADMIN_EXCHANGE_H

#include "admin/admin.h"
#include "admin/aside.h"
#include "admin/auth.h"
#include "admin/command.h"
#include "admin/console.h"
#include "admin/publish.h"
#include "admin/server.h"

struct admin {
	struct admin_config c;
	struct auth *auth;
	struct server *http, *local; /* local: NULL when there is none */
	struct command_env env;
	struct long_work work;
	struct aside commands, keys; /* threads of the loop */
	struct list waiting;	     /* exchanges, oldest first */
	struct console console;
	struct timer recheck;
	bool stopping;
};

/* The whole way of a request; the answer goes to server_answer. */
void exchange_xml(struct admin *a, struct server_request *r);
/* A browser's session begins, and ends: exchange_login.c. */
void exchange_login(struct admin *a, struct server_request *r);
void exchange_logout(struct admin *a, struct server_request *r);
/* Does it belong to a session of the console that lives? */
bool exchange_admits(void *admin, const struct server_request *r);
/* An account file has come. */
void exchange_uploaded(struct admin *a, struct server_request *r);
/* What the server refused itself, in the form of an answer. */
void exchange_refused(struct admin *a, struct server_request *r);
/* The request is over; frees what stands behind it. */
void exchange_gone(struct server_request *r);
/* Something has changed that others may wait for. */
void exchanges_look(struct admin *a);
/* The service stops: all that wait are answered. */
void exchanges_end(struct admin *a);

#endif
