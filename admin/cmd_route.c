/* Where would a mail go, and what would the guard say? A dry run: nothing is sent, counted or learned. */
#include "admin/change.h"
#include "admin/handlers.h"
#include "lib/base/clock.h"
#include "lib/guard/gate_store.h"
#include "lib/route/route.h"

#define STEPS_SHOWN 1000 /* of the tree */
#define EXPLAINED 1000	 /* bytes of a score's reasons */

struct dry_run {
	struct call *c;
	struct topology *topology;
	struct route_from from;
	struct str recipient;
	struct ipaddr client;
	bool has_client;
};

/* code, and in words */
static const struct {
	const char *code, *words;
} results[] = {
	[ROUTE_OK] = { "ok", "goes to its box" },
	[ROUTE_UNKNOWN] = { "unknown", "there is no such account or alias: 550" },
	[ROUTE_FOREIGN] = { "foreign", "is not of this site: 550 for strangers" },
	[ROUTE_NO_BOX] = { "no_box", "has no box in this cluster: 451 until it has" },
	[ROUTE_BOX_DOWN] = { "box_down", "its box and the fall-overs take nothing now: 451" },
	[ROUTE_NO_RELAY] = { "no_relay", "no box that relays is green: 451" },
	[ROUTE_TOO_MANY] = { "too_many", "leads to too many addresses: 550" },
	[ROUTE_ERROR] = { "error", "cannot be looked up now: 451" },
};

/* --- targets --- */

static void write_target(struct xml_out *o, const struct target *t)
{
	static const char *const lights[] = { "green", "yellow", "red" };

	xml_out_open(o, "target", -1);
	xml_out_text(o, "email_address", t->address);
	xml_out_text(o, "boxid", t->boxid);
	xml_out_text(o, "to", t->box ? t->box->row.boxid : STR(""));
	xml_out_text(o, "light", str_z(t->box ? lights[t->box->light] : ""));
	xml_out_text(o, "result", str_z(results[t->result].code));
	xml_out_text(o, "words",
		     str_z(t->foreign && t->result == ROUTE_OK ? "goes to the world through this relay box" :
								 results[t->result].words));
	xml_out_close(o, "target");
}

static void write_targets(struct xml_out *o, enum route_result r, const struct route_list *list)
{
	xml_out_text(o, "result", str_z(results[r].code));
	xml_out_text(o, "words", str_z(results[r].words));
	xml_out_open(o, "targets", list->n);
	for (unsigned i = 0; i < list->n; i++)
		write_target(o, &list->v[i]);
	xml_out_close(o, "targets");
}

/* --- the guard --- */

static void write_judgement(struct xml_out *o, const struct gate_judgement *j)
{
	char text[EXPLAINED];
	struct buf why = { .mem = text, .cap = sizeof(text), .max = sizeof(text) };

	(void)!suspicion_explain(&j->why, &why); /* what has no room is left out */
	xml_out_text(o, "judgement", str_z(gate_text(j->outcome)));
	xml_out_int(o, "would_pass", gate_passes(j));
	xml_out_int(o, "seconds_left", gate_passes(j) ? 0 : j->greylist.seconds_left);
	xml_out_int(o, "score", j->score);
	xml_out_text(o, "why", buf_str(&why));
}

/* As sessions ask it (lib/session/stranger.c), but for what only a session knows: early talk and DNS lists. */
static int write_guard(struct dry_run *d, const struct topo_cluster *c, const struct route_list *list)
{
	struct settings *s = &d->topology->settings;
	struct gate_rules rules = gate_rules_of(s, &c->row);
	struct gate_envelope e = { d->client, d->from.sender, d->recipient, d->topology->sketch_key };
	struct sight known = { .off = !gate_is_wanted(list->spam_setting, &c->row),
			       .spared = d->from.relays ||
					 ranges_contain(&c->spam_whitelist, &d->client) };
	struct xml_out *o = &d->c->body;
	struct gate_judgement j;

	if (gate_look(d->c->env->traffic, &e, &rules,
		      decimal_min_ms(s->whitelist_max_age_min), clock_wall_ms(), &known) < 0) {
		call_fail(d->c, 503, "store_failed", "what the guard knows cannot be read now");
		return -1;
	}
	j = gate_judge(&known, &rules, clock_wall_ms());
	xml_out_open(o, "guard", -1);
	if (ranges_contain(&c->block, &d->client))
		xml_out_text(o, "door", STR("refused when it connects: block_ranges"));
	else if (d->from.relays)
		xml_out_text(o, "door", STR("a relay client: the guard does not hold it up"));
	else
		xml_out_text(o, "door", STR("a stranger"));
	write_judgement(o, &j);
	xml_out_close(o, "guard");
	return 0;
}

