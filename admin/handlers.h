/* handlers: the commands, a row each; command.c makes its table of them, and their handlers
 * cmd_<name> are declared here. Private to admin/.
 *   X(name, group, flags, table, further parameters, help, example)
 * The examples of docs/xml.md are these; run one after the other, each of them works. */
#ifndef PB_ADMIN_HANDLERS_H
#define PB_ADMIN_HANDLERS_H

#include "admin/command.h"

#define G_ACCOUNTS "Accounts and aliases"
#define G_FILES "Account files"
#define G_CLUSTERS "Clusters, boxes, lights"
#define G_GENERAL "General settings and state"

/* cmd_account.c, cmd_search.c, cmd_block.c, cmd_files.c */
#define ACCOUNT_COMMANDS(X) \
	X(addnewemail, G_ACCOUNTS, COMMAND_ADDS, &table_accounts, NULL, \
	  "Adds an account; 409 if the address is an account or an alias already.", \
	  "email_address=abigail@example.com user_password=Qrlhax7IMF boxid=MAIL1") \
	X(commitmodifyemail, G_ACCOUNTS, 0, &table_accounts, NULL, \
	  "Changes those settings of an account that are named.", \
	  "email_address=abigail@example.com user_password=45b4a9216f9f") \
	X(getemail, G_ACCOUNTS, COMMAND_READS | COMMAND_SECRETS, NULL, "email_address! show_password", \
	  "Answers all settings of an account; its password only when asked to.", \
	  "email_address=abigail@example.com") \
	X(searchemail, G_ACCOUNTS, COMMAND_READS, NULL, "query boxid no_box after offset limit", \
	  "Answers a page of the accounts whose address matches, in order, and how many there are. A " \
	  "page of very large rows is shorter than its limit: go on until one is empty.", \
	  "query=abi* limit=10") \
	X(moveemail, G_ACCOUNTS, COMMAND_LONG, NULL, "boxid! email_address from_boxid", \
	  "Moves one account, or all accounts of a box, to another box; answers how many moved.", \
	  "email_address=abigail@example.com boxid=MAIL2") \
	X(addnewalias, G_ACCOUNTS, COMMAND_ADDS, &table_aliases, NULL, \
	  "Adds an alias; its members are accounts, aliases or foreign addresses.", \
	  "alias_address=sales@example.com alias_list=abigail@example.com,yolanda@example.org") \
	X(commitmodifyalias, G_ACCOUNTS, 0, &table_aliases, NULL, \
	  "Changes those settings of an alias that are named.", \
	  "alias_address=sales@example.com rcpt_per_mail=50") \
	X(getalias, G_ACCOUNTS, COMMAND_READS, NULL, "alias_address!", \
	  "Answers all settings of an alias.", "alias_address=sales@example.com") \
	X(searchalias, G_ACCOUNTS, COMMAND_READS, NULL, "query after offset limit", \
	  "Answers a page of the aliases whose address matches, in order, and how many there are. A " \
	  "page of very large rows is shorter than its limit: go on until one is empty.", \
	  "query=sales*") \
	X(deletealias, G_ACCOUNTS, 0, NULL, "alias_address email_address", \
	  "Deletes an alias; email_address may name it as well.", "alias_address=sales@example.com") \
	X(deleteemail, G_ACCOUNTS, 0, NULL, "email_address!", "Deletes an account.", \
	  "email_address=abigail@example.com") \
	X(blockedips, G_ACCOUNTS, COMMAND_READS, NULL, "after limit", \
	  "Answers the addresses and accounts that are blocked, and why: all of them, unless limit is " \
	  "named.", \
	  "") \
	X(setblockip, G_ACCOUNTS, 0, NULL, "block_email email_address address block_ip", \
	  "Blocks or unblocks an account, an address, or both: who is blocked may send no mail as a " \
	  "relay client.", \
	  "block_email=0 email_address=abigail@example.com address=192.0.2.7") \
	X(vacuum, G_FILES, COMMAND_LONG, NULL, NULL, \
	  "Writes email.csv and alias.csv from the database; answers the number of the last change in " \
	  "it.", \
	  "") \
	X(reread, G_FILES, COMMAND_LONG, NULL, "accounts_since aliases_since", \
	  "Makes the database equal to email.csv and alias.csv, in one step and as a difference; " \
	  "answers how many rows were read, skipped and changed, and the first bad lines.", "")

