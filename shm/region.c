#include "shm/region.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "shm/dictionary.h"
#include "shm/penalty.h"

const char *role_name(enum role r)
{
	static const char *const names[] = { "supervisor", "admin",    "worker",
					     "replicator", "verifier", "prober" };

	_Static_assert(ARRAY_LEN(names) == ROLE_COUNT, "each role has its name");
	return names[r];
}

/* NORESERVE: most of it (rows, rings of workers that do not exist, what the dictionary may grow to)
 * is never touched. A system that counts it all the same gets a smaller dictionary. */
static struct shm *map_region(void)
{
	for (unsigned mb = DICTIONARY_MB_MOST; mb > 0; mb /= 2) {
		size_t size = sizeof(struct shm) + ((size_t)mb << 20);
		struct shm *s = mmap(NULL, size, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (s == MAP_FAILED)
			continue;
		s->size = size;
		s->dictionary_most = mb;
		return s;
	}
	bug("no shared memory: %s", strerror(errno));
}

struct shm *shm_create(unsigned workers)
{
	struct shm *s;

	if (workers < 1 || workers > MAX_WORKERS)
		bug("%u workers", workers);
	s = map_region();
	/* Nobody looks for an error there, and a core would be as large as it may get. */
	(void)madvise(s->dictionary, (size_t)s->dictionary_most << 20, MADV_DONTDUMP);
	dictionary_resize(s, DICTIONARY_MB);
	s->magic = SHM_MAGIC;
	s->version = SHM_VERSION;
	s->workers = workers;
	s->started = clock_wall_ms();
	hash_random(s->secret, sizeof(s->secret));
	for (int i = 0; i < MAX_SLOTS; i++) {
		bool used = i >= MAX_WORKERS || i < (int)workers;

		s->slots[i].bell = used ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
		if (used && s->slots[i].bell < 0)
			bug("no eventfd: %s", strerror(errno));
	}
	return s;
}

void shm_destroy(struct shm **s)
{
	if (!*s)
		return;
	for (int i = 0; i < MAX_SLOTS; i++)
		if ((*s)->slots[i].bell >= 0)
			close((*s)->slots[i].bell);
	munmap(*s, (*s)->size);
	*s = NULL;
}

unsigned shm_workers(const struct shm *shm)
{
	return shm->workers;
}

int64_t shm_started(const struct shm *shm)
{
	return shm->started;
}

const uint8_t *shm_secret(const struct shm *shm)
{
	return shm->secret;
}

/* --- names --- */

int name_find(const struct shm_name *v, int n, struct str cluster, struct str box)
{
	for (int i = 0; i < n; i++)
		if (atomic_load_explicit(&v[i].state, memory_order_acquire) == NAME_USED &&
		    str_eq(str_z(v[i].cluster), cluster) && str_eq(str_z(v[i].box), box))
			return i;
	return -1;
}

/* A free row, or, when all have been used once, a forgotten one. */
static int name_free(const struct shm_name *v, int n)
{
	static const uint32_t states[] = { NAME_FREE, NAME_FORGOTTEN };

	for (size_t s = 0; s < ARRAY_LEN(states); s++)
		for (int i = 0; i < n; i++)
			if (atomic_load(&v[i].state) == states[s])
				return i;
	return -1;
}

int name_assign(struct shm_name *v, int n, struct str cluster, struct str box)
{
	int i = name_find(v, n, cluster, box);

	if (i >= 0)
		return i;
	if (cluster.n > LIMIT_NAME || box.n > LIMIT_NAME)
		return -1; /* cut short it would never be found again */
	i = name_free(v, n);
	if (i < 0)
		return -1;
	str_copy(v[i].cluster, sizeof(v[i].cluster), cluster);
	str_copy(v[i].box, sizeof(v[i].box), box);
	atomic_store_explicit(&v[i].state, NAME_USED, memory_order_release);
	return i;
}

void name_forget(struct shm_name *v, int n, struct str cluster, struct str box)
{
	int i = name_find(v, n, cluster, box);

	if (i >= 0)
		atomic_store(&v[i].state, NAME_FORGOTTEN);
}
