#include "test/sim/world.h"

#include "test/sim/address.h"
#include "test/sim/door.h"

#define WALL INT64_C(1795996800000) /* when the world begins */

static const struct door *const doors[DOORS] = { &door_gate, &door_postgrey };

struct world {
	const struct world_rules *rules;
	struct result *result;
	struct queue queue;
	struct rng session_rng[KINDS], letter_rng[KINDS], mail_rng;
	void *door[DOORS];
	int64_t count_from_ms, end_ms;
};

const char *door_name(unsigned door)
{
	return doors[door]->name;
}

/* --- one mail at one door --- */

static struct outcome *outcome_of(struct world *w, const struct mail *m)
{
	static struct outcome nowhere; /* of the warm-up */

	return m->born_ms < w->count_from_ms ? &nowhere : &w->result->at[m->door][m->kind];
}

static enum answer knock(struct world *w, const struct mail *m, int64_t now_ms)
{
	char from[ADDRESS_MAX], to[ADDRESS_MAX];
	struct knock k = { .client = client_of(m),
			   .sender = sender_of(m, from),
			   .recipient = recipient_of(m, to),
			   .shipped = unit_is_shipped(kinds[m->kind].from, m->unit),
			   .early = m->early,
			   .caught = m->caught };

	return doors[m->door]->knock(w->door[m->door], &k, now_ms);
}

/* false: the sender gives up. */
static bool come_again(struct world *w, const struct mail *m)
{
	enum population p = kinds[m->kind].from;
	enum schedule s = kinds[m->kind].schedule;
	struct event e = { .kind = EVENT_RETRY, .mail = *m };
	int64_t after;

	if (s == SCHEDULE_OF_UNIT)
		s = unit_schedule(p, m->unit);
	after = retry_after_ms(s, m->tries, unit_of(mix(m->id, m->tries)));
	if (after < 0)
		return false;
	e.at_ms = m->born_ms + after;
	if (unit_is_pool(p, m->unit))
		e.mail.server = (uint32_t)(mix(m->id, 100u + m->tries) % unit_hosts(p, m->unit));
	queue_put(&w->queue, e);
	return true;
}

static void note_delay(struct outcome *o, int64_t delay_ms)
{
	int64_t minutes = (delay_ms + MINUTE - 1) / MINUTE;

	o->delay[minutes < DELAY_BUCKETS ? minutes : DELAY_BUCKETS - 1]++;
}

static void try_at_door(struct world *w, struct mail *m, int64_t now_ms)
{
	struct outcome *o = outcome_of(w, m);
	enum answer a = knock(w, m, now_ms);

	m->tries++;
	if (m->tries == 1) {
		o->mails++;
		o->put_off += a == ANSWER_LATER;
	}
	if (a == ANSWER_YES) {
		o->taken++;
		note_delay(o, now_ms - m->born_ms);
	} else if (a == ANSWER_NO) {
		o->refused++;
	} else if (!come_again(w, m)) {
		o->lost++;
	}
}

/* --- events --- */

static void conduct(struct world *w, const struct mail *m, enum conduct_kind what, int64_t now_ms)
{
	struct ipaddr client = client_of(m);

	for (unsigned d = 0; d < DOORS; d++)
		doors[d]->conduct(w->door[d], &client, what, now_ms);
}

static void letter(struct world *w, const struct mail *m, int64_t now_ms)
{
	char from[ADDRESS_MAX], to[ADDRESS_MAX];
	struct str remote = sender_of(m, from), local = recipient_of(m, to);

	for (unsigned d = 0; d < DOORS; d++)
		doors[d]->letter(w->door[d], local, remote, now_ms);
}

static void deliver(struct world *w, struct mail m, int64_t now_ms)
{
	if (m.unknown)
		conduct(w, &m, CONDUCT_UNKNOWN, now_ms);
	for (unsigned d = 0; d < DOORS; d++) {
		struct mail copy = m;

		copy.door = (uint8_t)d;
		if (m.unknown)
			outcome_of(w, &copy)->unknown++;
		else
			try_at_door(w, &copy, now_ms);
	}
}

static void session(struct world *w, const struct event *e)
{
	const struct kind *k = &kinds[e->mail.kind];
	unsigned n = rng_count(&w->mail_rng, k->burst);
	struct mail first = e->mail, m;

	first.early = w->rules->pregreet && rng_unit(&w->mail_rng) < k->early;
	if (first.early)
		conduct(w, &first, CONDUCT_EARLY, e->at_ms);
	first.caught = rng_unit(&w->mail_rng) < k->errors;
	if (first.caught)
		conduct(w, &first, CONDUCT_ERROR, e->at_ms);
	if (e->mail.kind == KIND_REPLY) /* he wrote a while ago, to whom we have not met before */
		letter(w, &e->mail, e->at_ms);
	for (; n > 0; n--) {
		m = traffic_mail(w->rules, &w->mail_rng, &first);
		deliver(w, m, e->at_ms);
		first.caught = first.caught || m.unknown;
	}
}

static void sweep(struct world *w, int64_t now_ms)
{
	struct event next = { .at_ms = now_ms + SWEEP_MS, .kind = EVENT_SWEEP };

	for (unsigned d = 0; d < DOORS; d++)
		doors[d]->sweep(w->door[d], now_ms);
	if (now_ms < w->end_ms)
		queue_put(&w->queue, next);
}

static void put_next(struct world *w,
		     bool (*next)(const struct world_rules *, struct rng *, unsigned,
				  int64_t, struct event *),
		     struct rng *rng, unsigned kind, int64_t now_ms)
{
	struct event e;

	if (next(w->rules, rng, kind, now_ms, &e) && e.at_ms < w->end_ms)
		queue_put(&w->queue, e);
}

static void happen(struct world *w, struct event *e)
{
	unsigned kind = e->mail.kind;

	switch (e->kind) {
	case EVENT_SESSION:
		session(w, e);
		put_next(w, traffic_next, &w->session_rng[kind], kind, e->at_ms);
		break;
	case EVENT_LETTER:
		letter(w, &e->mail, e->at_ms);
		put_next(w, letter_next, &w->letter_rng[kind], kind, e->at_ms);
		break;
	case EVENT_RETRY:
		try_at_door(w, &e->mail, e->at_ms);
		break;
	case EVENT_SWEEP:
		sweep(w, e->at_ms);
		break;
	}
}

/* --- the whole --- */

static void begin(struct world *w)
{
	w->count_from_ms = WALL + w->rules->warm_days * DAY;
	w->end_ms = WALL + w->rules->days * DAY;
	w->mail_rng.state = mix(w->rules->seed, 1);
	for (unsigned k = 0; k < KINDS; k++) {
		w->session_rng[k].state = mix(w->rules->seed, 100 + k);
		w->letter_rng[k].state = mix(w->rules->seed, 200 + k);
		put_next(w, traffic_next, &w->session_rng[k], k, WALL);
		put_next(w, letter_next, &w->letter_rng[k], k, WALL);
	}
	for (unsigned d = 0; d < DOORS; d++)
		w->door[d] = doors[d]->open(w->rules->seed);
	sweep(w, WALL);
}

void world_run(const struct world_rules *rules, struct result *out)
{
	struct world w = { .rules = rules, .result = out };
	struct event e;

	memset(out, 0, sizeof(*out));
	begin(&w);
	while (queue_take(&w.queue, &e))
		happen(&w, &e);
	for (unsigned d = 0; d < DOORS; d++)
		doors[d]->shut(w.door[d]);
	queue_free(&w.queue);
}
