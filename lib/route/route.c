#include "lib/route/route.h"

#include <stdio.h>
#include <uthash.h>

#include "lib/base/clock.h"
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

enum route_result route_relay(const struct topo_cluster *c, const struct route_from *from,
			      struct shm *shm, int64_t mono_ms, struct topo_box **out)
{
	struct fitness f = { c, shm, mono_ms };
	int i;

	if (c->row.relay_box_choice == RELAY_OWN_BOX && from->boxid.n > 0)
		return route_box(c, from->boxid, shm, mono_ms, out) == ROUTE_OK ? ROUTE_OK :
										  ROUTE_NO_RELAY;
	i = ring_pick(c->relay_ring, from->sender, relay_fit, &f);
	*out = i >= 0 ? &c->boxes[i] : NULL;
	return *out ? ROUTE_OK : ROUTE_NO_RELAY;
}

/* --- expansion ---
 * Breadth first over a list that is both queue and result of what was seen, so that loops and
 * duplicates end by themselves. */

struct name {
	UT_hash_handle hh;
	struct str address; /* folded */
	unsigned depth;	    /* 0: what was asked for; else it came out of an alias */
	struct name *next;
};

struct expansion {
	struct store *store;
	struct shm *shm;
	const struct topo_cluster *c;
	const struct route_from *from;
	int64_t now, wall;
	struct arena *arena;
	struct err *e;
	struct name *seen, *first, **last;
	unsigned n_members, n_targets;
	int64_t spam_setting; /* of the row that the address itself led to */
	struct target *targets;
};

/* A kind of row that an address may lead to. */
enum hit { HIT_NONE, HIT_ACCOUNT, HIT_ALIAS, HIT_ERROR, HIT_FULL };

static struct name *name_new(struct arena *a, struct str folded, unsigned depth)
{
	struct name *n = arena_alloc(a, sizeof(*n));

	if (!n)
		return NULL;
	n->address = arena_str(a, folded);
	n->depth = depth;
	return n->address.p ? n : NULL;
}

static enum hit queue_name(struct expansion *x, struct str address, unsigned depth)
{
	char folded[LIMIT_ADDRESS];
	struct name *n;

	if (address.n > LIMIT_ADDRESS)
		return HIT_FULL;
	str_lower(folded, address);
	HASH_FIND(hh, x->seen, folded, address.n, n);
	if (n) /* a loop, or a member twice */
		return HIT_NONE;
	if (depth > LIMIT_ALIAS_DEPTH || (depth > 0 && x->n_members++ == LIMIT_ALIAS_MEMBERS))
		return HIT_FULL;
	n = name_new(x->arena, (struct str){ folded, address.n }, depth);
	if (!n)
		return HIT_FULL;
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

/* "user+tag@domain" without its tag, in mem; empty when it has none. */
static struct str without_tag(struct str address, char mem[LIMIT_ADDRESS])
{
	ptrdiff_t plus = str_find(address, '+'), at = str_find(address, '@');
	struct str domain;

	if (plus <= 0 || at < plus)
		return (struct str){ NULL, 0 };
	domain = str_skip(address, (size_t)at);
	memcpy(mem, address.p, (size_t)plus);
	memcpy(mem + plus, domain.p, domain.n);
	return (struct str){ mem, (size_t)plus + domain.n };
}

/* "user%host@domain", "host!user@domain": a route that a box might follow. */
static bool is_route(struct str local)
{
	return str_find(local, '%') >= 0 || str_find(local, '!') >= 0;
}

/* The address itself, then without its tag, then its domain's catch-all. */
static enum hit find(struct expansion *x, struct str address, struct account *acc, struct alias *al)
{
	ptrdiff_t at = str_find(address, '@');
	char mem[LIMIT_ADDRESS];
	struct str plain = { NULL, 0 };
	enum hit h = look(x, address, acc, al);

	if (h != HIT_NONE || (at >= 0 && is_route((struct str){ address.p, (size_t)at })))
		return h;
	if (x->c->row.plus_addressing)
		plain = without_tag(address, mem);
	if (plain.n > 0)
		h = look(x, plain, acc, al);
	if (h == HIT_NONE && at >= 0)
		h = look(x, str_skip(address, (size_t)at), acc, al);
	return h;
}

/* A setting of an account that may have an end. */
static bool lasts(int64_t on, int64_t expiry, int64_t wall_ms)
{
	return on && (expiry == FIELD_EMPTY || expiry > wall_ms);
}

/* Room grows by doubling: 4, 8, 16, ... */
static struct target *target_new(struct expansion *x)
{
	unsigned n = x->n_targets;

	if (n == 0 || (n >= 4 && (n & (n - 1)) == 0)) {
		struct target *more = arena_alloc(x->arena, (n ? 2 * n : 4) * sizeof(*more));

		if (!more)
			return NULL;
		if (n > 0)
			memcpy(more, x->targets, n * sizeof(*more));
		x->targets = more;
	}
	return &x->targets[x->n_targets++];
}

static enum hit add_target(struct expansion *x, const struct name *n, const struct account *acc)
{
	struct target *t = target_new(x);

