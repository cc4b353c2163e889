#include "cmd/pbctl/verbs.h"

#define LISTED_ACCOUNT "email_address boxid spam_setting rcpt_per_mail mail_unlimited"
#define LISTED_ALIAS "alias_address alias_list spam_setting rcpt_per_mail mail_unlimited"
#define LISTED_CLUSTER \
	"clusterid type listen_address listen_port listening sessions mails logins comment warning"
#define LISTED_BOX \
	"clusterid boxid light connect_address connect_port protocol weight sessions " \
	"failures_in_a_row last_failure check check_text comment"

const struct verb verbs[] = {
	/* --- accounts, aliases --- */
	{ "account add", "ADDRESS=email_address [BOX=boxid]", "", "addnewemail", NULL,
	  verb_ask, "Adds an account whose mailbox is on that box.",
	  "account add anna@example.com MAIL1 user_password=-\n"
	  "account add bert@example.com MAIL1 user_password=- spam_setting=2\n"
	  "account add carl@example.com MAIL1" },
	{ "account show", "ADDRESS=email_address", "", "getemail", NULL, verb_ask,
	  "Shows all settings of an account.", "account show anna@example.com" },
	{ "account set", "ADDRESS=email_address", "", "commitmodifyemail", NULL, verb_ask,
	  "Changes those settings of an account that are named.",
	  "account set anna@example.com auto_reply_subject='On holiday' auto_reply_body=@holiday.txt" },
	{ "account delete", "ADDRESS=email_address", "", "deleteemail", NULL, verb_ask,
	  "Deletes an account. The mailbox on its box stays.", "account delete carl@example.com" },
	{ "account list", "[PATTERN=query]", "box limit all", "searchemail",
	  "emails/email: " LISTED_ACCOUNT, verb_list,
	  "Lists accounts in the order of their addresses, 50 unless told otherwise. PATTERN is a part "
	  "of the address, or, with * behind it, its beginning.",
	  "account list 'an*'\naccount list --box MAIL1 --all" },
	{ "account move", "[ADDRESS=email_address] BOX=boxid", "from", "moveemail", NULL, verb_ask,
	  "Moves an account, or with --from all accounts of a box, to another box. It moves no mail.",
	  "account move anna@example.com MAIL2\naccount move --from MAIL1 MAIL2" },
	{ "alias add", "ADDRESS=alias_address MEMBERS=alias_list", "", "addnewalias", NULL,
	  verb_ask, "Adds an alias; MEMBERS are accounts, aliases and foreign addresses, comma separated.",
	  "alias add team@example.com anna@example.com,bert@example.com\n"
	  "alias add old@example.com anna@example.com" },
	{ "alias show", "ADDRESS=alias_address", "", "getalias", NULL, verb_ask,
	  "Shows all settings of an alias.", "alias show team@example.com" },
	{ "alias set", "ADDRESS=alias_address [MEMBERS=alias_list]", "", "commitmodifyalias",
	  NULL, verb_ask, "Changes those settings of an alias that are named.",
	  "alias set team@example.com anna@example.com,bert@example.com,carl@example.org" },
	{ "alias delete", "ADDRESS=alias_address", "", "deletealias", NULL, verb_ask,
	  "Deletes an alias.", "alias delete old@example.com" },
	{ "alias list", "[PATTERN=query]", "limit all", "searchalias", "aliases/alias: " LISTED_ALIAS,
	  verb_list, "Lists aliases as account list does accounts.", "alias list" },
	/* --- clusters, boxes --- */
	{ "cluster add", "CLUSTER=clusterid TYPE=type PORT=listen_port", "", "addcluster",
	  NULL, verb_ask, "Adds a cluster and opens its listener.",
	  "cluster add MX smtp 2525 listen_address=127.0.0.1 smtp_host_name=mail.example.com\n"
	  "cluster add POP pop3 2110 listen_address=127.0.0.1" },
	{ "cluster show", "CLUSTER=clusterid", "", "getcluster", NULL, verb_ask,
	  "Shows all settings of a cluster.", "cluster show MX" },
	{ "cluster set", "CLUSTER=clusterid", "", "commitmodifycluster", NULL, verb_ask,
	  "Changes those settings of a cluster that are named.",
	  "cluster set MX max_mail_size_kb=20000 block_ranges=192.0.2.0/24" },
	{ "cluster delete", "CLUSTER=clusterid", "", "deletecluster", NULL, verb_ask,
	  "Closes the listener of a cluster and deletes it; refused while it has boxes.",
	  "cluster delete POP" },
	{ "cluster list", "", "", "listclusters", "clusters/cluster: " LISTED_CLUSTER,
	  verb_ask, "Lists the clusters.", "cluster list" },
	{ "box add", "CLUSTER=clusterid BOX=boxid ADDRESS=connect_address PORT=connect_port",
	  "", "addbox", NULL, verb_ask, "Adds a box to a cluster. Its light is yellow: turn it green when it is ready.",
	  "box add MX MAIL1 192.0.2.10 25\nbox add MX MAIL2 192.0.2.11 25 fallover_boxid=MAIL1\n"
	  "box add MX MAIL3 192.0.2.12 25" },
	{ "box show", "CLUSTER=clusterid BOX=boxid", "", "getbox", NULL, verb_ask,
	  "Shows all settings of a box.", "box show MX MAIL1" },
	{ "box set", "CLUSTER=clusterid BOX=boxid", "", "commitmodifybox", NULL, verb_ask,
	  "Changes those settings of a box that are named.", "box set MX MAIL1 weight=2 max_sessions=200" },
	{ "box delete", "CLUSTER=clusterid BOX=boxid", "", "deletebox", NULL, verb_ask,
	  "Deletes a box from a cluster.", "box delete MX MAIL3" },
	{ "box list", "", "", "listclusters", "clusters/cluster/boxes/box: " LISTED_BOX, verb_ask,
	  "Lists the boxes of all clusters, their lights and how they are.", "box list" },
	{ "light", "CLUSTER=clusterid BOX=boxid green|yellow|red", "", "green", NULL, verb_light,
	  "Green: the box takes sessions. Yellow: no new ones, and those that run may end. Red: none, "
	  "and those that run are ended with a temporary error.",
	  "light MX MAIL1 green\nlight MX MAIL2 yellow" },
	/* --- general --- */
	{ "info", "", "", "getinfo", NULL, verb_ask,
	  "Shows the general settings, version and table sizes.", "info" },
	{ "set", "", "", "commitmodifyinfo", NULL, verb_ask,
	  "Changes those general settings that are named.", "set greylist_initial_min=10" },
	{ "config export", "[FILE]", "", "exportconfig", NULL, verb_config_export,
	  "Writes all clusters, boxes and general settings as one XML document, with the passwords of "
	  "probes: FILE is of mode 0600. Without FILE it goes to standard output.",
	  "config export config.xml" },
	{ "config import", "FILE", "yes", "importconfig", NULL, verb_config_import,
	  "Makes clusters, boxes and general settings equal to such a document, as a whole or not at "
	  "all; - is standard input. Clusters and boxes that it would remove are listed, and a terminal is "
	  "asked; without one --yes is needed.",
	  "config import config.xml" },
	{ "block", "ADDRESS|ACCOUNT", "", "setblockip", NULL, verb_block,
	  "Blocks a client address or an account: as a relay client it may send no more. Strangers are kept out by "
	  "block_ranges of the cluster.", "block 192.0.2.7\nblock bert@example.com" },
	{ "unblock", "ADDRESS|ACCOUNT", "", "setblockip", NULL, verb_block,
	  "Takes such a block away.", "unblock 192.0.2.7\nunblock bert@example.com" },
	{ "blocked", "", "limit all", "blockedips",
	  "blockedips/blockedip: address email_address since count by reason", verb_list,
	  "Lists the addresses and accounts that are blocked, and why.", "blocked" },
	{ "forget", "ADDRESS=address", "", "clearip", NULL, verb_ask,
	  "Forgets what is held against a client address: its connections of late, and the delays after wrong passwords "
	  "and keys, which are those of its whole network. Greylisting and suspicion are not forgotten.",
	  "forget 192.0.2.7" },
	{ "route", "ADDRESS=email_address", "", "route", NULL, verb_ask,
	  "Shows where a mail for this address would go, what an alias leads to, and, with a client's "
	  "address and a sender, what the guard would say of it. Nothing is sent.",
	  "route anna@example.com\nroute anna@example.com sender=bob@example.org address=192.0.2.7" },
	{ "sendtest", "CLUSTER=clusterid ADDRESS=email_address [SENDER=sender]", "", "sendtest", NULL, verb_ask,
	  "Sends a real mail through the cluster's own listener and shows the dialogue.",
	  "sendtest MX anna@example.com bob@example.org" },
	{ "tail", "[MATCH=match]", "limit", "tail", NULL, verb_ask,
	  "Shows the last lines of the traffic log, those that hold MATCH.", "tail anna@example.com" },
	{ "conflicts", "", "", "conflicts", NULL, verb_ask,
	  "Lists fields that two sisters changed at once.", "conflicts" },
	{ "trace", "[ADDRESS|ACCOUNT]", "", "trace", NULL, verb_trace,
	  "Shows every record held about a client address or a mail address: why was my mail delayed?",
	  "trace 192.0.2.7\ntrace anna@example.com" },
	{ "sisters", "", "", "listsisters", NULL, verb_ask, "Lists the sisters and their state.", "sisters" },
	{ "audit", "", "limit all", "audit", "changes/change: number time who from command what",
	  verb_list, "Lists who changed what, the newest first.", "audit --limit 20" },
	{ "stats", "[SECONDS]", "watch", "stats",
	  "version uptime_s\n"
	  "workers/worker: slot role pid sessions restarts\n"
	  "+clusters/cluster: clusterid type sessions sessions_total mails recipients logins bytes_in "
	  "bytes_out mails_mixed spared timeouts\n"
	  "+clusters/cluster: clusterid refused_connections refused_syntax refused_sender refused_blocked "
	  "refused_unknown refused_relay refused_temporary refused_box refused_data refused_limit "
	  "refused_login\n"
	  "+clusters/cluster: clusterid refused_greylist passed_retry passed_known passed_trust refused_suspicion "
	  "refused_early refused_listed refused_foreign refused_client_rate refused_client_sessions held_back flagged\n"
	  "+clusters/cluster/boxes/box: clusterid boxid light sessions idle sessions_total reused mails "
	  "refused logins failures bytes failures_in_a_row last_failure check",
	  verb_stats, "Shows the counters of processes, clusters and boxes.", "stats" },
	{ "top", "[SECONDS]", "", "stats", NULL, verb_top,
	  "Shows processes, clusters and boxes with their rates a second, again and again (every second "
	  "unless told otherwise); q ends it. Where standard output is no terminal it is shown once.",
	  "top" },
	{ "password", "", "", "changepassword", NULL, verb_password,
	  "Changes the console's password, which is asked for, or what is named.",
	  "password password=@new-password\npassword new_accesskey=-" },
	/* --- files --- */
	{ "import", "[FILE]", "aliases spread respread dry-run yes", NULL, NULL, verb_import,
	  "Makes the accounts equal to FILE, which has the form of email.csv, and, with --aliases, the "
	  "aliases equal to another; what is not given stays as it is. Standard input is -. A row that "
	  "names no box keeps the one that its account has. With --spread accounts that have none get "
	  "one of these, the emptiest first; without a file that is done to those there are. "
	  "--respread gives all rows that name none a new one; it moves no mail. Before anything is "
	  "removed or gets another box a terminal is asked; without one, an import that would do that to "
	  "more than half of the accounts or aliases needs --yes. Lines that cannot be taken are told, "
	  "and the rows they name stay. While there are some nothing is removed, but with --yes where "
	  "fewer than half of the lines are bad. What was there before is kept as "
	  "email.csv.before-import and alias.csv.before-import in the directory of the service. "
	  "--dry-run ends with the exit status that the import would have.",
	  "import users.csv --spread MAIL1,MAIL2 --dry-run\n"
	  "import users.csv --spread MAIL1,MAIL2 --yes\n"
	  "import users.csv --aliases lists.csv --yes" },
	{ "export", "[DIR]", "", "vacuum", NULL, verb_export,
	  "Writes all accounts and aliases into email.csv and alias.csv of DIR, by default the current "
	  "one; DIR is made where it is missing. They hold passwords, and are of mode 0600.",
	  "export backup" },
	{ "completion", "bash", "", NULL, NULL, verb_completion,
	  "Prints what bash needs to complete the words behind pbctl. Where it is not installed: "
	  "source <(pbctl completion bash)",
	  "completion bash" },
	{ .words = NULL },
};

