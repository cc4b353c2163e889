#include "lib/route/route.h"

#include <uthash.h>

#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/route/ring.h"
#include "shm/boxes.h"

/* --- boxes --- */

static bool box_fit(const struct topo_box *b, struct shm *shm, int64_t now)
{
	return b->light == LIGHT_GREEN && (!shm || boxes_fit(shm, b->shm, now));
}

enum route_result route_box(const struct topo_cluster *c, struct str boxid, struct shm *shm,
			    int64_t mono_ms, struct topo_box **out)
{
	struct topo_box *b = topology_box(c, boxid);

	*out = NULL;
	if (!b)
		return ROUTE_NO_BOX;
	/* No chain without a loop is longer than the boxes there are. */
	for (unsigned i = 0; i < c->n_boxes && b; i++) {
		if (box_fit(b, shm, mono_ms)) {
			*out = b;
			return ROUTE_OK;
		}
		b = b->fallover >= 0 ? &c->boxes[b->fallover] : NULL;
	}
	return ROUTE_BOX_DOWN;
}

struct fitness {
	const struct topo_cluster *c;
	struct shm *shm;
	int64_t now;
};

static bool relay_fit(void *arg, int value)
{
	const struct fitness *f = arg;

	return box_fit(&f->c->boxes[value], f->shm, f->now);
}

static enum route_result relay_box(const struct topo_cluster *c, struct str sender, struct shm *shm,
				   int64_t now, struct topo_box **out)
{
	struct fitness f = { c, shm, now };
	int i = ring_pick(c->relay_ring, sender, relay_fit, &f);

	*out = i >= 0 ? &c->boxes[i] : NULL;
	if (i >= 0)
		return ROUTE_OK;
	return c->relay_ring ? ROUTE_BOX_DOWN : ROUTE_NO_BOX;
}

/* --- expansion ---
 * Breadth first over a list that is both queue and result of what was seen, so that loops and
 * duplicates end by themselves. */

struct name {
	UT_hash_handle hh;
	struct str address; /* folded */
	unsigned depth;
	bool member;	    /* came out of an alias */
	struct name *next;
};

struct expansion {
	struct store *store;
	struct shm *shm;
	const struct topo_cluster *c;
	struct str sender;
	int64_t now;
	struct arena *arena;
	struct err *e;
	struct name *seen, *first, **last;
	unsigned n_seen, n_targets;
	struct target *targets;
};

/* A kind of row that an address may lead to. */
enum hit { HIT_NONE, HIT_ACCOUNT, HIT_ALIAS, HIT_ERROR, HIT_FULL };

static enum hit queue_name(struct expansion *x, struct str address, unsigned depth, bool member)
{
	char folded[LIMIT_ADDRESS + 1];
	struct name *n;

	address.n = address.n < LIMIT_ADDRESS ? address.n : LIMIT_ADDRESS;
	str_lower(folded, address);
	HASH_FIND(hh, x->seen, folded, address.n, n);
	if (n) /* a loop, or a member twice */
		return HIT_NONE;
	if (x->n_seen++ >= LIMIT_ALIAS_MEMBERS || depth > LIMIT_ALIAS_DEPTH)
		return HIT_FULL;
	n = arena_alloc(x->arena, sizeof(*n));
	if (!n)
		return HIT_FULL;
	n->address = arena_str(x->arena, (struct str){ folded, address.n });
	if (!n->address.p)
		return HIT_FULL;
	n->depth = depth;
	n->member = member;
	*x->last = n;
	x->last = &n->next;
	HASH_ADD_KEYPTR(hh, x->seen, n->address.p, n->address.n, n);
	return HIT_NONE;
}

static enum hit hit_of(int rc, enum hit found)
{
	return rc == 0 ? found : rc == STORE_NONE ? HIT_NONE : HIT_ERROR;
}

/* One look-up name: account before alias, as an address is one or the other. */
static enum hit look(struct expansion *x, struct str address, struct account *acc,
		     struct alias *al)
{
	enum hit h = hit_of(store_account(x->store, address, acc, x->e), HIT_ACCOUNT);

	if (h == HIT_NONE)
		h = hit_of(store_alias(x->store, address, al, x->e), HIT_ALIAS);
	return h;
}

/* "user+tag@domain" without its tag; empty when it has none. */
static struct str without_tag(struct str address, struct arena *a)
{
	ptrdiff_t plus = str_find(address, '+'), at = str_find(address, '@');

	if (plus <= 0 || at < plus)
		return (struct str){ NULL, 0 };
	return arena_printf(a, "%.*s%.*s", (int)plus, address.p, (int)(address.n - (size_t)at),
			    address.p + at);
}

/* The address itself, then without its tag, then its domain's catch-all. */
static enum hit find(struct expansion *x, struct str address, struct account *acc, struct alias *al)
{
	ptrdiff_t at = str_find(address, '@');
	struct str plain = { NULL, 0 };
	enum hit h = look(x, address, acc, al);

	if (h == HIT_NONE && x->c->row.plus_addressing)
		plain = without_tag(address, x->arena);
	if (plain.n > 0)
		h = look(x, plain, acc, al);
	if (h == HIT_NONE && at >= 0)
		h = look(x, str_skip(address, (size_t)at), acc, al);
	return h;
}

static enum hit add_target(struct expansion *x, struct str address, struct str boxid, bool foreign)
{
	struct target *t;

