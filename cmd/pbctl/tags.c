#include "cmd/pbctl/tags.h"

#include "admin/args.h"
#include "lib/store/tables.h"
#include "shm/counters.h"
#include "shm/history.h"

/* --- what only answers have --- */

const struct answer_tag answer_tags[] = {
	{ "warning", TAG_TEXT,
	  "addnewemail commitmodifyemail moveemail addnewalias commitmodifyalias addcluster "
	  "commitmodifycluster commitmodifyinfo listclusters deletebox setblockip trace",
	  "what was done or stored, but will hardly be meant so" },
	{ "emails", TAG_ROWS, "searchemail", "the accounts of the page, as <email> each; total: how many match" },
	{ "aliases", TAG_ROWS, "searchalias", "the aliases of the page, as <alias> each; total: how many match" },
	{ "moved", TAG_NUMBER, "moveemail", "accounts that were on another box" },
	{ "blockedips", TAG_ROWS, "blockedips", "<blockedip> rows; total: all there are" },
	{ "blockedip", TAG_ROWS, "trace", "the block of the address or the account" },
	{ "reason", TAG_TEXT, "blockedips trace stats reread import", "why" },
	{ "since", TAG_TEXT, "blockedips trace", "date" },
	{ "count", TAG_NUMBER, "blockedips trace", "how often it was refused since; of a correspondent: hours with mails" },
	{ "by", TAG_TEXT, "blockedips trace", "who set the block" },
	{ "sequence", TAG_NUMBER, "vacuum", "the last change that the files show, for reread" },
	{ "read", TAG_NUMBER, "reread import", "lines of both files that are not empty" },
	{ "skipped", TAG_NUMBER, "reread import", "lines that could not be taken" },
	{ "added", TAG_NUMBER, "reread import", "rows" },
	{ "changed", TAG_NUMBER, "reread import", "rows" },
	{ "removed", TAG_NUMBER, "reread import", "rows" },
	{ "badlines", TAG_ROWS, "reread import",
	  "the first lines that were skipped, as <badline> each; total: all of them" },
	{ "file", TAG_TEXT, "reread import export", "email.csv or alias.csv; of import: where the line stands" },
	{ "line", TAG_NUMBER, "reread import", "its number, from 1" },
	{ "clusters", TAG_ROWS, "listclusters stats exportconfig", "<cluster> rows" },
	{ "clusters", TAG_NUMBER, "importconfig", "clusters that there are now" },
	{ "boxes", TAG_ROWS, "listclusters stats exportconfig", "<box> rows of a cluster" },
	{ "boxes", TAG_NUMBER, "importconfig", "boxes that there are now" },
	{ "light", TAG_TEXT, "green yellow red listclusters stats exportconfig trace",
	  "green, yellow or red" },
	{ "listening", TAG_NUMBER, "listclusters stats", "1: the cluster's listener is open" },
	{ "failures_in_a_row", TAG_NUMBER, "listclusters stats trace", "failures of the box since it last worked" },
	{ "passed_over_ms", TAG_NUMBER, "listclusters stats trace", "so long no new sessions go to the box" },
	{ "last_failure", TAG_TEXT, "listclusters stats trace", "what failed" },
	{ "check", TAG_TEXT, "listclusters stats",
	  "how the last health check found the box: well; login: it answers, but not to the login of the check; "
	  "refuses: it answers, but does not let us in; ill: it does not answer; none: there was none yet" },
	{ "check_ago_ms", TAG_NUMBER, "listclusters stats", "how long ago that was" },
	{ "check_took_us", TAG_NUMBER, "listclusters stats", "how long it took, in microseconds" },
	{ "check_text", TAG_TEXT, "listclusters stats", "what is wrong; where it is well, what its EHLO offers" },
	{ "box", TAG_ROWS, "trace", "a box of the account, and how it is" },
	{ "settings", TAG_ROWS, "exportconfig", "the general settings" },
	{ "version", TAG_TEXT, "getinfo stats", "of the service" },
	{ "uptime_s", TAG_NUMBER, "getinfo stats", "seconds since the service was started" },
	{ "sisters", TAG_TEXT, "getinfo", "empty: there are none" },
	{ "sisters", TAG_ROWS, "listsisters", "<sister> rows" },
	{ "tables", TAG_ROWS, "getinfo", "<table> rows: what the databases hold" },
	{ "name", TAG_TEXT, "getinfo trace", "of the table; of the setting that holds the range" },
	{ "rows", TAG_NUMBER, "getinfo", "of the table" },
	{ "workers", TAG_ROWS, "stats",
	  "<worker> rows: the processes that serve sessions, each with its own counters" },
	{ "processes", TAG_ROWS, "stats", "<process> rows: the others" },
	{ "slot", TAG_NUMBER, "stats", "its number in shared memory" },
	{ "pid", TAG_NUMBER, "stats", "process id; 0: it does not run" },
	{ "role", TAG_TEXT, "stats", "what it does, as ps shows it" },
	{ "restarts", TAG_NUMBER, "stats", "how often it was started anew" },
	{ "flags", TAG_ROWS, "stats",
	  "<flag> rows, the newest first: accounts that the guard found remarkable; nobody is refused for it" },
	{ "flag", TAG_ROWS, "stats", "one of them" },
	{ "journal", TAG_ROWS, "stats", "facts on their way to disk" },
	{ "published_bytes", TAG_NUMBER, "stats", "handed over" },
	{ "applied_bytes", TAG_NUMBER, "stats", "of them on disk" },
	{ "dropped", TAG_NUMBER, "stats", "facts that found no room" },
	{ "latency", TAG_ROWS, "stats", "<bucket> rows: how long the box took to answer" },
	{ "below_ms", TAG_NUMBER, "stats",
	  "answers that took less, and not less than the bucket before; empty: all the rest" },
	{ "answers", TAG_NUMBER, "stats", "of the bucket" },
	{ "history", TAG_ROWS, "stats",
	  "traffic, in <recent> (10 minutes), <hour>, <day> and <week>, <sample> rows each" },
	{ "ms", TAG_NUMBER, "stats", "length of the sample" },
	{ "time", TAG_TEXT, "stats audit", "date; of a sample: its end" },
	{ "work", TAG_ROWS, "stats", "the long command that runs now; absent when there is none" },
	{ "command", TAG_TEXT, "stats audit", "name of the command" },
	{ "done", TAG_NUMBER, "stats", "rows so far" },
	{ "of", TAG_NUMBER, "stats", "rows in all; 0 while that is not known" },
	{ "changes", TAG_ROWS, "audit", "<change> rows, the newest first; total: all there are" },
	{ "number", TAG_NUMBER, "audit", "of the change" },
	{ "who", TAG_TEXT, "audit", "key (an access key) or the user of the machine" },
	{ "from", TAG_TEXT, "audit", "address of the client, or local" },
	{ "what", TAG_TEXT, "audit", "the parameters but secrets" },
	{ "client", TAG_ROWS, "trace", "what is held about the address" },
	{ "mail", TAG_ROWS, "trace", "what is held about the mail address" },
	{ "login_delay_ms", TAG_NUMBER, "trace", "so long an answer to a login is held back now" },
	{ "key_delay_ms", TAG_NUMBER, "trace", "so long an answer to a wrong access key is held back now" },
	{ "sessions", TAG_ROWS, "trace", "<session> rows: those that run" },
	{ "connections", TAG_ROWS, "trace",
	  "<at_cluster> rows: what is held about the client's connections; absent when nothing is" },
	{ "at_cluster", TAG_ROWS, "trace", "connections to one cluster" },
	{ "open_sessions", TAG_NUMBER, "trace", "sessions of the client (IPv6: of its /64) now" },
	{ "tries", TAG_NUMBER, "trace", "connections in the running interval, refused ones included; of a greylist record: of its window" },
	{ "interval_ends_ms", TAG_NUMBER, "trace", "until the interval ends; 0: none runs" },
	{ "last_try_ms", TAG_NUMBER, "trace", "since the last connection" },
	{ "limits", TAG_ROWS, "trace",
	  "<limit> rows: what the address or the account has used up as a relay client; absent when nothing is" },
	{ "limit", TAG_ROWS, "trace", "one limit, by the name of its setting" },
	{ "used", TAG_NUMBER, "trace", "so many in the running interval" },
	{ "most", TAG_NUMBER, "trace", "so many are allowed" },
	{ "access", TAG_ROWS, "trace", "how the account is used, noted once an hour; absent when it is not" },
	{ "last_login", TAG_TEXT, "trace", "date of the last login that succeeded, to the hour" },
	{ "last_network", TAG_TEXT, "trace", "its network: a /24, or a /64 of IPv6" },
	{ "last_protocol", TAG_TEXT, "trace", "smtp or pop3" },
	{ "successes", TAG_NUMBER, "trace", "hours with logins, of each network" },
	{ "failures", TAG_NUMBER, "trace", "hours with failed logins" },
	{ "last_failure", TAG_TEXT, "trace", "date of the last failed one, to the hour" },
	{ "networks", TAG_TEXT, "trace", "the last eight that it was used from, the newest first" },
	{ "recipients_hour", TAG_NUMBER, "trace", "recipients an hour on average, in thousandths" },
	{ "recipients_at", TAG_NUMBER, "trace", "the last hour that is in it, counted from 1970 on" },
	{ "guard", TAG_ROWS, "trace route", "what is known of the client's network (docs/guard.md)" },
	{ "network", TAG_TEXT, "trace", "a /24, or a /64 of IPv6" },
	{ "established", TAG_NUMBER, "trace", "its mails by permanent records, of correspondents, of trusted domains" },
	{ "evidence", TAG_ROWS, "trace", "<piece> rows: what speaks against it" },
	{ "piece", TAG_ROWS, "trace", "one piece of evidence; its points = weight * counted / saturation" },
	{ "measure", TAG_NUMBER, "trace", "how much of it there is" },
	{ "taken_back_thousandths_of_established", TAG_NUMBER, "trace", "so much an established mail takes off the measure" },
	{ "counted", TAG_NUMBER, "trace", "what is left of the measure" },
	{ "saturation", TAG_NUMBER, "trace", "counted so often it has its full weight" },
	{ "weight", TAG_NUMBER, "trace", "the most points of this piece" },
	{ "points", TAG_NUMBER, "trace", "of one piece; behind all of them their sum" },
	{ "suspicion", TAG_ROWS, "trace", "what follows at one SMTP cluster" },
	{ "score", TAG_NUMBER, "trace route", "points * spread_factor, at most 1000" },
	{ "refused", TAG_SWITCH, "trace", "it is refused for good" },
	{ "greylist_initial_s", TAG_NUMBER, "trace", "seconds a first mail waits" },
	{ "greylist", TAG_ROWS, "trace", "<record> rows, 100 at most: mails that were put off, or have passed" },
	{ "trust", TAG_ROWS, "trace", "<record> rows, 100 at most: proofs of the network and of sender domains from it" },
	{ "record", TAG_ROWS, "trace", "one record" },
	{ "window", TAG_NUMBER, "trace", "number of its window; each begins with a first try" },
	{ "first_try", TAG_TEXT, "trace", "date: the window's first" },
	{ "last_try", TAG_TEXT, "trace", "date of the last one; of a permanent record to the day" },
	{ "passed", TAG_TEXT, "trace", "date of the last that passed; empty: none has" },
	{ "passes", TAG_NUMBER, "trace", "tries that passed, as far as they were noted" },
	{ "proved", TAG_TEXT, "trace", "what has: the network, or a sender domain" },
	{ "proofs", TAG_NUMBER, "trace", "mails that came again" },
	{ "proofs_wanted", TAG_NUMBER, "trace", "so many make it trusted" },
	{ "last_mail", TAG_TEXT, "trace", "date, to the day" },
	{ "tree", TAG_ROWS, "route", "<step> rows: what the address leads to, each step below the one it comes from" },
	{ "step", TAG_ROWS, "route", "an address" },
	{ "depth", TAG_NUMBER, "route", "0: the address asked for; 1: its members, ..." },
	{ "kind", TAG_TEXT, "route", "account, alias, foreign, or too deep" },
	{ "targets", TAG_ROWS, "route", "<target> rows: where it would go" },
	{ "target", TAG_ROWS, "route", "an address at a box" },
	{ "to", TAG_TEXT, "route", "the box that would get it: the account's own, a fall-over, a relay box; empty: none" },
	{ "result", TAG_TEXT, "route", "ok, unknown, foreign, no_box, box_down, no_relay, too_many, error" },
	{ "words", TAG_TEXT, "route", "the same in words" },
	{ "door", TAG_TEXT, "route", "who the client is here" },
	{ "judgement", TAG_TEXT, "route", "what the guard would make of it now" },
	{ "would_pass", TAG_SWITCH, "route", "the mail would be taken now" },
	{ "seconds_left", TAG_NUMBER, "route", "until a retry would pass" },
	{ "why", TAG_TEXT, "route", "what the score is made of" },
	{ "lines", TAG_ROWS, "tail", "<logged> rows, the newest last; total: all that match in what was looked at" },
	{ "logged", TAG_TEXT, "tail", "a line of the traffic log" },
	{ "taken", TAG_SWITCH, "sendtest", "the mail was taken" },
	{ "message_id", TAG_TEXT, "sendtest", "of the mail, without its brackets" },
	{ "dialogue", TAG_ROWS, "sendtest", "<said> rows" },
	{ "said", TAG_ROWS, "sendtest", "a line of it" },
	{ "text", TAG_TEXT, "sendtest", "the line" },
	{ "conflicts", TAG_ROWS, "conflicts", "none before there are sisters" },
	{ "range", TAG_ROWS, "trace", "a setting of a cluster whose ranges hold the address" },
	{ "account", TAG_ROWS, "trace", "the account" },
	{ "alias", TAG_ROWS, "trace", "the alias" },
	{ "catch_all_account", TAG_ROWS, "trace", "the account that gets all mail of the domain" },
	{ "catch_all_alias", TAG_ROWS, "trace", "the alias that gets all mail of the domain" },
	{ "correspondents", TAG_ROWS, "trace",
	  "<correspondent> rows, 100 at most: whom it has written to, and who has written to it; total: as far as "
	  "10,000" },
	{ "local_address", TAG_TEXT, "trace", "who has sent mail out" },
	{ "remote_address", TAG_TEXT, "trace", "to whom: replies are not held up" },
	{ "first_seen", TAG_TEXT, "trace", "date of the first mail" },
	{ "last_seen", TAG_TEXT, "trace", "date of the last one, to the hour" },
	{ "replies", TAG_ROWS, "trace",
	  "<reply> rows, 100 at most: automatic replies that it has sent, and got; total: as far as 10,000" },
	{ "sender_hash", TAG_TEXT, "trace", "to whom the account has replied: a hash of the address" },
	{ "replied_at", TAG_TEXT, "trace", "date: for seven days there is no other" },
	/* what pbctl answers itself */
	{ "got_a_box", TAG_NUMBER, "import", "accounts without a box that get one by -spread" },
	{ "exit_status", TAG_NUMBER, "import", "that it would end with; of -dry-run" },
	{ "removals", TAG_ROWS, "import",
	  "the first rows that would go, as <removal> each; total: all of them" },
	{ "exports", TAG_ROWS, "export", "<export> rows, a file each" },
	{ "plans", TAG_ROWS, "import", "<plan> rows of -dry-run, a file each" },
	{ "rows_before", TAG_NUMBER, "import", "rows there are" },
	{ "rows_after", TAG_NUMBER, "import", "rows there would be" },
	{ .tag = NULL },
};

