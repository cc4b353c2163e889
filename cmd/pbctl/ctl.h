/* ctl: what every verb works with: options, the service, and how it all ends.
 * Exit statuses are an interface (pbctl.1). */
#ifndef PB_CMD_PBCTL_CTL_H
#define PB_CMD_PBCTL_CTL_H

#include <stdio.h>

#include "cmd/pbctl/answer.h"
#include "cmd/pbctl/http.h"
#include "cmd/pbctl/options.h"
#include "cmd/pbctl/request.h"

enum ctl_exit {
	EXIT_DONE,
	EXIT_REFUSED,	/* by the service */
	EXIT_NOT_ASKED, /* usage, no connection, no answer, an unreadable file */
	EXIT_PARTLY,	/* done, but lines of a file were skipped */
};

struct ctl {
	struct options o;
	struct http *http;
	struct str key; /* empty: none is needed */
	struct arena arena;
	FILE *out;
	bool terminal; /* out is one */
	const char *verb; /* as it was typed; NULL: the command itself was */
};
/* Reads the key; connects to nobody yet. */
MUST_CHECK int ctl_open(struct ctl *c, const struct options *o, struct err *e);
void ctl_close(struct ctl *c);

/* Asks, with a bar of progress on a terminal where it takes long. 0: answered, also when
 * refused (answer.ok); -1: not. The caller frees the answer. */
MUST_CHECK int ctl_ask(struct ctl *c, const struct request *r, struct answer *out, struct err *e);
/* The same with a document of the caller's own making. */
MUST_CHECK int ctl_post(struct ctl *c, const char *command, struct str document,
			struct answer *out, struct err *e);
/* A command without parameters that is to succeed: EXIT_DONE and its answer; else there
 * is none: EXIT_REFUSED (and told), or -1. */
MUST_CHECK int ctl_do(struct ctl *c, const char *command, struct answer *out, struct err *e);

/* On standard error, and the exit status for it. A refusal is also printed as -xml and
 * -json want it. */
int ctl_complain(const struct err *e);
int ctl_refused(struct ctl *c, const char *command, const struct answer *a);
/* The document as it came. */
void ctl_show_xml(struct ctl *c, const struct answer *a);
/* 0: this is the machine of the service, and its directory is at hand. */
MUST_CHECK int ctl_is_local(const struct ctl *c, const char *verb, struct err *e);
const char *ctl_directory(const struct ctl *c);

#endif
