/* report: figures of results, in a table. */
#ifndef PB_SIM_REPORT_H
#define PB_SIM_REPORT_H

#include "test/sim/world.h"

struct figures {	       /* of one door; percentages */
	double spam_refused;   /* of spam to mailboxes that there are: 550, or given up */
	double honest_delayed; /* first try put off */
	double honest_refused; /* mails: 550 */
	double honest_lost;    /* mails: given up */
	double median_min, p99_min; /* from first try to delivery, of all honest mail */
};

struct figures figures_of(const struct world_rules *w, const struct result *r, unsigned door);
/* Of each figure the worse one. */
struct figures figures_worst(struct figures a, struct figures b);

void report_head(void);
/* One line: a door at a site of that size. what: "worst of 5 seeds". */
void report_line(uint32_t mailboxes, unsigned door, const struct figures *f, const char *what);
/* A line for each kind of sender, both doors beside each other. */
void report_kinds(const struct world_rules *w, const struct result *sum);
void result_add(struct result *sum, const struct result *r);

#endif
