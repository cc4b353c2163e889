#include "lib/wire/pop3_line.h"

#include "lib/wire/chars.h"

void pop3_line_split(struct str line, struct pop3_line *out)
{
	ptrdiff_t space = str_find(line, ' ');

	out->verb = (struct str){ line.p, space < 0 ? line.n : (size_t)space };
	out->args = str_skip(line, out->verb.n + 1);
}

/* 0..15, or -1. */
static int hex_value(char c)
{
	if (char_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int pop3_apop_parse(struct str args, struct str *name, uint8_t digest[16])
{
	const size_t hex = 32;
	const char *p;

	if (args.n < hex + 2 || args.p[args.n - hex - 1] != ' ')
		return -1;
	p = args.p + args.n - hex;
	for (size_t i = 0; i < hex; i += 2) {
		int hi = hex_value(p[i]), lo = hex_value(p[i + 1]);

		if (hi < 0 || lo < 0)
			return -1;
		digest[i / 2] = (uint8_t)(hi << 4 | lo);
	}
	*name = (struct str){ args.p, args.n - hex - 1 };
	return 0;
}
