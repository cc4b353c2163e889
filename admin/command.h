/* command: the table of XML commands and what one call of a command is.
 * Privilege is a column of the table, never an if in a handler; unknown parameters are refused
 * by the dispatcher from the table, before any handler runs.
 * Not here: HTTP (server.h), keys (auth.h), waiting for workers (publish.h). */
#ifndef PB_ADMIN_COMMAND_H
#define PB_ADMIN_COMMAND_H

#include "admin/xml_in.h"
#include "admin/xml_out.h"
#include "lib/store/store.h"
#include "shm/layout.h"

/* What a handler may reach. */
struct command_env {
	const char *dir;
	struct shm *shm;
	struct store *accounts;
	struct store *traffic; /* read-only; NULL until the replicator has made it */
};

struct call {
	const struct command_env *env;
	const struct xml_request *req;
	struct arena *arena; /* lives as long as the call */
	struct xml_out body; /* what stands behind <status>ok</status>; empty on error */
	/* The answer: */
	unsigned http;	     /* 200, 400, 403, 404, 409, 413, 429, 503 */
	const char *code;    /* "no_such_email", ...; static text, NULL when ok */
	struct err err;
	/* The change concerns what workers have compiled (clusters, boxes, lights, settings): it is
	 * answered when all have confirmed. undo, if set, takes the stored change back when the
	 * supervisor cannot open a listener for it. */
	bool publish;
	int (*undo)(struct call *c, struct err *e);
	void *undo_arg;
};

enum { /* columns of the table */
	COMMAND_READS = 1,   /* changes nothing */
	COMMAND_SECRETS = 2, /* may show a secret: logged by name */
};
struct command {
	const char *name;
	unsigned flags;
	const struct table *table;  /* its fields are parameters (not the hidden ones); or NULL */
	const char *params;	    /* further parameters, blank separated; or NULL */
	void (*run)(struct call *c);
};
/* Terminated by name == NULL. */
extern const struct command commands[];

/* Finds the command, refuses unknown parameters, runs it. Fills http, code, err, body. The
 * caller is authorised already. wall_ms is read by handlers through clock.h. */
void command_run(struct call *c);
/* For handlers: fails the call with this; the text names the object and the reason. */
void call_fail(struct call *c, unsigned http, const char *code, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* The whole answer document of a call that is done. */
struct str call_document(struct call *c, struct xml_out *out);

#endif
