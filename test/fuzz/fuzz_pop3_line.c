/* pop3_line: any line, split, and its arguments taken as APOP's. */
#include <stdlib.h>

#include "lib/wire/pop3_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size }, name;
	struct pop3_line l;
	uint8_t digest[16];

	pop3_line_split(in, &l);
	if (l.verb.n + (l.verb.n < in.n) + l.args.n != in.n ||
	    l.args.p + l.args.n != in.p + in.n)
		abort();
	if (pop3_apop_parse(l.args, &name, digest) == 0 &&
	    (name.p != l.args.p || name.n + 33 != l.args.n))
		abort();
	return 0;
}