static int run_cluster(struct dry_run *d, const struct topo_cluster *c)
{
	struct xml_out *o = &d->c->body;
	struct route_list list = { .spam_setting = SPAM_CLUSTER };
	enum route_result r;

	d->from.relays = d->has_client && ranges_contain(&c->relay, &d->client);
	r = route_recipient(d->c->env->accounts, d->c->env->shm, c, d->recipient,
			    &d->from, clock_mono_ms(), d->c->arena, &list);
	xml_out_open(o, "cluster", -1);
	xml_out_text(o, "clusterid", c->row.clusterid);
	write_targets(o, r, &list);
	if (d->has_client && r == ROUTE_OK && write_guard(d, c, &list) < 0)
		return -1;
	xml_out_close(o, "cluster");
	return 0;
}

static int run_clusters(struct dry_run *d)
{
	xml_out_open(&d->c->body, "clusters", -1);
	for (unsigned i = 0; i < d->topology->n_clusters; i++) {
		const struct topo_cluster *c = &d->topology->clusters[i];

		if (c->protocol == PROTO_SMTP && run_cluster(d, c) < 0)
			return -1;
	}
	xml_out_close(&d->c->body, "clusters");
	return 0;
}

/* --- the tree of an alias --- */

struct tree {
	struct store *store;
	struct arena *arena;
	struct xml_out rows;
	unsigned steps;
};

static void write_step(struct tree *t, unsigned depth, struct str address,
		       const char *kind, struct str boxid)
{
	xml_out_open(&t->rows, "step", -1);
	xml_out_int(&t->rows, "depth", depth);
	xml_out_text(&t->rows, "email_address", address);
	xml_out_text(&t->rows, "kind", str_z(kind));
	xml_out_text(&t->rows, "boxid", boxid);
	xml_out_close(&t->rows, "step");
}

/* Within a read. -1: not readable. */
/* NOLINTNEXTLINE(misc-no-recursion): LIMIT_ALIAS_DEPTH deep */
static int walk(struct tree *t, unsigned depth, struct str address, struct err *e)
{
	struct str rest, member;
	struct account account;
	struct alias alias;
	int rc;

	if (++t->steps > STEPS_SHOWN)
		return 0;
	rc = store_get(t->store, &table_accounts, address, &account, NULL, e);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		write_step(t, depth, address, "account", account.boxid);
		return 0;
	}
	rc = store_get(t->store, &table_aliases, address, &alias, NULL, e);
	if (rc < 0)
		return -1;
	write_step(t, depth, address,
		   rc != 0		     ? "foreign" :
		   depth < LIMIT_ALIAS_DEPTH ? "alias" :
					       "too deep",
		   STR(""));
	rest = arena_str(t->arena, rc == 0 ? alias.alias_list : STR(""));
	while (rc == 0 && depth < LIMIT_ALIAS_DEPTH && str_split(&rest, ',', &member))
		if (walk(t, depth + 1, str_trim(member), e) < 0)
			return -1;
	return 0;
}

static int write_tree(struct call *c, struct str address)
{
	struct tree t = { .store = c->env->accounts, .arena = c->arena };
	struct err e = { "" };
	int rc = store_read_begin(t.store, &e);

	xml_out_init(&t.rows, 2);
	if (rc == 0) {
		rc = walk(&t, 0, address, &e);
		store_read_end(t.store);
	}
	if (rc == 0) {
		xml_out_open(&c->body, "tree", t.steps);
		xml_out_piece(&c->body, &t.rows);
		xml_out_close(&c->body, "tree");
	}
	xml_out_free(&t.rows);
	return rc < 0 ? change_unavailable(c, &e) : 0;
}

/* --- put together --- */

static int run_dry(struct call *c, struct topology *t)
{
	struct dry_run d = { .c = c,
			     .topology = t,
			     .recipient = call_text(c, "email_address"),
			     .from = { .sender = c->args.sender, .boxid = STR("") } };
	struct err e;

	d.has_client = c->args.address.n > 0 && ip_parse(c->args.address, &d.client, &e) == 0;
	if (write_tree(c, d.recipient) < 0)
		return -1;
	return run_clusters(&d);
}

void cmd_route(struct call *c)
{
	struct topology *t;
	struct err e = { "" };

	if (topology_build(&t, c->env->accounts, c->env->shm, 0, &e) < 0) {
		change_unavailable(c, &e);
		return;
	}
	xml_out_text(&c->body, "email_address", call_text(c, "email_address"));
	(void)run_dry(c, t);
	topology_unref(&t);
}
