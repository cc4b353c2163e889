#include "cmd/pbctl/request.h"

#include <unistd.h>

#include "admin/xml_out.h"
#include "cmd/pbctl/file.h"
#include "cmd/pbctl/tags.h"
#include "cmd/pbctl/terminal.h"

/* --- values --- */

/* All of the file, without its last newline. */
static int read_value(const char *path, struct arena *a, struct str *out, struct err *e)
{
	struct buf b;

	if (file_read(path, LIMIT_XML_BODY, &b, e))
		return -1;
	*out = arena_str(a, b.mem ? buf_str(&b) : STR(""));
	buf_release(&b);
	if (out->n && out->p[out->n - 1] == '\n')
		out->n--;
	return 0;
}

int value_read(const char *tag, const char *text, struct arena *a, struct str *out, struct err *e)
{
	bool file = tag_takes_files(str_z(tag));

	if (file && strcmp(text, "-") == 0 && isatty(STDIN_FILENO))
		return tag_sets_secret(str_z(tag)) ? terminal_ask_twice(tag, a, out, e) :
						     terminal_ask(tag, a, out, e);
	if (file && strcmp(text, "-") == 0)
		return read_value("-", a, out, e);
	if (file && text[0] == '@' && text[1] != '@')
		return read_value(text + 1, a, out, e);
	*out = str_z(file && text[0] == '@' ? text + 1 : text);
	return 0;
}

/* --- the document --- */

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		      (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return s.n > 0;
}

/* What XML cannot carry the writer replaces; here that is said instead. */
static int add_value(struct xml_out *o, struct str tag, struct str value, struct err *e)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t before = buf_len(&o->buf);
	struct str wrote;

	xml_out_text(o, tag.p, value);
	wrote = str_skip(buf_str(&o->buf), before);
	if (!memmem(value.p, value.n, replacement, 3) && memmem(wrote.p, wrote.n, replacement, 3))
		return err_set(e, "%s: the value is not plain text in UTF-8", tag.p);
	return 0;
}

/* --- a request --- */

void request_init(struct request *r, const char *command)
{
	r->command = command;
	r->arena = ARENA(0);
	r->n = 0;
}

void request_free(struct request *r)
{
	arena_free(&r->arena);
	r->n = 0;
}

const struct str *request_get(const struct request *r, struct str tag)
{
	for (unsigned i = 0; i < r->n; i++)
		if (str_eq(r->params[i].tag, tag))
			return &r->params[i].value;
	return NULL;
}

/* Takes the tag and the value, which live in the arena or are static. */
static int put(struct request *r, struct str tag, struct str value, struct err *e)
{
	if (r->n == LIMIT_XML_CHILDREN)
		return err_set(e, "more than %d parameters", LIMIT_XML_CHILDREN);
	r->params[r->n].tag = tag;
	r->params[r->n++].value = value;
	return 0;
}

void request_set(struct request *r, const char *tag, struct str value)
{
	struct str *there = (struct str *)(uintptr_t)request_get(r, str_z(tag)),
		   kept = arena_str(&r->arena, value);

	if (there)
		*there = kept;
	else if (put(r, str_z(tag), kept, NULL))
		bug("%s: more parameters than a request may have", r->command);
}

int request_read(struct request *r, struct str tag, const char *text, struct err *e)
{
	struct str name = arena_str(&r->arena, tag), value = STR("");

	if (request_get(r, tag))
		return err_set(e, "%s is given twice", name.p);
	if (value_read(name.p, text, &r->arena, &value, e))
		return -1;
	return put(r, name, value, e);
}

int request_word(struct request *r, const char *word, struct err *e)
{
	struct str rest = str_z(word), tag = { 0 };

	str_split(&rest, '=', &tag);
	if (!rest.p || !is_name(tag))
		return err_set(e, "not of the form tag=value: %s", word);
	return request_read(r, tag, rest.p, e);
}

int request_document(const struct request *r, struct str key, struct buf *out, struct err *e)
{
	struct xml_out o;
	int rc = 0;

	buf_init(out, 0);
	if (!is_name(str_z(r->command)))
		return err_set(e, "not a command: %s", r->command);
	xml_out_init(&o, 0);
	xml_out_open(&o, r->command, -1);
	if (key.n)
		rc = add_value(&o, STR("accesskey"), key, e);
	for (unsigned i = 0; i < r->n && rc == 0; i++)
		rc = add_value(&o, r->params[i].tag, r->params[i].value, e);
	xml_out_close(&o, r->command);
	if (rc == 0 && buf_len(&o.buf) > LIMIT_XML_BODY)
		rc = err_set(e, "longer than a request may be (%u bytes)", LIMIT_XML_BODY);
	if (rc)
		xml_out_free(&o);
	else
		*out = o.buf;
	return rc;
}
