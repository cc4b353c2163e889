/* command: the table of XML commands and what one call of a command is.
 * Privilege is a column of the table, never an if in a handler. A command's parameters are its
 * row of the table and their descriptions (lib/store/tables.h, args.h), nothing else: the
 * dispatcher checks them from there before any handler runs, and pbctl's help, docs/xml.md and
 * the manual page are made from there.
 * Not here: HTTP (server.h), keys (auth.h), waiting for workers (publish.h), transactions
 * (change.h). */
#ifndef PB_ADMIN_COMMAND_H
#define PB_ADMIN_COMMAND_H

#include <stdatomic.h>

#include "admin/args.h"
#include "admin/xml_in.h"
#include "admin/xml_out.h"
#include "lib/store/csv.h"
#include "shm/layout.h"

/* The long command under way; its thread counts, `stats` reads. */
struct long_work {
	const char *command; /* NULL: none */
	struct csv_progress rows;
};

/* What a handler may reach. */
struct command_env {
	const char *dir;
	struct shm *shm;
	struct store *accounts;
	struct long_work *work;
	const char *traffic_daily, *traffic_monthly; /* directories of the traffic log; NULL: none */
	struct store *traffic; /* read-only; NULL until the replicator has made it */
};

struct call {
	const struct command_env *env;
	const struct xml_request *req;
	struct arena *arena; /* lives as long as the call */
	const char *who;     /* "key", "uid 0": whose change it is, for the audit */
	const char *from;    /* "10.0.0.1", "local" */
	struct args args;    /* parsed; those not named stand at their defaults */
	struct xml_out body; /* what stands behind <status>ok</status>; empty on error */
	/* The answer: */
	unsigned http;	     /* 200, 400, 403, 404, 409, 413, 429, 503 */
	const char *code;    /* "no_such_email", ...; static text, NULL when ok */
	struct err err;
	/* The change concerns what workers have compiled (clusters, boxes, lights, settings): it is
	 * answered when all have confirmed. undo, if set, takes the stored change back when the
	 * supervisor cannot open a listener for it. */
	bool publish;
	/* Nothing had to change, but what stands need not be live everywhere yet: the same without
	 * publishing, so that a command may be repeated until it is. */
	bool stands;
	int (*undo)(struct call *c, struct err *e);
	void *undo_arg;
	/* A fact went to the replicator: it is answered when this mark of admin's journal is
	 * durable. 0: none. */
	uint64_t journal_mark;
};

enum { /* columns of the table */
	COMMAND_READS = 1,   /* changes nothing */
	COMMAND_SECRETS = 2, /* may show a secret: logged by name */
	COMMAND_ADDS = 4,    /* makes a row: its required fields must be named */
	COMMAND_LONG = 8,    /* may take seconds: runs beside the loop, with a store of its own */
	COMMAND_ROWS = 16,   /* takes nested children and a larger body */
};
struct command {
	const char *name, *group;
	unsigned flags;
	const struct table *table; /* its fields are parameters (not the hidden ones); or NULL */
	const char *params;	   /* further ones, blank separated, "!" behind those that must be
				    * named: of table_args, or keys of stored rows; or NULL. The
				    * others may be named and empty: at their default, as if
				    * absent, but that call_has sees them (an empty block_email
				    * of setblockip is a 0) */
	void (*run)(struct call *c);
	const char *help;    /* what it does and answers, in a sentence or two */
	const char *example; /* "tag=value tag=value"; "": it needs none */
};
/* Terminated by name == NULL. */
extern const struct command commands[];
const struct command *command_find(struct str name); /* NULL: none */
/* Do the children of this command hold rows (COMMAND_ROWS)? For xml_parse. */
bool command_nests(struct str name);

/* The parameters of a command, one after the other: start with { .command = c }. */
struct param {
	const struct command *command;
	struct str name;
	const struct field *field; /* what describes it */
	bool required;
	unsigned at;	  /* where next() goes on */
	struct str words;
};
bool param_next(struct param *p);

/* Finds the command, refuses unknown, missing and bad parameters, runs it. Fills http, code, err,
 * body. The caller is authorised already. Text values of the request stand in their kept form
 * (addresses in lower case) when the handler runs. wall_ms is read by handlers through clock.h. */
void command_run(struct call *c);
/* For handlers: fails the call with this; the text names the object and the reason. */
void call_fail(struct call *c, unsigned http, const char *code, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* The value of that parameter, checked by the dispatcher; an empty slice when it is absent. */
struct str call_text(const struct call *c, const char *name);
bool call_has(const struct call *c, const char *name);
/* The whole answer document of a call that is done. */
struct str call_document(struct call *c, struct xml_out *out);

#endif
