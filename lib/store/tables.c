#include "lib/store/tables.h"

/*  One line of the description becomes one row of the table. */
#define ROW(record, id, name, kind, flags, dflt, min, max, words, help) \
	{ id, flags, FK_##kind, #name, offsetof(struct record, name), dflt, min, max, words, help },

#define ACCOUNT_ROW(...) ROW(account, __VA_ARGS__)
#define ALIAS_ROW(...) ROW(alias, __VA_ARGS__)
#define CLUSTER_ROW(...) ROW(cluster, __VA_ARGS__)
#define BOX_ROW(...) ROW(box, __VA_ARGS__)
#define SETTINGS_ROW(...) ROW(settings, __VA_ARGS__)
#define CREDENTIAL_ROW(...) ROW(credential, __VA_ARGS__)
#define AUDIT_ROW(...) ROW(audit, __VA_ARGS__)
#define BLOCKED_ROW(...) ROW(blocked, __VA_ARGS__)
#define LEDGER_ROW(...) ROW(ledger, __VA_ARGS__)
#define WHITELIST_ROW(...) ROW(whitelist, __VA_ARGS__)
#define REPLIED_ROW(...) ROW(replied, __VA_ARGS__)
#define APPLIED_ROW(...) ROW(applied, __VA_ARGS__)
#define GREYLIST_ROW(...) ROW(greylist_row, __VA_ARGS__)
#define TRUST_ROW(...) ROW(trust_row, __VA_ARGS__)
#define NAMING_ROW(...) ROW(naming_row, __VA_ARGS__)
#define SPREAD_ROW(...) ROW(spread_row, __VA_ARGS__)
#define ACCESS_ROW(...) ROW(access, __VA_ARGS__)

static const struct field account_fields[] = { ACCOUNT_FIELDS(ACCOUNT_ROW) };
static const struct field alias_fields[] = { ALIAS_FIELDS(ALIAS_ROW) };
static const struct field cluster_fields[] = { CLUSTER_FIELDS(CLUSTER_ROW) };
static const struct field box_fields[] = { BOX_FIELDS(BOX_ROW) };
static const struct field settings_fields[] = { SETTINGS_FIELDS(SETTINGS_ROW) };
static const struct field credential_fields[] = { CREDENTIAL_FIELDS(CREDENTIAL_ROW) };
static const struct field audit_fields[] = { AUDIT_FIELDS(AUDIT_ROW) };
static const struct field blocked_fields[] = { BLOCKED_FIELDS(BLOCKED_ROW) };
static const struct field ledger_fields[] = { LEDGER_FIELDS(LEDGER_ROW) };
static const struct field whitelist_fields[] = { WHITELIST_FIELDS(WHITELIST_ROW) };
static const struct field replied_fields[] = { REPLIED_FIELDS(REPLIED_ROW) };
static const struct field applied_fields[] = { APPLIED_FIELDS(APPLIED_ROW) };
static const struct field greylist_fields[] = { GREYLIST_FIELDS(GREYLIST_ROW) };
static const struct field trust_fields[] = { TRUST_FIELDS(TRUST_ROW) };
static const struct field naming_fields[] = { NAMING_FIELDS(NAMING_ROW) };
static const struct field spread_fields[] = { SPREAD_FIELDS(SPREAD_ROW) };
static const struct field access_fields[] = { ACCESS_FIELDS(ACCESS_ROW) };

#define TABLE(id, name, fields, record, repl, by_field) \
	{ id, 1, name, fields, ARRAY_LEN(fields), sizeof(struct record), \
	  .replicated = repl, .field_stamps = by_field }
/* Of pairs, found by either half. */
#define PAIRS(id, name, fields, record) \
	{ id, 1, name, fields, ARRAY_LEN(fields), sizeof(struct record), \
	  .replicated = true, .mirrored = true }
/* Of packed records. */
#define PACKED(id, name, fields, record) \
	{ id, 1, name, fields, ARRAY_LEN(fields), sizeof(struct record), \
	  .replicated = true, .compact = true }

/* An id never changes its meaning; a new meaning takes a new id. */
const struct table table_accounts = TABLE(1, "accounts", account_fields, account, true, true);
const struct table table_aliases = TABLE(2, "aliases", alias_fields, alias, true, false);
const struct table table_clusters = TABLE(3, "clusters", cluster_fields, cluster, true, false);
const struct table table_boxes = TABLE(4, "boxes", box_fields, box, true, false);
const struct table table_settings = TABLE(5, "settings", settings_fields, settings, true, true);
const struct table table_credentials =
	TABLE(6, "credentials", credential_fields, credential, false, false);
const struct table table_ledger = TABLE(7, "ledger", ledger_fields, ledger, true, false);
const struct table table_audit = TABLE(8, "audit", audit_fields, audit, false, false);
const struct table table_blocked = TABLE(9, "blocked", blocked_fields, blocked, true, false);
const struct table table_whitelist = PAIRS(10, "whitelist", whitelist_fields, whitelist);
const struct table table_replied = PAIRS(11, "replied", replied_fields, replied);
const struct table table_greylist = PACKED(12, "greylist", greylist_fields, greylist_row);
const struct table table_trust = PACKED(13, "trust", trust_fields, trust_row);
const struct table table_spread = PACKED(14, "spread", spread_fields, spread_row);
const struct table table_access = TABLE(15, "access", access_fields, access, true, false);
const struct table table_naming = PACKED(17, "naming", naming_fields, naming_row);
const struct table table_applied = TABLE(16, "applied", applied_fields, applied, false, false);

const struct table *const accounts_tables[] = { &table_accounts, &table_aliases, &table_clusters,
						&table_boxes,	 &table_settings,
						&table_credentials, &table_audit, NULL };
const struct table *const traffic_tables[] = { &table_ledger, &table_blocked, &table_whitelist,
					       &table_replied, &table_greylist, &table_trust, &table_spread,
					       &table_naming, &table_access, &table_applied, NULL };
