/* smtp_line: lines out of a stream, each split and parsed as every command that has
 * arguments. */
#include <stdlib.h>

#include "lib/wire/smtp_line.h"

static void parse(struct str line)
{
	struct smtp_line l;
	struct mail_args m;
	struct rcpt_args r;
	enum address_fault af;

	smtp_line_split(line, &l);
	if (l.verb.n + l.args.n > line.n)
		abort();
	for (size_t i = 0; i < l.verb.n; i++)
		if (l.verb.p[i] == ' ' || l.verb.p[i] == '\t')
			abort();
	if ((mail_args_parse(l.args, &m, &af) == ARGS_ADDRESS) != (af != ADDRESS_OK))
		abort();
	if ((rcpt_args_parse(l.args, &r, &af) == ARGS_ADDRESS) != (af != ADDRESS_OK))
		abort();
	if (helo_name_ok(l.args) &&
	    (memchr(l.args.p, 0, l.args.n) || l.args.n > LIMIT_DOMAIN))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size }, line;
	enum line_result r;
	size_t used;

	parse(in);
	do {
		r = line_next(in, 80, &line, &used);
		if (used > in.n || (used == 0) != (r == LINE_MORE))
			abort();
		if (r == LINE_OK &&
		    (used != line.n + 2 || used > 80 || memchr(line.p, 0, line.n)))
			abort();
		if (r == LINE_OK || r == LINE_BARE)
			parse(line);
		in = str_skip(in, used);
	} while (r != LINE_MORE);
	return 0;
}
