#include "lib/guard/access.h"

#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/guard/fact.h"
#include "shm/journal.h"
#include "shm/penalty.h"
#include "shm/quota.h"

#define HOURS_BACK 24 /* how far the last hour with mails is looked for */

/* --- subjects --- */

static uint64_t subject_of(const struct shm *shm, struct str account, const struct ipaddr *network)
{
	char text[sizeof(network->b) + LIMIT_ADDRESS];

	account.n = account.n < LIMIT_ADDRESS ? account.n : LIMIT_ADDRESS;
	memcpy(text, network->b, sizeof(network->b));
	str_lower(text + sizeof(network->b), account);
	return hash_sip(shm_secret(shm), (struct str){ text, sizeof(network->b) + account.n });
}

uint64_t access_subject(const struct shm *shm, struct str account)
{
	static const struct ipaddr all;

	return subject_of(shm, account, &all);
}

/* Once an hour over all workers. */
static bool is_due(struct shm *shm, enum quota_kind kind, uint64_t subject, int64_t mono_ms)
{
	return quota_add(shm, kind, subject, 1, ACCESS_HOUR_MS, mono_ms) == 1;
}

/* --- facts --- */

static void report(struct shm *shm, unsigned slot, struct str account, struct access *fact)
{
	char bytes[LIMIT_JOURNAL_ENTRY];
	struct folded f;
	struct str payload;

	if (fold_address(&f, account) < 0)
		return;
	fact->email_address = f.s;
	if (fact_encode(&table_access, fact, bytes, &payload) == 0)
		journal_offer(shm, slot, JOURNAL_ACCESS, payload); /* counts what it drops */
}

void access_succeeded(struct shm *shm, unsigned slot, struct str account,
		      const struct ipaddr *client, const char *protocol, struct access_time now)
{
	struct ipaddr network = ip_network(client);
	struct access fact;
	char text[ADDR_TEXT];

	if (!is_due(shm, QUOTA_LOGIN_NOTED, subject_of(shm, account, &network), now.mono_ms))
		return;
	record_defaults(&table_access, &fact);
	fact.last_login = now.wall_ms;
	fact.last_network = str_z(ip_text(&network, text));
	fact.last_protocol = str_z(protocol);
	fact.successes = 1;
	report(shm, slot, account, &fact);
}

void access_failed(struct shm *shm, unsigned slot, struct str account, struct access_time now)
{
	struct access fact;

	if (!is_due(shm, QUOTA_FAILURE_NOTED, access_subject(shm, account), now.mono_ms))
		return;
	record_defaults(&table_access, &fact);
	fact.last_failure = now.wall_ms;
	fact.failures = 1;
	report(shm, slot, account, &fact);
}

/* The number of the hour that the window of mono_ms began in: a window later it is one more. */
static int64_t hour_of(struct access_time now)
{
	return (now.wall_ms - now.mono_ms % ACCESS_HOUR_MS) / ACCESS_HOUR_MS;
}

/* The first mail of an hour tells of the last hour that had some. */
static void report_sent(struct shm *shm, unsigned slot, struct str account, struct access_time now)
{
	uint64_t subject = access_subject(shm, account);

	for (int64_t back = 1; back <= HOURS_BACK; back++) {
		int64_t then = now.mono_ms - back * ACCESS_HOUR_MS;
		unsigned n = then < 0 ? 0 : quota_sum(shm, QUOTA_RECIPIENTS, subject, ACCESS_HOUR_MS, then);
		struct access fact;

		if (n == 0)
			continue;
		record_defaults(&table_access, &fact);
		fact.recipients_hour = (int64_t)n * 1000;
		fact.recipients_at = hour_of(now) - back;
		report(shm, slot, account, &fact);
		return;
	}
}

unsigned access_sent(struct shm *shm, unsigned slot, struct str account,
		     unsigned recipients, struct access_time now)
{
	unsigned sum = quota_add(shm, QUOTA_RECIPIENTS, access_subject(shm, account),
				 recipients, ACCESS_HOUR_MS, now.mono_ms);

	if (sum == recipients)
		report_sent(shm, slot, account, now);
	return sum;
}

/* --- looking it up --- */

