/* prober: looks at every box again and again, at the pace of its probe_interval_s, and keeps in shared memory
 * what it found.
 *
 *   tick > configuration anew? > boxes whose time has come > probe > verdict > shm/boxes
 *
 * A box that is ill, twice in a row, is passed over as if a session had met it so: no session waits for a connect that
 * fails. One that is well again is used at once. One that refuses is only told: it may be busy with sessions of ours, and to
 * pass it over would put off mail that it takes; whom it refuses finds out at once. Red and yellow boxes are looked at like green ones, so that
 * whoever turns one green knows. Looks stand still while the configuration cannot be read: the old one holds on. */
#include <signal.h>
#include <stdlib.h>

#include "cmd/process.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/session/probe.h"
#include "shm/slots.h"

#define TICK_MS 250
#define ILL_TWICE 2 /* looks in a row until a box is passed over: a packet may be lost */
#define AGAIN_MS 1000 /* to the second of them, where the interval is longer */

/* A box, at its index of shm/boxes.h. */
struct place {
	struct probe probe;
	struct prober *r;
	struct topology *topology; /* of the look that is under way; NULL: none is */
	struct addr at;
	int64_t due;
	unsigned ill;	       /* looks in a row that found it so */
	enum box_verdict told; /* in the log */
};

struct prober {
	struct process *p;
	struct loop *loop;
	struct store *accounts;
	struct topology *topology;
	struct timer tick;
	struct sigwatch term, hup;
	unsigned looks;	 /* under way */
	uint32_t failed; /* the generation that could not be read, told once */
	struct place places[MAX_BOXES];
};

/* --- verdicts --- */

static void tell(struct place *pl, const struct topo_box *b, const struct box_check *c)
{
	static const char *const words[BOX_VERDICTS] = {
		[BOX_WELL] = "is well again",
		[BOX_LOGIN] = "answers, but not to the login of its check: ",
		[BOX_REFUSES] = "answers, and refuses: ",
		[BOX_ILL] = "is ill: ",
	};
	bool good = c->verdict == BOX_WELL;

	if (c->verdict != pl->told && !(good && pl->told == BOX_UNSEEN))
		log_line(good ? LOG_INFO : LOG_WARNING, "box %.*s of cluster %.*s %s%s",
			 STR_ARG(b->row.boxid), STR_ARG(b->row.clusterid),
			 words[c->verdict], good ? "" : c->text);
	pl->told = c->verdict;
}

/* What follows for sessions. */
static void judge(struct place *pl, const struct topo_box *b, const struct box_check *c)
{
	struct shm *shm = pl->r->p->shm;
	int64_t again = loop_now(pl->r->loop) + AGAIN_MS;

	pl->ill = c->verdict == BOX_ILL ? pl->ill + 1 : 0;
	if (pl->ill >= ILL_TWICE)
		boxes_failed(shm, b->shm, c->mono_ms, c->text);
	else if (pl->ill > 0)
		pl->due = pl->due < again ? pl->due : again;
	else if (c->verdict != BOX_REFUSES)
		boxes_worked(shm, b->shm);
}

static void keep(struct place *pl, const struct topo_box *b, const struct box_check *c)
{
	struct shm *shm = pl->r->p->shm;

	boxes_checked(shm, b->shm, c);
	judge(pl, b, c);
	if (pl->probe.offer)
		boxes_offer(shm, b->shm, pl->probe.offer, pl->probe.offer_size);
	tell(pl, b, c);
}

static void on_done(struct probe *probe)
{
	struct place *pl = container_of(probe, struct place, probe);

	if (probe->found.verdict != BOX_UNSEEN)
		keep(pl, probe->box, &probe->found);
	else
		log_warning("cannot look at a box: %s", probe->found.text);
	pl->r->looks--;
	topology_unref(&pl->topology);
}

/* --- when --- */

static void look(struct prober *r, const struct topo_box *b)
{
	struct place *pl = &r->places[b->shm];

	pl->r = r;
	pl->at = b->addr;
	pl->due = loop_now(r->loop) + decimal_s_ms(b->row.probe_interval_s);
	pl->topology = topology_ref(r->topology);
	r->looks++;
	probe_start(&pl->probe, r->loop, b, on_done);
}

static bool is_due(const struct prober *r, const struct topo_box *b)
{
	const struct place *pl;

	if (b->shm < 0 || b->shm >= MAX_BOXES || b->row.probe_interval_s <= 0)
		return false;
	pl = &r->places[b->shm];
	if (pl->topology)
		return false;
	return loop_now(r->loop) >= pl->due || !ip_eq(&pl->at.ip, &b->addr.ip) ||
	       pl->at.port != b->addr.port;
}

static void look_at_all(struct prober *r)
{
	struct topology *t = r->topology;

	for (unsigned i = 0; t && i < t->n_clusters; i++)
		for (unsigned k = 0; k < t->clusters[i].n_boxes && r->looks < BOX_CHECKS_MOST; k++)
			if (is_due(r, &t->clusters[i].boxes[k]))
				look(r, &t->clusters[i].boxes[k]);
}

/* A look that is under way keeps the configuration it began with. */
static void rebuild(struct prober *r)
{
	uint32_t generation = generation_get(r->p->shm);
	struct topology *t;
	struct err e = { "" };

	if (r->topology && r->topology->generation == generation)
		return;
	if (topology_build(&t, r->accounts, r->p->shm, generation, &e) == 0) {
		topology_unref(&r->topology);
		r->topology = t;
	} else if (r->failed != generation) {
		log_error("generation %u: %s; boxes are looked at as before", generation, e.text);
		r->failed = generation;
	}
}

static void on_tick(struct timer *t)
{
	struct prober *r = container_of(t, struct prober, tick);

	slot_beat(r->p->shm, r->p->slot, loop_now(r->loop));
	rebuild(r);
	look_at_all(r);
	timer_set(t, TICK_MS);
}

/* --- beginning and end --- */

static void on_term(struct sigwatch *w)
{
	loop_stop(container_of(w, struct prober, term)->loop);
}

static void on_hup(struct sigwatch *w)
{
	struct err e = { "" };

	(void)w;
	if (log_reopen(&e) < 0)
		log_error("%s; writing on into the old one", e.text);
}

static void end(struct prober *r)
{
	for (unsigned i = 0; i < MAX_BOXES; i++) {
		probe_end(&r->places[i].probe);
		topology_unref(&r->places[i].topology);
	}
	topology_unref(&r->topology);
	sigwatch_stop(&r->term);
	sigwatch_stop(&r->hup);
	timer_stop(&r->tick);
	store_close(&r->accounts);
	loop_free(&r->loop);
}

int prober_run(struct process *p)
{
	static struct prober self; /* one a process */
	struct prober *r = &self;
	struct err e = { "" };

	r->p = p;
	if (store_open(&r->accounts, p->options->directory, STORE_ACCOUNTS, STORE_READ, &e) < 0) {
		log_error("%s", e.text);
		return EXIT_FAILURE;
	}
	r->loop = loop_new();
	timer_init(&r->tick, r->loop, on_tick);
	sigwatch_start(&r->term, r->loop, SIGTERM, on_term);
	sigwatch_start(&r->hup, r->loop, SIGHUP, on_hup);
	timer_set(&r->tick, 0);
	loop_run(r->loop);
	end(r);
	return EXIT_SUCCESS;
}