	if (!t)
		return HIT_FULL;
	t->address = n->address;
	t->member = n->depth > 0;
	t->no_null = !acc->null_reverse_path;
	t->no_self = !acc->to_equals_from;
	t->replies = acc->auto_reply_subject.n > 0 && acc->auto_reply_body.n > 0 &&
		     lasts(1, acc->auto_reply_expiry, x->wall);
	t->keeps = acc->auto_reply_copy;
	t->boxid = arena_str(x->arena, acc->boxid);
	t->result = route_box(x->c, acc->boxid, x->shm, x->now, &t->box);
	return t->boxid.p ? HIT_ACCOUNT : HIT_FULL;
}

static enum hit add_foreign(struct expansion *x, const struct name *n)
{
	struct target *t = target_new(x);

	if (!t)
		return HIT_FULL;
	t->address = n->address;
	t->member = n->depth > 0;
	t->foreign = true;
	t->result = route_relay(x->c, x->from, x->shm, x->now, &t->box);
	t->boxid = t->box ? t->box->row.boxid : STR("");
	return HIT_ACCOUNT;
}

static enum hit queue_members(struct expansion *x, struct str list, unsigned depth)
{
	struct str one;

	while (str_split(&list, ',', &one))
		if (queue_name(x, one, depth) == HIT_FULL)
			return HIT_FULL;
	return HIT_ALIAS;
}

/* 0, STORE_NONE or -1. */
static int domain_is_ours(struct expansion *x, struct str address)
{
	ptrdiff_t at = str_find(address, '@');

	return at < 0 ? STORE_NONE : store_domain(x->store, str_skip(address, (size_t)at + 1), x->e);
}

/* There is no such row: elsewhere it is a target all the same, of ours it is left out. */
static enum hit miss(struct expansion *x, const struct name *n)
{
	bool may_be_foreign = n->depth > 0 || x->from->relays;
	int rc = may_be_foreign ? domain_is_ours(x, n->address) : 0;

	if (rc == STORE_NONE)
		return add_foreign(x, n);
	if (rc == 0 && n->depth > 0)
		log_warning("alias member %.*s does not exist", STR_ARG(n->address));
	return rc < 0 ? HIT_ERROR : HIT_NONE;
}

/* The plain copies of what look-ups return borrow the store only while its read is open. */
static enum hit expand_one(struct expansion *x, const struct name *n)
{
	struct account acc;
	struct alias al;
	enum hit h = find(x, n->address, &acc, &al);

	if (n->depth == 0 && (h == HIT_ACCOUNT || h == HIT_ALIAS))
		x->spam_setting = h == HIT_ACCOUNT ? acc.spam_setting : al.spam_setting;
	if (h == HIT_ACCOUNT)
		return add_target(x, n, &acc);
	if (h == HIT_ALIAS)
		return queue_members(x, al.alias_list, n->depth + 1);
	return h == HIT_NONE ? miss(x, n) : h;
}

static enum route_result expand(struct expansion *x, struct str address)
{
	enum hit h = queue_name(x, address, 0);
	int rc;

	for (struct name *n = x->first; n && h != HIT_ERROR && h != HIT_FULL; n = n->next)
		h = expand_one(x, n);
	if (h == HIT_ERROR)
		return ROUTE_ERROR;
	if (h == HIT_FULL)
		return ROUTE_TOO_MANY;
	if (x->n_targets > 0)
		return ROUTE_OK;
	rc = x->first ? domain_is_ours(x, x->first->address) : STORE_NONE;
	return rc < 0 ? ROUTE_ERROR : rc == 0 ? ROUTE_UNKNOWN : ROUTE_FOREIGN;
}

/* <postmaster> alone: at our own name, which is never foreign, even where nobody lives there. */
static enum route_result expand_bare(struct expansion *x, struct str local)
{
	char mem[LIMIT_ADDRESS + 1];
	int n = snprintf(mem, sizeof(mem), "%.*s@%.*s", STR_ARG(local), STR_ARG(x->c->host_name));
	enum route_result res;

