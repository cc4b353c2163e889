/* What an import says. */
#include <inttypes.h>

#include "admin/xml_out.h"
#include "cmd/pbctl/import.h"
#include "cmd/pbctl/show.h"
#include "cmd/pbctl/text.h"

/* --- on standard error --- */

static void tell_bad(const struct part *p, const struct plan_part *d)
{
	if (d->skipped == 0)
		return;
	if (d->skipped > d->n_bad)
		fprintf(stderr, "pbctl: lines that are not taken, the first %u of %" PRIu64 ":\n",
			d->n_bad, d->skipped);
	else
		fprintf(stderr, "pbctl: lines that are not taken:\n");
	for (unsigned i = 0; i < d->n_bad; i++) {
		fprintf(stderr, "  %s:%" PRIu64 ": ",
			p->given_name ? p->given_name : p->file, d->bad[i].line);
		text_print_line(stderr, d->bad[i].reason, 200);
		fputc('\n', stderr);
	}
}

static void tell_kept(const struct import *m)
{
	uint64_t stay = 0;

	for (int i = 0; i < PLAN_TABLES; i++)
		stay += m->plan.parts[i].stay;
	if (m->plan.keep && stay > 0)
		fprintf(stderr, "pbctl: while there are such lines nothing is removed: %" PRIu64 " that no line names stay%s\n",
			stay,
			m->plan.yes ? " (half of the lines or more are bad, so -yes does not count)" :
				      " (-yes removes them)");
}

bool import_knows_box(const struct import *m, struct str name)
{
	for (const struct node *b = NULL;
	     (b = node_each(m->clusters.root, "clusters/cluster/boxes/box", b));)
		if (str_eq(node_text(b, "boxid"), name))
			return true;
	return false;
}

static void tell_box(void *arg, struct str box, uint64_t rows)
{
	struct import *m = arg;

	if (import_knows_box(m, box))
		return;
	m->on_nobody += rows;
	fputs("pbctl: no cluster has a box ", stderr);
	text_print_line(stderr, box, 80);
	fprintf(stderr, ": %" PRIu64 " accounts are on it\n", rows);
}

void tell_trouble(struct import *m)
{
	if (m->told)
		return;
	m->told = true;
	for (int i = 0; i < PLAN_TABLES; i++)
		tell_bad(&m->parts[i], &m->plan.parts[i]);
	tell_kept(m);
	if (m->plan.boxless > 0)
		fprintf(stderr, "pbctl: %" PRIu64 " accounts have no box; -spread BOX,BOX... gives them one\n",
			m->plan.boxless);
	m->on_nobody = 0;
	plan_each_box(&m->plan, tell_box, m);
}

void tell_gone(const struct import *m, enum plan_table i)
{
	const struct plan_part *d = &m->plan.parts[i];

	if (d->removed == 0)
		return;
	fprintf(stderr, "pbctl: %s that would be removed", m->parts[i].noun);
	if (d->removed > d->n_gone)
		fprintf(stderr, ", the first %u of %" PRIu64, d->n_gone, d->removed);
	fputs(":\n", stderr);
	for (unsigned k = 0; k < d->n_gone; k++) {
		fputs("  ", stderr);
		text_print_line(stderr, d->gone[k], 254);
		fputc('\n', stderr);
	}
}

/* --- as if a service had answered it, so that it is shown in all forms --- */

static uint64_t skipped(const struct import *m)
{
	return m->plan.parts[PLAN_ACCOUNTS].skipped + m->plan.parts[PLAN_ALIASES].skipped;
}

static void write_plan(struct xml_out *o, const struct part *p, const struct plan_part *d)
{
	xml_out_open(o, "plan", -1);
	xml_out_text(o, "file", str_z(p->file));
	xml_out_int(o, "rows_before", (int64_t)d->before);
	xml_out_int(o, "rows_after", (int64_t)d->after);
	xml_out_int(o, "added", (int64_t)d->added);
	xml_out_int(o, "changed", (int64_t)d->changed);
	xml_out_int(o, "removed", (int64_t)d->removed);
	xml_out_int(o, "skipped", (int64_t)d->skipped);
	xml_out_close(o, "plan");
}