/* Is the word among those of the list? */
static bool has_word(struct str list, struct str word)
{
	struct str w;

	while (str_split(&list, ' ', &w))
		if (str_eq(w, word))
			return true;
	return false;
}

int access_knows(struct store *traffic, struct str account, const struct ipaddr *client)
{
	struct ipaddr network = ip_network(client);
	char text[ADDR_TEXT];
	struct err e = { "" };
	struct access row;
	struct folded f;
	bool knows = false;
	int rc;

	if (!traffic || fold_address(&f, account) < 0)
		return 0;
	rc = store_read_begin(traffic, &e);
	if (rc == 0) {
		rc = store_get(traffic, &table_access, f.s, &row, NULL, &e);
		knows = rc == 0 && has_word(row.networks, str_z(ip_text(&network, text)));
		store_read_end(traffic);
	}
	if (rc < 0)
		log_warning("guard: %s", e.text);
	return rc < 0 ? -1 : knows;
}

int64_t access_average(struct store *traffic, struct str account)
{
	struct access row;
	struct folded f;

	if (fold_address(&f, account) < 0)
		return 0;
	record_defaults(&table_access, &row);
	row.email_address = f.s;
	return fact_row(traffic, &table_access, &row, &row) > 0 ? row.recipients_hour : 0;
}

/* --- merging --- */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t added(int64_t a, int64_t b)
{
	return a < INT64_MAX - b ? a + b : INT64_MAX;
}

/* The network in front, behind it those that were used before, as many as there is room for. */
/* NOLINTBEGIN(readability-non-const-parameter): out is written through the buf */
static struct str in_front(struct str list, struct str network, char out[ACCESS_NETWORKS_TEXT])
/* NOLINTEND(readability-non-const-parameter) */
{
	struct buf b = { .mem = out, .cap = ACCESS_NETWORKS_TEXT, .max = ACCESS_NETWORKS_TEXT };
	struct str w;

	(void)!buf_add(&b, network);
	for (int n = 1; n < ACCESS_NETWORKS && str_split(&list, ' ', &w);) {
		if (w.n == 0 || w.n >= ADDR_TEXT || str_eq(w, network))
			continue;
		(void)!(buf_addc(&b, ' ') == 0 && buf_add(&b, w) == 0);
		n++;
	}
	return buf_str(&b);
}

/* An hour that has been counted, or one before it, changes nothing. */
static void merge_sent(struct access *row, const struct access *fact)
{
	int64_t hours = fact->recipients_at - row->recipients_at;

	if (fact->recipients_at == 0 || hours <= 0)
		return;
	if (row->recipients_at == 0) {
		row->recipients_hour = fact->recipients_hour;
	} else {
		for (int64_t i = 0; i < hours && row->recipients_hour > 0; i++)
			row->recipients_hour -= (row->recipients_hour + ACCESS_AVERAGE_HOURS - 1) /
						ACCESS_AVERAGE_HOURS;
		row->recipients_hour += fact->recipients_hour / ACCESS_AVERAGE_HOURS;
	}
	row->recipients_at = fact->recipients_at;
}

void access_merge(struct access *row, const struct access *fact, char networks[ACCESS_NETWORKS_TEXT])
{
	row->successes = added(row->successes, fact->successes);
	row->failures = added(row->failures, fact->failures);
	row->last_failure = later(row->last_failure, fact->last_failure);
	if (fact->last_network.n > 0 && fact->last_login < row->last_login) {
		char behind[ACCESS_NETWORKS_TEXT]; /* workers are read in turn: not in order of time */
		struct str rest = in_front(row->networks, fact->last_network, behind);

		row->networks = in_front(rest, row->last_network, networks);
	} else if (fact->last_network.n > 0) {
		row->networks = in_front(row->networks, fact->last_network, networks);
		row->last_login = fact->last_login;
		row->last_network = fact->last_network;
		row->last_protocol = fact->last_protocol;
	}
	merge_sent(row, fact);
}

int64_t access_last(const struct access *row)
{
	int64_t sent = row->recipients_at > 0 ? row->recipients_at * ACCESS_HOUR_MS : -1;

	return later(later(row->last_login, row->last_failure), sent);
}
