/* handlers: the commands, one line each; command.c makes its table of them. Private to admin/.
 *   X(name, flags, table, further parameters)
 * Each has a handler cmd_<name>, which is called with parameters that the table allows. */
#ifndef PB_ADMIN_HANDLERS_H
#define PB_ADMIN_HANDLERS_H

#include "admin/command.h"

#define COMMANDS(X) \
	/* accounts and aliases: cmd_account.c */ \
	X(addnewemail, 0, &table_accounts, NULL) \
	X(commitmodifyemail, 0, &table_accounts, NULL) \
	X(getemail, COMMAND_READS | COMMAND_SECRETS, NULL, "email_address show_password") \
	X(deleteemail, 0, NULL, "email_address") \
	X(addnewalias, 0, &table_aliases, NULL) \
	X(commitmodifyalias, 0, &table_aliases, NULL) \
	X(getalias, COMMAND_READS, NULL, "alias_address") \
	X(deletealias, 0, NULL, "alias_address email_address") \
	X(vacuum, 0, NULL, NULL) \
	X(reread, 0, NULL, NULL) \
	/* clusters, boxes, lights: cmd_cluster.c */ \
	X(addcluster, 0, &table_clusters, NULL) \
	X(commitmodifycluster, 0, &table_clusters, NULL) \
	X(getcluster, COMMAND_READS, NULL, "clusterid") \
	X(deletecluster, 0, NULL, "clusterid") \
	X(addbox, 0, &table_boxes, NULL) \
	X(commitmodifybox, 0, &table_boxes, NULL) \
	X(getbox, COMMAND_READS, NULL, "clusterid boxid") \
	X(deletebox, 0, NULL, "clusterid boxid") \
	X(green, 0, NULL, "clusterid boxid") \
	X(yellow, 0, NULL, "clusterid boxid") \
	X(red, 0, NULL, "clusterid boxid") \
	/* state: cmd_state.c */ \
	X(listclusters, COMMAND_READS, NULL, NULL) \
	X(stats, COMMAND_READS, NULL, NULL)

#define COMMAND_HANDLER(name, flags, table, params) void cmd_##name(struct call *c);
COMMANDS(COMMAND_HANDLER)

#endif
