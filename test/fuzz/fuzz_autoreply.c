/* autoreply, mime: what is composed has exactly our fields, lines that end with CRLF,
 * text that reads back; and nothing of another message begins a line of its own. Input:
 * sender, subject, body and header of the mail, NUL between them. */
#include <stdlib.h>

#include "lib/wire/autoreply.h"
#include "lib/wire/chars.h"
#include "lib/wire/header.h"
#include "lib/wire/mime.h"
#include "test/unit/mime_read.h"

static const struct str names[] = {
	STR_INIT("Date"),
	STR_INIT("From"),
	STR_INIT("To"),
	STR_INIT("Subject"),
	STR_INIT("Message-ID"),
	STR_INIT("In-Reply-To"),
	STR_INIT("References"),
	STR_INIT("Auto-Submitted"),
	STR_INIT("MIME-Version"),
	STR_INIT("Content-Type"),
	STR_INIT("Content-Transfer-Encoding"),
};

/* Our fields in our order, two of them optional. Gives the last one's value. */
static struct str check_fields(struct str head, struct str *subject)
{
	struct str name, value = { NULL, 0 };
	size_t at = 0;

	while (header_next(&head, &name, &value)) {
		while (at < ARRAY_LEN(names) && !str_eq(name, names[at]))
			if (at != 5 && at != 6)
				abort();
			else
				at++;
		if (at++ == ARRAY_LEN(names))
			abort();
		if (str_eq(name, STR("Subject")))
			*subject = value;
	}
	if (at != ARRAY_LEN(names))
		abort();
	return str_trim(value);
}

static void check_lines(struct str s)
{
	struct str line;

	while (s.n) {
		if (!read_line(&s, 998, &line))
			abort();
		for (size_t i = 0; i < line.n; i++)
			if (line.p[i] != '\t' && line.p[i] != ' ' &&
			    !char_visible(line.p[i]))
				abort();
	}
}

static ptrdiff_t (*const readers[])(struct str s, char *dst) = { read_7bit,
								 read_quoted_printable,
								 read_base64 };

static void check_body(struct str body, struct str encoding, struct str text)
{
	char *got = malloc(body.n + 1);
	struct buf plain;
	ptrdiff_t n = -1;

	buf_init(&plain, 2 * LIMIT_AUTOREPLY_BODY);
	if (mime_body(&plain, text, MIME_7BIT) < 0)
		abort();
	for (int e = 0; e < MIME_ENCODINGS; e++)
		if (str_eq(encoding, str_z(mime_encoding_name(e))))
			n = readers[e](body, got);
	if (n < 0 || !str_eq((struct str){ got, (size_t)n }, buf_str(&plain)))
		abort();
	if (!read_utf8(buf_str(&plain)))
		abort();
	buf_release(&plain);
	free(got);
}

static void check_message(struct str all, const struct autoreply_letter *l)
{
	const char *end = memmem(all.p, all.n, "\r\n\r\n", 4);
	struct str head = { all.p, (size_t)(end - all.p) + 2 };
	struct str subject = { NULL, 0 }, encoding;
	char text[8 * LIMIT_UNSTRUCTURED];

	check_lines(all);
	encoding = check_fields(head, &subject);
	if (subject.n > sizeof(text))
		abort();
	if (str_trim(l->subject).n && read_field(subject, text) < 0)
		abort();
	check_body(str_skip(all, head.n + 2), encoding, l->body);
}

static struct str part(struct str *in)
{
	struct str head = { NULL, 0 };

	return str_split(in, '\0', &head) ? head : (struct str){ "", 0 };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct str own[] = { STR_INIT("a@b"), STR_INIT("anna@example.com") };
	struct str in = { (const char *)data, size }, sender = part(&in);
	struct autoreply_letter l = { .from = STR("anna@example.com"),
				      .to = STR("bert@example.org"),
				      .message_id = STR("<1@us.example>") };
	struct autoreply_mail m = { .own = own, .n_own = 2 };
	char text[LIMIT_ADDRESS + 1];
	struct buf out;

	l.subject = part(&in);
	l.body = part(&in);
	l.header = m.header = in.p ? in : (struct str){ "", 0 };
	if (address_parse(sender, &m.sender) == ADDRESS_OK) {
		autoreply_sender(&m.sender, text);
		if (autoreply_decide(&m) == AUTOREPLY_SEND)
			l.to = sender;
	}
	buf_init(&out, LIMIT_AUTOREPLY_MESSAGE);
	if (autoreply_compose(&l, &out, NULL) < 0)
		abort();
	check_message(buf_str(&out), &l);
	buf_release(&out);
	return 0;
}
