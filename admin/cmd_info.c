/* General settings and credentials. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "admin/auth.h"
#include "admin/change.h"
#include "admin/handlers.h"
#include "admin/record.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "shm/clients.h"
#include "shm/dictionary.h"
#include "shm/penalty.h"

/* Times of greylisting that contradict each other are made the best of (lib/guard/greylist.h), but hardly meant. */
static void tell_settings(struct call *c, const union record *rec)
{
	const struct settings *s = &rec->settings;
	const char *why = NULL;

	if (s->greylist_initial_min > s->greylist_initial_suspicious_min)
		why = "greylist_initial_suspicious_min is shorter than greylist_initial_min: suspicious mail waits "
		      "as long as any";
	else if (s->greylist_initial_suspicious_min >= s->greylist_first_window_min)
		why = "greylist_first_window_min is over before greylist_initial_suspicious_min is: a window then lasts "
		      "twice that time";
	else if (s->greylist_max_age_min <= s->greylist_first_window_min)
		why = "greylist_max_age_min is not longer than greylist_first_window_min: who has passed is forgotten "
		      "sooner than who has not";
	if (why)
		xml_out_text(&c->body, "warning", str_z(why));
}

static const struct record_kind settings = {
	.table = &table_settings, .publish = true, .always = true, .tell = tell_settings
};

/* --- getinfo --- */

static int write_table(struct call *c, struct store *s, const struct table *t)
{
	struct err e = { "" };
	uint64_t n;

	if (store_count(s, t, &n, &e) < 0)
		return change_unavailable(c, &e);
	xml_out_open(&c->body, "table", -1);
	xml_out_text(&c->body, "name", str_z(t->name));
	xml_out_int(&c->body, "rows", (int64_t)n);
	xml_out_close(&c->body, "table");
	return 0;
}

static int64_t tables_of(const struct table *const *t)
{
	int64_t n = 0;

	while (t[n])
		n++;
	return n;
}

/* Tables and their rows, of one environment. */
static int write_store(struct call *c, struct store *s, const struct table *const *t)
{
	struct err e = { "" };
	int rc = s ? store_read_begin(s, &e) : 0;

	if (rc < 0)
		return change_unavailable(c, &e);
	for (; s && *t && rc == 0; t++)
		rc = write_table(c, s, *t);
	if (s)
		store_read_end(s);
	return rc;
}

void cmd_getinfo(struct call *c)
{
	int64_t up = clock_wall_ms() - shm_started(c->env->shm);
	struct store *traffic = c->env->traffic;
	union record rec;

	if (record_get(c, &settings, false, &rec) < 0)
		return;
	xml_out_text(&c->body, "version", STR(PB_VERSION));
	xml_out_int(&c->body, "uptime_s", up > 0 ? up / 1000 : 0);
	xml_out_text(&c->body, "sisters", STR(""));
	xml_out_open(&c->body, "tables",
		     tables_of(accounts_tables) + (traffic ? tables_of(traffic_tables) : 0));
	if (write_store(c, c->env->accounts, accounts_tables) < 0 ||
	    write_store(c, traffic, traffic_tables) < 0)
		return;
	xml_out_close(&c->body, "tables");
}

void cmd_commitmodifyinfo(struct call *c)
{
	record_modify(c, &settings);
}

/* --- sisters --- */

void cmd_listsisters(struct call *c)
{
	xml_out_open(&c->body, "sisters", 0);
	xml_out_close(&c->body, "sisters");
}

/* There are no sisters yet. */
void cmd_conflicts(struct call *c)
{
	xml_out_open(&c->body, "conflicts", 0);
	xml_out_close(&c->body, "conflicts");
}

/* One credential inside the transaction: 0, or -1 after call_fail. */
static int put_credential(struct call *c, const char *name, struct str hash)
{
	struct credential row = { str_z(name), hash };
	struct err e = { "" };

	if (store_put(c->env->accounts, &table_credentials, &row, &e) < 0) {
		change_abort(c);
		return change_unavailable(c, &e);
	}
	return 0;
}

void cmd_setsisterkey(struct call *c)
{
	if (change_begin(c) < 0 || put_credential(c, "sisterkey", c->args.sister_key) < 0)
		return;
	if (change_commit(c, STR("")) < 0)
		return;
	c->publish = true; /* what signs rewritten senders comes of it */
	log_info("the sisters' key was set");
}

/* --- changepassword --- */

/* The file holds what is no longer true, or will not be told again. */
static void remove_first_login(const struct call *c)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/first-login", c->env->dir);

	if (n > 0 && (size_t)n < sizeof(path) && unlink(path) < 0 && errno != ENOENT)
		log_warning("%s cannot be removed: %s", path, strerror(errno));
}

/* Runs beside the loop: the rounds of a hash take their time. */
void cmd_changepassword(struct call *c)
{
	struct str password = c->args.password, key = c->args.new_accesskey;
	char password_hash[AUTH_HASH_TEXT], key_hash[AUTH_HASH_TEXT];

	if (password.n == 0 && key.n == 0) {
		call_fail(c, 400, "missing_parameter",
			  "changepassword needs password, new_accesskey, or both");
		return;
	}
	if (password.n > 0)
		auth_hash(password, password_hash);
	if (key.n > 0)
		auth_hash(key, key_hash);
	if (change_begin(c) < 0 ||
	    (password.n > 0 && put_credential(c, "password", str_z(password_hash)) < 0) ||
	    (key.n > 0 && put_credential(c, "accesskey", str_z(key_hash)) < 0))
		return;
	if (change_commit(c, STR("")) == 0)
		remove_first_login(c);
}

/* --- clearip --- */

void cmd_clearip(struct call *c)
{
	struct shm *shm = c->env->shm;
	char text[ADDR_TEXT];
	struct ipaddr ip;
	struct err e;

	if (ip_parse(c->args.address, &ip, &e) < 0) {
		call_fail(c, 400, "bad_value", "address: %s", e.text);
		return;
	}
	auth_succeeded(shm, &ip);
	penalty_clear(shm, penalty_network(shm, PENALTY_LOGINS, &ip));
	for (int i = 0; i < MAX_CLUSTERS; i++)
		dictionary_forget(shm, client_key(shm, i, &ip));
	if (change_note(c) == 0)
		xml_out_text(&c->body, "address", str_z(ip_text(&ip, text)));
}
