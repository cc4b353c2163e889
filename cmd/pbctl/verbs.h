/* verbs: what people type, one row each; dispatcher, help, completion and the manual page
 * walk the table. The raw form, an XML command and "tag=value" words, stands beside
 * it. */
#ifndef PB_CMD_PBCTL_VERBS_H
#define PB_CMD_PBCTL_VERBS_H

#include "cmd/pbctl/ctl.h"

struct verb;
/* One call: the words behind the verb, taken apart. */
struct call_words {
	const struct verb *verb;
	struct request request; /* of verb->command, with what the words say */
	const char *word;	/* of the slot without a tag; NULL: not given */
};

struct verb {
	const char *words; /* "account add" */
	/* Positional words in their order, blank separated: NAME=tag of the XML command,
	 * or NAME alone for one that the verb's own code takes (one at most). [] around:
	 * may be left out. A NAME in lower case is a choice: "green|yellow|red". */
	const char *slots;
	const char *options; /* of its own, blank separated */
	/* What is asked, and whose parameters may be given as tag=value; NULL: no
	 * command */
	const char *command;
	/* show.h; for a verb with pages one line, whose path is that of the rows; NULL:
	 * everything */
	const char *view;
	/* The exit status, or -1 with a text (EXIT_NOT_ASKED then). */
	int (*run)(struct ctl *c, struct call_words *w, struct err *e);
	const char *help;
	const char *examples; /* words behind "pbctl", a line each; run in order, each works */
};
/* Terminated by words == NULL. */
extern const struct verb verbs[];

/* The verb that the first words name, the one of most words; *used: how many. NULL:
 * none. */
const struct verb *verb_find(int n, char *const *words, int *used);
/* One slot after the other: start with { .rest = str_z(verb->slots) }. */
struct slot {
	struct str rest;
	struct str name, tag; /* tag: empty without one */
	bool optional;
};
bool slot_next(struct slot *s);
/* Is this option one of the verb's own, or of all commands? */
bool verb_has_option(const struct verb *v, const struct option_info *i);
/* Does a command have that parameter? */
bool command_has(const char *command, struct str tag);

/* Takes the words apart; request_free ends what it holds, also on -1. */
MUST_CHECK int call_parse(const struct verb *v, const struct options *o, int n,
			  char *const *words, struct call_words *out, struct err *e);

/* --- what the rows point at --- */
int verb_ask(struct ctl *c, struct call_words *w, struct err *e); /* the command as it is */
int verb_list(struct ctl *c, struct call_words *w, struct err *e); /* in pages */
int verb_light(struct ctl *c, struct call_words *w, struct err *e);
int verb_block(struct ctl *c, struct call_words *w, struct err *e);
int verb_trace(struct ctl *c, struct call_words *w, struct err *e);
int verb_password(struct ctl *c, struct call_words *w, struct err *e);
int verb_stats(struct ctl *c, struct call_words *w, struct err *e);
int verb_top(struct ctl *c, struct call_words *w, struct err *e);
int verb_import(struct ctl *c, struct call_words *w, struct err *e);
int verb_export(struct ctl *c, struct call_words *w, struct err *e);
int verb_config_import(struct ctl *c, struct call_words *w, struct err *e);
int verb_config_export(struct ctl *c, struct call_words *w, struct err *e);
int verb_completion(struct ctl *c, struct call_words *w, struct err *e);

#endif