/* cmd_cluster.c, cmd_state.c */
#define CLUSTER_COMMANDS(X) \
	X(addcluster, G_CLUSTERS, COMMAND_ADDS, &table_clusters, NULL, \
	  "Adds a cluster and opens its listener.", \
	  "clusterid=MX type=smtp listen_address=127.0.0.1 listen_port=2525 smtp_host_name=mail.example.com") \
	X(commitmodifycluster, G_CLUSTERS, 0, &table_clusters, NULL, \
	  "Changes those settings of a cluster that are named.", "clusterid=MX max_mail_size_kb=20000 error_sleep_s=2") \
	X(getcluster, G_CLUSTERS, COMMAND_READS, NULL, "clusterid!", \
	  "Answers all settings of a cluster.", "clusterid=MX") \
	X(addbox, G_CLUSTERS, COMMAND_ADDS, &table_boxes, NULL, \
	  "Adds a box to a cluster; its light is yellow until it is turned green.", \
	  "clusterid=MX boxid=MAIL1 connect_address=192.0.2.10 connect_port=25") \
	X(commitmodifybox, G_CLUSTERS, 0, &table_boxes, NULL, \
	  "Changes those settings of a box that are named.", "clusterid=MX boxid=MAIL1 weight=2") \
	X(getbox, G_CLUSTERS, COMMAND_READS, NULL, "clusterid! boxid!", \
	  "Answers all settings of a box but its probe_password.", "clusterid=MX boxid=MAIL1") \
	X(green, G_CLUSTERS, 0, NULL, "clusterid! boxid!", "The box takes sessions.", \
	  "clusterid=MX boxid=MAIL1") \
	X(yellow, G_CLUSTERS, 0, NULL, "clusterid! boxid!", \
	  "The box takes no new sessions; those that run may end.", "clusterid=MX boxid=MAIL1") \
	X(red, G_CLUSTERS, 0, NULL, "clusterid! boxid!", \
	  "The box takes no sessions; those that run are ended with a temporary error.", \
	  "clusterid=MX boxid=MAIL1") \
	X(listclusters, G_CLUSTERS, COMMAND_READS, NULL, NULL, \
	  "Answers all clusters with their boxes, lights and counters.", "") \
	X(sendtest, G_CLUSTERS, COMMAND_LONG, NULL, "clusterid! email_address! sender", \
	  "Sends a real mail for this address through the cluster's own listener, as a stranger on this machine " \
	  "would, and answers the dialogue.", \
	  "clusterid=MX email_address=abigail@example.com sender=bob@example.org") \
	X(deletebox, G_CLUSTERS, 0, NULL, "clusterid! boxid!", "Deletes a box.", \
	  "clusterid=MX boxid=MAIL1") \
	X(deletecluster, G_CLUSTERS, 0, NULL, "clusterid!", \
	  "Closes the listener of a cluster and deletes it; 409 while it has boxes.", "clusterid=MX")

/* cmd_info.c, cmd_state.c, cmd_trace.c, cmd_audit.c, cmd_config.c */
#define GENERAL_COMMANDS(X) \
	X(getinfo, G_GENERAL, COMMAND_READS, NULL, NULL, \
	  "Answers the general settings, version, uptime, sisters and table sizes.", "") \
	X(commitmodifyinfo, G_GENERAL, 0, &table_settings, NULL, \
	  "Changes those general settings that are named.", "greylist_initial_min=10") \
	X(stats, G_GENERAL, COMMAND_READS, NULL, "span", \
	  "Answers counters of processes, clusters and boxes, traffic history, and how far a long " \
	  "command is.", "") \
	X(listsisters, G_GENERAL, COMMAND_READS, NULL, NULL, "Answers the sisters and their state.", "") \
	X(setsisterkey, G_GENERAL, 0, NULL, "sister_key!", \
	  "Sets the key by which sisters know each other.", "sister_key=bright-copper-kettle-7") \
	X(changepassword, G_GENERAL, COMMAND_LONG, NULL, "password new_accesskey", \
	  "Changes the console's password, the access key of programs, or both.", \
	  "password=correct-horse-battery") \
	X(clearip, G_GENERAL, 0, NULL, "address!", \
	  "Forgets what is held against a client address: its connections of late, the delay after " \
	  "wrong passwords and keys.", \
	  "address=192.0.2.7") \
	X(audit, G_GENERAL, COMMAND_READS, NULL, "after limit", \
	  "Answers who changed what, the newest first; after goes on towards the older.", "limit=10") \
	X(trace, G_GENERAL, COMMAND_READS, NULL, "address email_address", \
	  "Answers every record held about a client address, a mail address, or both.", \
	  "address=192.0.2.7") \
	X(route, G_GENERAL, COMMAND_READS, NULL, "email_address! sender address", \
	  "Answers where a mail for this address would go in each SMTP cluster, what an alias leads to, and, " \
	  "where the client's address is named, what the guard would say of it. A dry run.", \
	  "email_address=sales@example.com sender=bob@example.org address=192.0.2.7") \
	X(tail, G_GENERAL, COMMAND_READS, NULL, "after match limit", \
	  "Answers the last lines of today's traffic log, or those behind what after was answered before.", \
	  "limit=10") \
	X(conflicts, G_GENERAL, COMMAND_READS, NULL, "after limit", \
	  "Answers fields that two sisters changed at once.", "") \
	X(exportconfig, G_GENERAL, COMMAND_READS | COMMAND_SECRETS, NULL, "show_password", \
	  "Answers all clusters, boxes and general settings as one document; what holds a password " \
	  "only where show_password says so.", "") \
	X(importconfig, G_GENERAL, COMMAND_ROWS, NULL, "clusters settings", \
	  "Makes clusters, boxes and general settings equal to such a document, as a whole or not at " \
	  "all. What a row does not name is at its default, but a password stays; without clusters or settings those stay, " \
	  "and an empty one means none, or all at their defaults.", \
	  "")

#define COMMANDS(X) ACCOUNT_COMMANDS(X) CLUSTER_COMMANDS(X) GENERAL_COMMANDS(X)

#define COMMAND_HANDLER(name, group, flags, table, params, help, example) \
	void cmd_##name(struct call *c);
COMMANDS(COMMAND_HANDLER)

/* A row of the blocked list (cmd_block.c). */
void block_write(struct xml_out *o, const struct blocked *b);

#endif