/* --- looking up --- */

/* The description of a stored field or of an argument. The same tag has the same kind
 * wherever it stands (test_pbctl_tags.c). */
static const struct field *described(struct str tag)
{
	const struct field *f = table_field(&table_args, tag);

	for (const struct table *const *t = accounts_tables; *t && !f; t++)
		f = table_field(*t, tag);
	for (const struct table *const *t = traffic_tables; *t && !f; t++)
		f = table_field(*t, tag);
	return f;
}

static bool is_counter(const struct counter_info *info, size_t n, struct str tag)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(str_z(info[i].name), tag))
			return true;
	return false;
}

enum tag_kind tag_kind(struct str tag)
{
	const struct field *f = described(tag);

	for (const struct answer_tag *t = answer_tags; t->tag; t++)
		if (str_eq(str_z(t->tag), tag) && t->kind != TAG_ROWS)
			return t->kind;
	if (is_counter(cluster_counter_info, CC_COUNT, tag) ||
	    is_counter(box_counter_info, BC_COUNT, tag) || is_counter(history_info, HF_COUNT, tag))
		return TAG_NUMBER;
	if (!f)
		return TAG_TEXT;
	return f->kind == FK_BOOL ? TAG_SWITCH :
	       f->kind == FK_INT  ? TAG_NUMBER :
				    TAG_TEXT;
}

bool tag_takes_files(struct str tag)
{
	const struct field *arg = table_field(&table_args, tag);

	if (str_eq(tag, STR("accesskey")) || (arg && field_is_secret(arg->kind)))
		return true;
	for (const struct table *const *t = accounts_tables; *t; t++) {
		const struct field *f = table_field(*t, tag);

		if (f && (f->kind == FK_TEXT || f->kind == FK_URL || field_is_secret(f->kind) ||
			  f->kind == FK_RANGES || f->kind == FK_MEMBERS))
			return true;
	}
	return false;
}

bool tag_sets_secret(struct str tag)
{
	const struct field *f = str_eq(tag, STR("accesskey")) ? NULL : described(tag);

	return f && field_is_secret(f->kind);
}
