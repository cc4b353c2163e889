#include "test/sim/report.h"

#include <inttypes.h>
#include <stdio.h>

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

/* --- delays --- */

struct delays { /* weighed */
	double n[DELAY_BUCKETS], all;
};

static void delays_add(struct delays *d, const struct outcome *o, double weight)
{
	for (unsigned i = 0; i < DELAY_BUCKETS; i++)
		d->n[i] += weight * o->delay[i];
	d->all += weight * (double)o->taken;
}

/* In how many minutes this share of them was through. */
static double within(const struct delays *d, double share)
{
	double sum = 0;

	for (unsigned i = 0; i < DELAY_BUCKETS; i++) {
		sum += d->n[i];
		if (sum >= share * d->all)
			return i;
	}
	return DELAY_BUCKETS;
}

/* --- figures --- */

struct figures figures_of(const struct world_rules *w, const struct result *r, unsigned door)
{
	static struct delays delays;
	double spam = 0, spam_taken = 0, honest = 0, put_off = 0;
	struct figures f = { 0 };

	memset(&delays, 0, sizeof(delays));
	for (unsigned k = 0; k < KINDS; k++) {
		const struct outcome *o = &r->at[door][k];
		double weight = traffic_weight(w, k);

		if (kinds[k].spam) {
			spam += weight * (double)o->mails;
			spam_taken += weight * (double)o->taken;
			continue;
		}
		honest += weight * (double)o->mails;
		put_off += weight * (double)o->put_off;
		f.honest_refused += weight * (double)o->refused;
		f.honest_lost += weight * (double)o->lost;
		delays_add(&delays, o, weight);
	}
	f.spam_refused = percent(spam - spam_taken, spam);
	f.honest_delayed = percent(put_off, honest);
	f.median_min = within(&delays, 0.50);
	f.p99_min = within(&delays, 0.99);
	return f;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

struct figures figures_worst(struct figures a, struct figures b)
{
	return (struct figures){
		.spam_refused = -larger(-a.spam_refused, -b.spam_refused),
		.honest_delayed = larger(a.honest_delayed, b.honest_delayed),
		.honest_refused = larger(a.honest_refused, b.honest_refused),
		.honest_lost = larger(a.honest_lost, b.honest_lost),
		.median_min = larger(a.median_min, b.median_min),
		.p99_min = larger(a.p99_min, b.p99_min),
	};
}

void result_add(struct result *sum, const struct result *r)
{
	for (unsigned d = 0; d < DOORS; d++)
		for (unsigned k = 0; k < KINDS; k++) {
			struct outcome *to = &sum->at[d][k];
			const struct outcome *o = &r->at[d][k];

			to->mails += o->mails;
			to->put_off += o->put_off;
			to->taken += o->taken;
			to->refused += o->refused;
			to->lost += o->lost;
			to->unknown += o->unknown;
			for (unsigned i = 0; i < DELAY_BUCKETS; i++)
				to->delay[i] += o->delay[i];
		}
}

/* --- tables --- */

void report_head(void)
{
	printf("%9s  %-13s %8s %8s %8s %8s %8s %8s\n", "mailboxes", "guard", "spam",
	       "honest", "delay", "delay", "honest", "honest");
	printf("%9s  %-13s %8s %8s %8s %8s %8s %8s\n", "", "", "refused", "delayed",
	       "p50", "p99", "refused", "lost");
}

void report_line(uint32_t mailboxes, unsigned door, const struct figures *f, const char *what)
{
	printf("%9" PRIu32 "  %-13s %7.2f%% %7.2f%% %4.0f min %4.0f min %8.0f %8.0f  %s\n",
	       mailboxes, door_name(door), f->spam_refused, f->honest_delayed,
	       f->median_min, f->p99_min, f->honest_refused, f->honest_lost, what);
}

static void report_kind(unsigned kind, const struct outcome *o)
{
	static struct delays delays;
	double mails = (double)o->mails;

	memset(&delays, 0, sizeof(delays));
	delays_add(&delays, o, 1);
	printf(" | %6.2f %6.2f %6.2f %5.0f %5.0f", percent((double)o->put_off, mails),
	       percent((double)(o->refused + o->lost), mails), percent((double)o->refused, mails),
	       within(&delays, 0.50), within(&delays, 0.99));
	(void)kind;
}

void report_kinds(const struct world_rules *w, const struct result *sum)
{
	printf("\n%" PRIu32 " mailboxes, all seeds; of each kind: first try put off %%, never came through %%, "
	       "550 %%, delay p50 and p99 min\n",
	       w->mailboxes);
	printf("%-29s %9s | %-33s | %s\n", "", "mails", door_name(0), door_name(1));
	for (unsigned k = 0; k < KINDS; k++) {
		const struct outcome *o = &sum->at[0][k];

		if (o->mails == 0)
			continue;
		printf("%-29s %9" PRIu64, kinds[k].name, o->mails * traffic_weight(w, k));
		for (unsigned d = 0; d < DOORS; d++)
			report_kind(k, &sum->at[d][k]);
		printf("\n");
	}
}