/* --- finding --- */

/* How many of the words are all of the verb's; 0: not this verb. */
static int named_by(const struct verb *v, int n, char *const *words)
{
	struct str rest = str_z(v->words), one;
	int used = 0;

	while (str_split(&rest, ' ', &one))
		if (used == n || !str_eq(one, str_z(words[used++])))
			return 0;
	return used;
}

const struct verb *verb_find(int n, char *const *words, int *used)
{
	for (const struct verb *v = verbs; v->words; v++) {
		*used = named_by(v, n, words);
		if (*used)
			return v;
	}
	return NULL;
}

bool slot_next(struct slot *s)
{
	struct str one;

	if (s->rest.n == 0)
		return false;
	str_split(&s->rest, ' ', &one);
	if (!s->rest.p)
		s->rest = STR("");
	s->optional = one.p[0] == '[';
	if (s->optional)
		one = (struct str){ one.p + 1, one.n - 2 };
	str_split(&one, '=', &s->name);
	s->tag = one.p ? one : STR("");
	return true;
}

static bool listed(const char *words, struct str word)
{
	struct str rest = str_z(words), one;

	while (str_split(&rest, ' ', &one))
		if (str_eq(one, word))
			return true;
	return false;
}

bool verb_has_option(const struct verb *v, const struct option_info *i)
{
	return i->all || listed(v->options, str_z(i->name));
}
