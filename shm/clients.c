#include "shm/clients.h"

#include "lib/base/hash.h"
#include "shm/region.h"

/* A place is one word: tag (43 bits of the key) | asking (1) | sessions (20). 0: free.
 * A client's place is the first from its home on (key % CLIENT_PLACES) that was not another's; it
 * never moves while the client has sessions, and no place between the home and it becomes
 * free meanwhile: a reader who walks from the home up to a free place has met it. So a place whose
 * sessions have ended keeps its tag (the next client may take it over), until a free
 * one follows it.
 *
 * asking: its worker wants one session more and looks at the others'. Two who ask for one place
 * see each other; the one in the lower slot waits for the other to withdraw. */
#define SESSIONS_BITS 20
#define SESSIONS_MASK ((UINT64_C(1) << SESSIONS_BITS) - 1)
#define ASKING (UINT64_C(1) << SESSIONS_BITS)
#define TAG_SHIFT (SESSIONS_BITS + 1)

_Static_assert((CLIENT_PLACES & (CLIENT_PLACES - 1)) == 0, "homes are the low bits of keys");
_Static_assert(CLIENT_PLACES >= 3 * SESSION_ROWS, "walks are short");

uint64_t client_key(const struct shm *shm, int cluster, const struct ipaddr *client)
{
	struct ipaddr ip = ip_is4(client) ? *client : ip_network(client);
	char text[1 + sizeof(ip.b)] = { (char)cluster };

	memcpy(text + 1, ip.b, sizeof(ip.b));
	return hash_sip(shm->secret, (struct str){ text, sizeof(text) });
}

/* --- one table --- */

static uint64_t tag_of(uint64_t key)
{
	uint64_t tag = key >> TAG_SHIFT << TAG_SHIFT;

	return tag ? tag : UINT64_C(1) << TAG_SHIFT;
}

static uint64_t look(const au64 *place)
{
	return atomic_load_explicit(place, memory_order_relaxed);
}

static bool is_idle(uint64_t v)
{
	return (v & (ASKING | SESSIONS_MASK)) == 0;
}

static bool is_of(uint64_t v, uint64_t key)
{
	return v != 0 && (v >> TAG_SHIFT << TAG_SHIFT) == tag_of(key);
}

/* What the table says of the key; 0: nothing. */
static uint64_t word_of(const au64 *table, uint64_t key)
{
	for (uint64_t i = 0; i < CLIENT_PLACES; i++) {
		uint64_t v = look(&table[(key + i) % CLIENT_PLACES]);

		if (v == 0)
			return 0;
		if (is_of(v, key))
			return v;
	}
	return 0;
}

/* The key's place, or the one that it may take; NULL: there is none. Its own worker only. */
static au64 *place_for(au64 *table, uint64_t key)
{
	au64 *free_one = NULL;

	for (uint64_t i = 0; i < CLIENT_PLACES; i++) {
		au64 *at = &table[(key + i) % CLIENT_PLACES];
		uint64_t v = look(at);

		if (is_of(v, key))
			return at;
		if (!free_one && is_idle(v))
			free_one = at;
		if (v == 0)
			break;
	}
	return free_one;
}

/* Places without sessions become free where nobody's walk goes on behind them. */
static void tidy(au64 *table, size_t at)
{
	if (look(&table[(at + 1) % CLIENT_PLACES]) != 0)
		return;
	while (look(&table[at]) != 0 && is_idle(look(&table[at]))) {
		atomic_store_explicit(&table[at], 0, memory_order_relaxed);
		at = (at + CLIENT_PLACES - 1) % CLIENT_PLACES;
	}
}

/* --- all tables --- */

struct others {
	uint64_t sessions;
	unsigned asking;
	bool lower; /* one of them in a lower slot */
};

static struct others others_of(const struct shm *shm, unsigned slot, uint64_t key)
{
	struct others o = { 0 };

	for (unsigned i = 0; i < shm->workers; i++) {
		uint64_t v = i == slot ? 0 : word_of(shm->clients[i], key);

		o.sessions += v & SESSIONS_MASK;
		o.asking += (v & ASKING) != 0;
		o.lower |= (v & ASKING) && i < slot;
	}
	return o;
}

/* Asks first and looks then; the fence keeps each one's question before its look. So of those who
 * ask at once the last sees all. Sessions stay seen from the question on: the
 * question becomes a session in one store. */
static bool ask(struct shm *shm, unsigned slot, uint64_t key, au64 *at, uint64_t max)
{
	uint64_t idle = tag_of(key) | (look(at) & SESSIONS_MASK), mine = idle & SESSIONS_MASK;
	bool asks = false;

	for (unsigned looks = 0; looks < CLIENT_PATIENCE; looks++) {
		struct others o;

		if (!asks)
			atomic_store_explicit(at, idle | ASKING, memory_order_relaxed);
		asks = true;
		atomic_thread_fence(memory_order_seq_cst);
		o = others_of(shm, slot, key);
		if (mine + o.sessions + o.asking + 1 <= max) {
			atomic_store_explicit(at, idle + 1, memory_order_relaxed);
			return true;
		}
		if (mine + o.sessions >= max)
			break;
		for (; o.lower && looks < CLIENT_PATIENCE; looks++) {
			atomic_store_explicit(at, idle, memory_order_relaxed);
			asks = false;
			o = others_of(shm, slot, key);
		}
	}
	atomic_store_explicit(at, idle, memory_order_relaxed);
	return false;
}

bool client_enter(struct shm *shm, unsigned slot, uint64_t key, uint64_t max)
{
	au64 *table = shm->clients[slot], *at = place_for(table, key);

	if (!at)
		return false;
	if (!is_of(look(at), key)) /* before anybody may look for it there */
		atomic_store_explicit(at, tag_of(key), memory_order_relaxed);
	if (ask(shm, slot, key, at, max > 0 && max < SESSIONS_MASK ? max : SESSIONS_MASK))
		return true;
	tidy(table, (size_t)(at - table));
	return false;
}

void client_leave(struct shm *shm, unsigned slot, uint64_t key)
{
	au64 *table = shm->clients[slot], *at = place_for(table, key);

	if (!at || !is_of(look(at), key) || is_idle(look(at)))
		return;
	atomic_store_explicit(at, look(at) - 1, memory_order_relaxed);
	tidy(table, (size_t)(at - table));
}

uint64_t client_sessions(const struct shm *shm, uint64_t key)
{
	return others_of(shm, MAX_WORKERS, key).sessions;
}

void clients_forget(struct shm *shm, unsigned slot)
{
	for (size_t i = 0; i < CLIENT_PLACES; i++)
		if (look(&shm->clients[slot][i]) != 0)
			atomic_store_explicit(&shm->clients[slot][i], 0, memory_order_relaxed);
}
