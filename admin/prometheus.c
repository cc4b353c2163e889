#include "admin/prometheus.h"

#include <stdio.h>

#define MOST_LABELS 8

static void add(struct prom *p, struct str s)
{
	p->full |= buf_add(p->out, s) < 0;
}

static void add_z(struct prom *p, const char *z)
{
	add(p, str_z(z));
}

/* What a byte of a label's value is written as; NULL: as it is. */
static const char *escape_of(char c)
{
	return c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : NULL;
}

static void add_quoted(struct prom *p, struct str value)
{
	add_z(p, "\"");
	while (value.n > 0) {
		size_t plain = 0;

		while (plain < value.n && !escape_of(value.p[plain]))
			plain++;
		add(p, (struct str){ value.p, plain });
		if (plain < value.n)
			add_z(p, escape_of(value.p[plain]));
		value = str_skip(value, plain + 1);
	}
	add_z(p, "\"");
}

void prom_family(struct prom *p, const char *name, enum prom_kind kind, const char *help)
{
	static const char *const kinds[] = { "gauge", "counter", "histogram" };

	str_copy(p->name, sizeof(p->name), str_z(name));
	p->full |= buf_addf(p->out, "# HELP %s %s\n# TYPE %s %s\n", p->name, help,
			    p->name, kinds[kind]) < 0;
}

void prom_sample(struct prom *p, const char *suffix, const struct prom_label *labels,
		 unsigned n, double value)
{
	add_z(p, p->name);
	add_z(p, suffix);
	for (unsigned i = 0; i < n; i++) {
		add_z(p, i ? "," : "{");
		add_z(p, labels[i].name);
		add_z(p, "=");
		add_quoted(p, labels[i].value);
	}
	add_z(p, n ? "}" : "");
	p->full |= buf_addf(p->out, " %.15g\n", value) < 0;
}

void prom_histogram(struct prom *p, const struct prom_label *labels, unsigned n_labels,
		    const double *le, const uint64_t *counts, unsigned n, double sum)
{
	struct prom_label all[MOST_LABELS];
	uint64_t upto = 0;
	char bound[32];

	if (n_labels >= MOST_LABELS)
		bug("%u labels", n_labels);
	if (n_labels)
		memcpy(all, labels, n_labels * sizeof(*all));
	for (unsigned i = 0; i < n; i++) {
		upto += counts[i];
		if (i < n - 1)
			snprintf(bound, sizeof(bound), "%.15g", le[i]);
		else
			strcpy(bound, "+Inf");
		all[n_labels] = (struct prom_label){ "le", str_z(bound) };
		prom_sample(p, "_bucket", all, n_labels + 1, (double)upto);
	}
	prom_sample(p, "_sum", labels, n_labels, sum);
	prom_sample(p, "_count", labels, n_labels, (double)upto);
}
