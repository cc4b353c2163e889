/* mailworld: plays weeks of mail, honest and not, to the guard of protobalance and to a plain
 * greylister beside it, in virtual time. See docs/simulation.md.
 *
 *   mailworld [-n MAILBOXES]... [-s SEEDS] [-S FIRST_SEED] [-d DAYS] [-w WARM_DAYS]
 *             [-m botnets|today] [-p (pregreet_ms is set)] [-f FORGED_DOMAINS] [-j PROCESSES] [-v (per kind)] [-c (check)]
 *
 * -c ends with 1 where what must hold in any world does not hold. */
#include <inttypes.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/sim/memory.h"
#include "test/sim/report.h"

#define SIZES_MAX 8
#define SEEDS_MAX 32
#define DAYS_MAX 365

struct options {
	uint32_t mailboxes[SIZES_MAX];
	unsigned sizes, seeds, first_seed, days, warm_days, jobs, forged_domains;
	enum mix mix;
	bool pregreet, verbose, check;
};

static void usage(void)
{
	fprintf(stderr, "usage: mailworld [-n MAILBOXES]... [-s SEEDS] [-S FIRST_SEED] "
			"[-d DAYS] [-w WARM_DAYS] [-m botnets|today] [-f FORGED_DOMAINS] [-j PROCESSES] [-pvc]\n");
	exit(2);
}

/* --- options --- */

static unsigned number(const char *text, unsigned min, unsigned max)
{
	uint64_t n;

	if (str_u64(str_z(text), min, max, &n) < 0)
		usage();
	return (unsigned)n;
}

static enum mix mix_named(const char *name)
{
	for (unsigned m = 0; m < MIXES; m++)
		if (strcmp(traffic_of[m].name, name) == 0)
			return m;
	usage();
	return MIXES;
}

static void add_size(struct options *o, const char *text)
{
	if (o->sizes == SIZES_MAX)
		usage();
	o->mailboxes[o->sizes++] = number(text, 100, 10000000);
}

static struct options options_of(int argc, char **argv)
{
	struct options o = { .seeds = 1, .first_seed = 1, .days = 49, .warm_days = 28, .jobs = 1, .forged_domains = FORGED_DOMAINS };
	int c;

	while ((c = getopt(argc, argv, "n:s:S:d:w:m:f:j:pvc")) != -1) {
		switch (c) {
		case 'n':
			add_size(&o, optarg);
			break;
		case 's':
			o.seeds = number(optarg, 1, SEEDS_MAX);
			break;
		case 'S':
			o.first_seed = number(optarg, 1, 1000000);
			break;
		case 'd':
			o.days = number(optarg, 1, DAYS_MAX);
			break;
		case 'w':
			o.warm_days = number(optarg, 0, DAYS_MAX);
			break;
		case 'm':
			o.mix = mix_named(optarg);
			break;
		case 'f':
			o.forged_domains = number(optarg, 1, 100000000);
			break;
		case 'j':
			o.jobs = number(optarg, 1, 64);
			break;
		case 'p':
			o.pregreet = true;
			break;
		case 'v':
			o.verbose = true;
			break;
		case 'c':
			o.check = true;
			break;
		default:
			usage();
		}
	}
	if (optind < argc || o.warm_days >= o.days ||
	    o.forged_domains % populations[POP_ORG].units != 0)
		usage();
	if (o.sizes == 0)
		add_size(&o, "20000");
	return o;
}

/* A part of the world, so that sizes cost about the same (traffic.h). Parts divide 200. */
static unsigned part(uint32_t mailboxes, uint32_t enough)
{
	static const unsigned parts[] = { 1, 2, 4, 5, 10, 20, 40, 50, 100, 200 };
	unsigned i = 0;

	while (i + 1 < ARRAY_LEN(parts) && mailboxes / parts[i] > enough)
		i++;
	return parts[i];
}

static struct world_rules rules_of(const struct options *o, unsigned size, unsigned seed)
{
	return (struct world_rules){
		.mailboxes = o->mailboxes[size],
		.days = o->days,
		.warm_days = o->warm_days,
		.seed = o->first_seed + seed,
		.mix = o->mix,
		.forged_domains = o->forged_domains,
		.pregreet = o->pregreet,
		.part_units = part(o->mailboxes[size], 1000),
		.part_mailboxes = part(o->mailboxes[size], 4000),
	};
}

