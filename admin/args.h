/* args: the parameters of commands that are no field of a stored row, described once like those
 * (lib/store/tables.h): X(id, name, kind, flags, default, min, max, words, help).
 * The dispatcher parses and range-checks what a call names into struct args, before its
 * handler runs; what it does not name stands at its default. */
#ifndef PB_ADMIN_ARGS_H
#define PB_ADMIN_ARGS_H

#include "lib/store/tables.h"

#define ARG_FIELDS(X) \
	X(1, show_password, BOOL, 0, "0", 0, 1, 0, "1: answer passwords as well, which is logged") \
	X(2, query, TEXT, 0, "", 0, 254, 0, "part of the address; with * behind it, its beginning; empty: all") \
	X(3, after, TEXT, 0, "", 0, 254, 0, "go on behind this row, the last of the page before") \
	X(4, offset, INT, 0, "0", 0, 100000000, 0, "rows to skip; after is faster") \
	X(5, limit, INT, 0, "50", 1, 1000, 0, "rows of a page") \
	X(6, from_boxid, NAME, 0, "", 0, 63, 0, "box whose accounts move") \
	X(7, address, IP, 0, "", 0, 45, 0, "IP address of a client") \
	X(8, block_email, BOOL, 0, "0", 0, 1, 0, "1 blocks, 0 unblocks what is named") \
	X(9, block_ip, BOOL, 0, "0", 0, 1, 0, "the same for address alone; absent: as block_email") \
	X(10, password, SECRET, 0, "", 6, 255, 0, "new password of the console") \
	X(11, new_accesskey, SECRET, 0, "", 6, 255, 0, "new access key of programs") \
	X(12, sister_key, SECRET, 0, "", 16, 255, 0, "key that all sisters share") \
	X(13, clusters, TEXT, FF_ROWS, "", 0, 0, 0, "rows <cluster> as exportconfig answers them, each with <boxes>") \
	X(14, settings, TEXT, FF_ROWS, "", 0, 0, 0, "general settings, as commitmodifyinfo takes them") \
	X(15, accounts_since, INT, FF_MAY_EMPTY, "", 0, INT64_MAX, 0, "sequence that vacuum answered: refused if accounts have changed since") \
	X(16, aliases_since, INT, FF_MAY_EMPTY, "", 0, INT64_MAX, 0, "the same for aliases") \
	X(17, sender, ADDRESS, 0, "", 0, 254, 0, "mail address of the sender; empty: a bounce") \
	X(18, match, TEXT, 0, "", 0, 254, 0, "lines that hold this text; empty: all") \
	X(19, span, ENUM, 0, "all", 0, 0, "all|none|recent|hour|day|week", "which traffic history is answered") \
	X(20, no_box, BOOL, 0, "0", 0, 1, 0, "1: those without a box; boxid is left out then")

struct args { ARG_FIELDS(FIELD_MEMBER) };
extern const struct table table_args;

#endif
