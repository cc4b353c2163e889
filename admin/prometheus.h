/* prometheus: pages in Prometheus' text format, version 0.0.4: families of samples with labels.
 * Pure: adds to a buffer. Whoever calls it gives every family once, and all its samples with it.
 * Not here: what there is to tell (metrics.h). */
#ifndef PB_ADMIN_PROMETHEUS_H
#define PB_ADMIN_PROMETHEUS_H

#include "lib/base/buf.h"

#define PROM_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define PROM_NAME 96

struct prom {
	struct buf *out;
	bool full;	      /* something found no room: the page is not whole */
	char name[PROM_NAME]; /* of the family that samples belong to */
};

enum prom_kind { PROM_GAUGE, PROM_COUNTER, PROM_HISTOGRAM };

struct prom_label {
	const char *name;
	struct str value;
};

/* Begins a family; name is copied. help is one line of plain text. */
void prom_family(struct prom *p, const char *name, enum prom_kind kind, const char *help);
/* A sample of it. suffix: "_bucket", "_sum", "_count" of a histogram, else "". */
void prom_sample(struct prom *p, const char *suffix, const struct prom_label *labels, unsigned n,
		 double value);
/* The samples of one histogram: counts[i] (not cumulated) are those up to le[i], the last of n
 * those above all others. */
void prom_histogram(struct prom *p, const struct prom_label *labels, unsigned n_labels,
		    const double *le, const uint64_t *counts, unsigned n, double sum);

#endif