static void write_plans(struct xml_out *o, const struct import *m, int status)
{
	const struct plan_part *d = m->plan.parts;

	xml_out_int(o, "exit_status", status);
	xml_out_open(o, "plans", d[0].replaced + d[1].replaced);
	for (int i = 0; i < PLAN_TABLES; i++)
		if (d[i].replaced)
			write_plan(o, &m->parts[i], &d[i]);
	xml_out_close(o, "plans");
	xml_out_open(o, "removals", (int64_t)(d[0].removed + d[1].removed));
	for (int i = 0; i < PLAN_TABLES; i++)
		for (unsigned k = 0; k < d[i].n_gone; k++) {
			xml_out_open(o, "removal", -1);
			xml_out_text(o, "file", str_z(m->parts[i].file));
			xml_out_text(o, "address", d[i].gone[k]);
			xml_out_close(o, "removal");
		}
	xml_out_close(o, "removals");
}

static void write_bad(struct xml_out *o, struct str file, int64_t line, struct str reason)
{
	xml_out_open(o, "badline", -1);
	xml_out_text(o, "file", file);
	xml_out_int(o, "line", line);
	xml_out_text(o, "reason", reason);
	xml_out_close(o, "badline");
}

/* Lines that the service alone finds no good are those of the file that we wrote. */
static void write_bads(struct xml_out *o, const struct import *m, const struct answer *reread, uint64_t n)
{
	xml_out_open(o, "badlines", (int64_t)n);
	for (int i = 0; i < PLAN_TABLES; i++) {
		const struct part *p = &m->parts[i];
		const struct plan_part *d = &m->plan.parts[i];

		for (unsigned k = 0; k < d->n_bad; k++)
			write_bad(o, str_z(p->given_name ? p->given_name : p->file),
				  (int64_t)d->bad[k].line, d->bad[k].reason);
	}
	for (const struct node *b = NULL;
	     reread && (b = node_each(reread->root, "badlines/badline", b));)
		write_bad(o, node_text(b, "file"), node_int(b, "line"), node_text(b, "reason"));
	xml_out_close(o, "badlines");
}

static void write_counts(struct xml_out *o, const struct import *m,
			 const struct answer *reread, uint64_t bad)
{
	static const char *const counts[] = { "added", "changed", "removed" };
	uint64_t read = 0;

	for (int i = 0; i < PLAN_TABLES; i++)
		read += m->plan.parts[i].replaced ? m->plan.parts[i].lines :
						    m->plan.parts[i].before;
	xml_out_int(o, "read", (int64_t)read);
	xml_out_int(o, "skipped", (int64_t)bad);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		xml_out_int(o, counts[i], node_int(reread->root, counts[i]));
}

static void write_outcome(struct xml_out *o, const struct import *m,
			  const struct answer *reread, int status)
{
	uint64_t bad = skipped(m) + (reread ? (uint64_t)node_int(reread->root, "skipped") : 0);

	xml_out_begin(o, STR("import"));
	xml_out_text(o, "status", STR("ok"));
	if (reread)
		write_counts(o, m, reread, bad);
	xml_out_int(o, "got_a_box", (int64_t)m->plan.got_a_box);
	if (m->plan.respread)
		xml_out_int(o, "moved", (int64_t)m->plan.moved);
	if (!reread)
		write_plans(o, m, status);
	write_bads(o, m, reread, bad);
	xml_out_end(o);
}

int tell_outcome(struct import *m, const struct answer *reread, int status, struct err *e)
{
	static const char done[] = "read skipped added changed removed got_a_box moved",
			  planned[] = "exit_status got_a_box moved\n"
				      "plans/plan: file rows_before rows_after added changed removed "
				      "skipped";
	struct xml_out o;
	struct answer a;
	int shown;

	write_outcome(&o, m, reread, status);
	if (answer_parse(&o.buf, &a, e))
		return -1;
	shown = show(m->c, "import", &a, reread ? done : planned);
	answer_free(&a);
	if (!reread)
		return status;
	return shown == EXIT_DONE && m->on_nobody > 0 ? EXIT_PARTLY : shown;
}