/* --- runs, a process each --- */

struct run {
	struct world_rules rules;
	pid_t pid;
	int from;
};

static void write_all(int fd, const char *p, size_t n)
{
	ssize_t done;

	for (; n > 0; p += done, n -= (size_t)done) {
		done = write(fd, p, n);
		if (done <= 0)
			_exit(2);
	}
}

static void start(struct run *run)
{
	int ends[2];
	struct result *r;

	if (pipe(ends) < 0 || (run->pid = fork()) < 0) {
		perror("mailworld");
		exit(2);
	}
	if (run->pid == 0) {
		close(ends[0]);
		r = must_zalloc(sizeof(*r));
		world_run(&run->rules, r);
		write_all(ends[1], (const char *)r, sizeof(*r));
		_exit(0);
	}
	close(ends[1]);
	run->from = ends[0];
}

static void finish(struct run *run, struct result *out)
{
	size_t have = 0;
	ssize_t n;

	while ((n = read(run->from, (char *)out + have, sizeof(*out) - have)) > 0)
		have += (size_t)n;
	close(run->from);
	waitpid(run->pid, NULL, 0);
	if (have < sizeof(*out)) {
		fprintf(stderr, "mailworld: a run has failed\n");
		exit(2);
	}
}

/* --- what must hold --- */

static int complain(uint32_t mailboxes, const char *what)
{
	printf("%" PRIu32 " mailboxes: %s\n", mailboxes, what);
	return 1;
}

static int check_size(uint32_t mailboxes, const struct figures f[DOORS])
{
	int bad = 0;

	if (f[0].honest_refused > 0)
		bad += complain(mailboxes, "honest mail was refused");
	if (f[0].honest_lost > 0)
		bad += complain(mailboxes, "honest mail was put off until its sender gave up");
	if (f[0].spam_refused <= f[1].spam_refused)
		bad += complain(mailboxes, "no more spam refused than by the plain greylister");
	if (2 * f[0].honest_delayed > f[1].honest_delayed)
		bad += complain(mailboxes, "honest mail delayed more than half as often");
	return bad;
}

/* --- main --- */

static struct figures report_size(const struct options *o, struct run *runs, struct run *end, int *bad)
{
	struct result *r = must_zalloc(sizeof(*r)), *sum = must_zalloc(sizeof(*sum));
	struct figures worst[DOORS] = { { 0 } };
	char what[32];

	snprintf(what, sizeof(what), o->seeds > 1 ? "worst of %u seeds" : "one seed", o->seeds);
	for (unsigned i = 0; i < o->seeds; i++) {
		finish(&runs[i], r);
		for (struct run *next = &runs[i] + o->jobs; next < end && next->pid == 0; next = end)
			start(next);
		for (unsigned d = 0; d < DOORS; d++) {
			struct figures f = figures_of(&runs[i].rules, r, d);

			worst[d] = i == 0 ? f : figures_worst(worst[d], f);
		}
		result_add(sum, r);
	}
	for (unsigned d = 0; d < DOORS; d++)
		report_line(runs->rules.mailboxes, d, &worst[d], what);
	if (o->verbose)
		report_kinds(&runs->rules, sum);
	fflush(stdout);
	*bad += o->check ? check_size(runs->rules.mailboxes, worst) : 0;
	free(r);
	free(sum);
	return worst[0];
}

int main(int argc, char **argv)
{
	struct options o = options_of(argc, argv);
	struct run runs[SIZES_MAX * SEEDS_MAX] = { 0 }, *end = runs + o.sizes * o.seeds;
	struct figures before = { 0 }, now;
	int bad = 0;

	for (unsigned i = 0; i < o.sizes * o.seeds; i++)
		runs[i].rules = rules_of(&o, i / o.seeds, i % o.seeds);
	for (struct run *r = runs; r < end && r < runs + o.jobs; r++)
		start(r);
	report_head();
	fflush(stdout);
	for (unsigned i = 0; i < o.sizes; i++) {
		now = report_size(&o, runs + i * o.seeds, end, &bad);
		if (o.check && i > 0 && now.spam_refused <= before.spam_refused)
			bad += complain(o.mailboxes[i], "no more effective than a smaller site");
		before = now;
	}
	return bad > 0;
}
