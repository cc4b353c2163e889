/* Composes one automatic reply, for test_autoreply.py. Standard input: from, to, subject,
 * identifier, seconds since 1970, header that is answered, body; NUL behind each. With
 * "decide" as argument: from, sender, header; prints the verdict instead. */
#include <stdio.h>

#include "lib/wire/autoreply.h"

#define INPUT (1u << 20)

static struct str part(struct str *in)
{
	struct str head = { "", 0 };

	(void)str_split(in, '\0', &head);
	return head;
}

static int compose(struct str in)
{
	struct autoreply_letter l;
	struct buf out;
	struct err e = { "" };
	uint64_t seconds = 0;
	int res;

	l.from = part(&in);
	l.to = part(&in);
	l.subject = part(&in);
	l.message_id = part(&in);
	if (str_u64(part(&in), 0, INT64_MAX / 1000, &seconds) < 0)
		return 2;
	l.wall_ms = (int64_t)seconds * 1000;
	l.header = part(&in);
	l.body = part(&in);
	buf_init(&out, LIMIT_AUTOREPLY_MESSAGE);
	res = autoreply_compose(&l, &out, &e);
	if (res < 0)
		fprintf(stderr, "%s\n", e.text);
	fwrite(buf_str(&out).p, 1, buf_len(&out), stdout);
	buf_release(&out);
	return res < 0;
}

static int decide(struct str in)
{
	struct str own = part(&in), sender = part(&in);
	struct autoreply_mail m = { .own = &own, .n_own = 1 };

	if (sender.n && address_parse(sender, &m.sender) != ADDRESS_OK)
		return 2;
	m.header = part(&in);
	printf("%s\n", autoreply_text(autoreply_decide(&m)));
	return 0;
}

int main(int argc, char **argv)
{
	static char input[INPUT];
	struct str in = { input, fread(input, 1, sizeof(input), stdin) };

	if (argc > 1 && strcmp(argv[1], "decide") == 0)
		return decide(in);
	return compose(in);
}
