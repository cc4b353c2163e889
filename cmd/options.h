/* options: what the command line and DIR/CMDLINE say. One table: parser, -help and file walk it.
 * Memory: texts are owned for the life of the process. */
#ifndef PB_CMD_OPTIONS_H
#define PB_CMD_OPTIONS_H

#include "lib/base/addr.h"
#include "lib/base/err.h"

struct options {
	char *directory, *http_text, *user, *logfile, *monthly, *daily, *pidfile;
	char *http_cert, *http_key; /* both or neither */
	char *metrics_text;
	char *resolver; /* NULL: the system's */
	unsigned workers;  /* after options_read: how many there will be, >= 1 */
	bool shared, watchdog, daemon, version, help;
	struct addr http;
	struct ip_ranges metrics; /* who may read /healthz and /metrics over HTTP; owned */
};

/* Command line first (for -directory), then DIR/CMDLINE, then the command line again, so that
 * it wins. Relative directories and files are made absolute: daemons change theirs. */
MUST_CHECK int options_read(struct options *o, int argc, char **argv, struct err *e);
/* The text of -help on standard output. */
void options_help(void);

#endif