	if (n < 0 || n > LIMIT_ADDRESS)
		return ROUTE_UNKNOWN;
	res = expand(x, (struct str){ mem, (size_t)n });
	return res == ROUTE_FOREIGN ? ROUTE_UNKNOWN : res;
}

enum route_result route_recipient(struct store *s, struct shm *shm, const struct topo_cluster *c,
				  struct str address, const struct route_from *from,
				  int64_t mono_ms, struct arena *a, struct route_list *out)
{
	struct err e = { "" };
	bool bare = str_find(address, '@') < 0; /* at our own name: nobody relays there */
	struct route_from by = { from->sender, from->boxid, from->relays && !bare };
	struct expansion x = { .store = s, .shm = shm, .c = c, .from = &by, .now = mono_ms,
			       .wall = clock_wall_ms(), .arena = a, .e = &e,
			       .spam_setting = SPAM_CLUSTER };
	enum route_result res = ROUTE_ERROR;

	x.last = &x.first;
	*out = (struct route_list){ NULL, 0, SPAM_CLUSTER };
	if (store_read_begin(s, &e) == 0) {
		res = bare ? expand_bare(&x, address) : expand(&x, address);
		store_read_end(s);
	}
	HASH_CLEAR(hh, x.seen);
	if (res == ROUTE_ERROR)
		log_warning("account database: %s", e.text);
	if (res == ROUTE_OK)
		*out = (struct route_list){ x.targets, x.n_targets, x.spam_setting };
	return res;
}

/* --- senders --- */

/* Does this alias lead to the account? It is expanded as it would be for a mail. */
static enum route_result leads_to(struct store *s, const struct topo_cluster *c,
				  struct str alias, struct str login, struct arena *a, bool *does)
{
	static const struct route_from nobody;
	struct route_list list;
	enum route_result res = route_recipient(s, NULL, c, alias, &nobody, 0, a, &list);

	for (unsigned i = 0; i < list.n; i++)
		*does |= str_eq(list.v[i].address, login);
	return res == ROUTE_ERROR ? ROUTE_ERROR : ROUTE_OK;
}

static enum hit find_sender(struct expansion *x, struct str sender, struct account *acc,
			    struct alias *al)
{
	char mem[LIMIT_ADDRESS];
	struct str plain = { NULL, 0 };
	enum hit h = look(x, sender, acc, al);

	if (h == HIT_NONE && x->c->row.plus_addressing)
		plain = without_tag(sender, mem);
	return plain.n > 0 ? look(x, plain, acc, al) : h;
}

/* Reads the row; *own is known for an account, for an alias it is to be seen. */
static enum hit sender_row(struct expansion *x, struct str sender, struct str login,
			   struct route_sender *out)
{
	struct account acc;
	struct alias al;
	enum hit h = find_sender(x, sender, &acc, &al);

	out->ours = h == HIT_ACCOUNT || h == HIT_ALIAS;
	if (h == HIT_ACCOUNT) {
		out->remote = acc.allow_remote_deliveries;
		out->unlimited = lasts(acc.mail_unlimited, acc.mail_unlimited_expiry, x->wall);
		out->rcpt_per_mail = acc.rcpt_per_mail;
		out->name = arena_str(x->arena, acc.email_address);
		out->boxid = arena_str(x->arena, acc.boxid);
		out->own = login.n > 0 && str_eq(acc.email_address, login);
		return out->boxid.p && out->name.p ? h : HIT_ERROR;
	}
	if (h == HIT_ALIAS) {
		out->remote = al.allow_remote_deliveries;
		out->unlimited = lasts(al.mail_unlimited, al.mail_unlimited_expiry, x->wall);
		out->rcpt_per_mail = al.rcpt_per_mail;
		out->name = arena_str(x->arena, al.alias_address);
		return out->name.p ? h : HIT_ERROR;
	}
	return h;
}

enum route_result route_sender(struct store *s, const struct topo_cluster *c, struct str sender,
			       struct str login, int64_t wall_ms, struct arena *a,
			       struct route_sender *out)
{
	struct err e = { "" };
	struct expansion x = { .store = s, .c = c, .wall = wall_ms, .arena = a, .e = &e };
	enum hit h = HIT_ERROR;

	*out = (struct route_sender){ .rcpt_per_mail = FIELD_EMPTY, .name = STR(""),
				      .boxid = STR("") };
	if (store_read_begin(s, &e) == 0) {
		h = sender_row(&x, sender, login, out);
		store_read_end(s);
	}
	if (h == HIT_ERROR) {
		log_warning("account database: %s", e.text);
		return ROUTE_ERROR;
	}
	if (h == HIT_ALIAS && login.n > 0)
		return leads_to(s, c, sender, login, a, &out->own);
	return ROUTE_OK;
}

/* --- accounts --- */

/* All texts of the account move into the arena. */
static int own_account(struct account *acc, struct arena *a, struct err *e)
{
	for (unsigned i = 0; i < table_accounts.n_fields; i++) {
		const struct field *f = &table_accounts.fields[i];
		struct str *v = (struct str *)(void *)((char *)acc + f->offset);

		if (!field_is_text(f->kind))
			continue;
		*v = arena_str(a, *v);
		if (!v->p) /* an empty password would mean another thing */
			return err_set(e, "no memory left for an account");
	}
	return 0;
}

enum route_result route_account(struct store *s, struct str address, struct arena *a,
				struct account *acc)
{
	struct err e = { "" };
	int rc = store_read_begin(s, &e);

	if (rc == 0) {
		rc = store_account(s, address, acc, &e);
		if (rc == 0)
			rc = own_account(acc, a, &e);
		store_read_end(s);
	}
	if (rc < 0)
		log_warning("account database: %s", e.text);
	return rc < 0 ? ROUTE_ERROR : rc == STORE_NONE ? ROUTE_UNKNOWN : ROUTE_OK;
}