	if (!x->targets)
		x->targets = arena_alloc(x->arena, 4 * sizeof(*t));
	if (x->targets && x->n_targets >= 4 && (x->n_targets & (x->n_targets - 1)) == 0) {
		struct target *more = arena_alloc(x->arena, 2 * x->n_targets * sizeof(*t));

		if (more)
			memcpy(more, x->targets, x->n_targets * sizeof(*t));
		x->targets = more;
	}
	if (!x->targets)
		return HIT_FULL;
	t = &x->targets[x->n_targets++];
	t->address = address;
	t->foreign = foreign;
	t->boxid = arena_str(x->arena, boxid);
	if (foreign)
		t->result = relay_box(x->c, x->sender, x->shm, x->now, &t->box);
	else
		t->result = t->boxid.n ? route_box(x->c, t->boxid, x->shm, x->now, &t->box) :
					 ROUTE_NO_BOX;
	if (foreign && t->box)
		t->boxid = t->box->row.boxid;
	return HIT_ACCOUNT;
}

static enum hit queue_members(struct expansion *x, struct str list, unsigned depth)
{
	struct str one;

	while (str_split(&list, ',', &one))
		if (queue_name(x, one, depth, true) == HIT_FULL)
			return HIT_FULL;
	return HIT_ALIAS;
}

static bool domain_is_ours(struct expansion *x, struct str address, enum hit *h)
{
	ptrdiff_t at = str_find(address, '@');
	int rc = at < 0 ? STORE_NONE : store_domain(x->store, str_skip(address, (size_t)at + 1), x->e);

	if (rc < 0)
		*h = HIT_ERROR;
	return rc == 0;
}

/* The plain copies of what look-ups return borrow the store only while its read is open. */
static enum hit expand_one(struct expansion *x, struct name *n, bool *unknown)
{
	struct account acc;
	struct alias al;
	enum hit h = find(x, n->address, &acc, &al);

	if (h == HIT_ACCOUNT)
		return add_target(x, n->address, acc.boxid, false);
	if (h == HIT_ALIAS)
		return queue_members(x, al.alias_list, n->depth + 1);
	if (h == HIT_NONE && n->member && !domain_is_ours(x, n->address, &h) && h == HIT_NONE)
		return add_target(x, n->address, STR(""), true);
	if (h == HIT_NONE)
		*unknown = !n->member; /* a member that is gone is left out, and logged */
	if (h == HIT_NONE && n->member)
		log_warning("alias member %.*s does not exist", STR_ARG(n->address));
	return h;
}

static enum route_result expand(struct expansion *x, struct str address)
{
	bool unknown = false, ours;
	enum hit h = queue_name(x, address, 0, false);

	for (struct name *n = x->first; n; n = n->next) {
		h = expand_one(x, n, &unknown);
		if (h == HIT_ERROR || h == HIT_FULL)
			break;
	}
	if (h == HIT_ERROR)
		return ROUTE_ERROR;
	if (h == HIT_FULL)
		return ROUTE_TOO_MANY;
	if (x->n_targets > 0)
		return ROUTE_OK;
	ours = x->first && domain_is_ours(x, x->first->address, &h);
	if (h == HIT_ERROR)
		return ROUTE_ERROR;
	return ours ? ROUTE_UNKNOWN : ROUTE_FOREIGN;
}

enum route_result route_recipient(struct store *s, struct shm *shm, const struct topo_cluster *c,
				  struct str address, struct str sender, int64_t mono_ms,
				  struct arena *a, struct route_list *out)
{
	struct err e = { "" };
	struct expansion x = { .store = s, .shm = shm, .c = c, .sender = sender, .now = mono_ms,
			       .arena = a, .e = &e };
	enum route_result res = ROUTE_ERROR;
	bool bare = str_find(address, '@') < 0; /* <postmaster> alone */

	x.last = &x.first;
	*out = (struct route_list){ NULL, 0 };
	if (bare)
		address = arena_printf(a, "%.*s@%.*s", STR_ARG(address), STR_ARG(c->host_name));
	if (store_read_begin(s, &e) == 0) {
		res = expand(&x, address);
		store_read_end(s);
	}
	HASH_CLEAR(hh, x.seen);
	if (bare && res == ROUTE_FOREIGN)
		res = ROUTE_UNKNOWN; /* ours by name, though nobody lives there */
	if (res == ROUTE_ERROR)
		log_warning("account database: %s", e.text);
	*out = (struct route_list){ x.targets, x.n_targets };
	return res;
}

/* --- accounts --- */

enum route_result route_account(struct store *s, struct str address, struct arena *a,
				struct account *acc)
{
	struct err e = { "" };
	int rc = store_read_begin(s, &e);

	if (rc == 0) {
		rc = store_account(s, address, acc, &e);
		for (unsigned i = 0; rc == 0 && i < table_accounts.n_fields; i++) {
			const struct field *f = &table_accounts.fields[i];
			struct str *v = (struct str *)(void *)((char *)acc + f->offset);

			if (field_is_text(f->kind))
				*v = arena_str(a, *v);
		}
		store_read_end(s);
	}
	if (rc < 0)
		log_warning("account database: %s", e.text);
	return rc < 0 ? ROUTE_ERROR : rc == STORE_NONE ? ROUTE_UNKNOWN : ROUTE_OK;
}
