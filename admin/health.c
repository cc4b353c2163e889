#include "admin/health.h"

#include "shm/listeners.h"
#include "shm/slots.h"

struct health {
	const struct command_env *env;
	int64_t now;
	struct buf *out;
	bool bad;
};

static void wrong(struct health *h, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void wrong(struct health *h, const char *fmt, ...)
{
	va_list ap;

	h->bad = true;
	va_start(ap, fmt);
	if (buf_addv(h->out, fmt, ap) < 0 || buf_addc(h->out, '\n') < 0)
		h->bad = true; /* no room: the status says it all the same */
	va_end(ap);
}

/* --- processes --- */

static bool lives(struct health *h, unsigned slot, const struct slot_info *s)
{
	char name[SLOT_NAME];
	int64_t silent = h->now - s->beat;

	if (!s->pid)
		wrong(h, "%s is not running", slot_name(slot, name));
	else if (silent >= BEAT_STALE_MS)
		wrong(h, "%s hangs: no sign of life for %lld s", slot_name(slot, name),
		      (long long)silent / 1000);
	return s->pid && silent < BEAT_STALE_MS;
}

static void look_at_workers(struct health *h)
{
	uint32_t generation = generation_get(h->env->shm);
	char name[SLOT_NAME];

	for (unsigned i = 0; i < shm_workers(h->env->shm); i++) {
		struct slot_info s = slot_get(h->env->shm, i);

		if (lives(h, i, &s) && (int32_t)(s.generation - generation) < 0)
			wrong(h, "%s has not confirmed the configuration", slot_name(i, name));
	}
}

static void look_at_listeners(struct health *h)
{
	const struct shm *shm = h->env->shm;
	char error[256];

	if (!listeners_answered(shm, listeners_version(shm), error))
		wrong(h, "the supervisor has not opened the listeners");
	else if (error[0])
		wrong(h, "%s", error);
}

static void look_at_others(struct health *h)
{
	static const unsigned slots[] = { SLOT_REPLICATOR, SLOT_VERIFIER, SLOT_PROBER, SLOT_SUPERVISOR };

	for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
		struct slot_info s = slot_get(h->env->shm, slots[i]);

		lives(h, slots[i], &s);
	}
	look_at_listeners(h);
}

/* --- stores --- */

/* Looks for some row in each table: that there is none is an answer, too. */
static int read_tables(struct store *s, const struct table *const *t, struct err *e)
{
	_Alignas(8) char row[sizeof(struct cluster)]; /* the largest */
	int rc = store_read_begin(s, e);

	for (; rc >= 0 && *t; t++)
		rc = store_get(s, *t, STR("m"), row, NULL, e);
	store_read_end(s);
	return rc < 0 ? -1 : 0;
}

static void look_at_store(struct health *h, const char *name, struct store *s,
			  const struct table *const *tables)
{
	struct err e = { "" };

	if (!s)
		wrong(h, "%s is not there yet", name);
	else if (read_tables(s, tables, &e) < 0)
		wrong(h, "%s cannot be read: %s", name, e.text);
}

unsigned health_page(const struct command_env *env, int64_t mono_ms, struct buf *out)
{
	struct health h = { .env = env, .now = mono_ms, .out = out };

	look_at_workers(&h);
	look_at_others(&h);
	look_at_store(&h, "accounts.mdb", env->accounts, accounts_tables);
	look_at_store(&h, "traffic.mdb", env->traffic, traffic_tables);
	if (!h.bad && buf_add(out, STR("ok\n")) < 0)
		h.bad = true;
	return h.bad ? 503 : 200;
}
