#include "cmd/pbctl/request.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "admin/xml_out.h"
#include "cmd/pbctl/terminal.h"
#include "lib/base/limits.h"
#include "lib/store/tables.h"

/* --- values --- */

/* Long texts and secrets, by the kind of their field; names that are no field, by name. An
 * address stands as it is, because a catch-all begins with '@'. */
static bool takes_files(struct str tag)
{
	static const char *const words[] = { "accesskey", "password", "new_accesskey", "sister_key" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(tag, str_z(words[i])))
			return true;
	for (const struct table *const *t = accounts_tables; *t; t++) {
		const struct field *f = table_field(*t, tag);

		if (f && (f->kind == FK_TEXT || field_is_secret(f->kind) ||
			  f->kind == FK_RANGES || f->kind == FK_MEMBERS))
			return true;
	}
	return false;
}

/* Everything up to the end of the file, without its last newline. */
static int read_all(int fd, const char *name, struct arena *a, struct str *out, struct err *e)
{
	struct buf b;
	ssize_t n = -1;
	char *p;

	buf_init(&b, LIMIT_XML_BODY);
	while ((p = buf_space(&b, 4096)) && (n = read(fd, p, 4096)) > 0)
		buf_added(&b, (size_t)n);
	if (!p)
		err_set(e, "%s: longer than a request may be", name);
	else if (n < 0)
		err_errno(e, "%s", name);
	else
		*out = arena_str(a, b.mem ? buf_str(&b) : STR(""));
	buf_release(&b);
	if (!p || n < 0)
		return -1;
	if (out->n && out->p[out->n - 1] == '\n')
		out->n--;
	return 0;
}

static int read_file(const char *path, struct arena *a, struct str *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_errno(e, "%s", path);
	rc = read_all(fd, path, a, out, e);
	close(fd);
	return rc;
}

int value_read(const char *tag, const char *text, struct arena *a, struct str *out, struct err *e)
{
	bool file = takes_files(str_z(tag));

	if (file && strcmp(text, "-") == 0 && isatty(STDIN_FILENO))
		return terminal_ask(tag, a, out, e);
	if (file && strcmp(text, "-") == 0)
		return read_all(STDIN_FILENO, "standard input", a, out, e);
	if (file && text[0] == '@' && text[1] != '@')
		return read_file(text + 1, a, out, e);
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
static int add_value(struct xml_out *o, const char *tag, struct str value, struct err *e)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t before = buf_len(&o->buf);
	struct str wrote;

	xml_out_text(o, tag, value);
	wrote = str_skip(buf_str(&o->buf), before);
	if (!memmem(value.p, value.n, replacement, 3) && memmem(wrote.p, wrote.n, replacement, 3))
		return err_set(e, "%s: the value is not plain text in UTF-8", tag);
	return 0;
}

static int add_word(struct xml_out *o, const char *word, struct err *e)
{
	struct arena a = ARENA(0);
	struct str rest = str_z(word), tag = { 0 }, value = STR("");
	int rc = -1;

	str_split(&rest, '=', &tag);
	if (!rest.p || !is_name(tag)) {
		err_set(e, "not of the form tag=value: %s", word);
		return -1;
	}
	tag = arena_str(&a, tag);
	if (value_read(tag.p, rest.p, &a, &value, e) == 0)
		rc = add_value(o, tag.p, value, e);
	arena_free(&a);
	return rc;
}

int request_build(const char *command, char *const *words, int n, const char *key,
		  struct buf *out, struct err *e)
{
	struct xml_out o;
	int rc = 0;

	buf_init(out, 0);
	if (!is_name(str_z(command)))
		return err_set(e, "not a command: %s", command);
	xml_out_init(&o, 0);
	xml_out_open(&o, command, -1);
	if (key)
		rc = add_value(&o, "accesskey", str_z(key), e);
	for (int i = 0; i < n && rc == 0; i++)
		rc = add_word(&o, words[i], e);
	xml_out_close(&o, command);
	if (rc == 0 && buf_len(&o.buf) > LIMIT_XML_BODY)
		rc = err_set(e, "longer than a request may be (%u bytes)", LIMIT_XML_BODY);
	if (rc)
		xml_out_free(&o);
	else
		*out = o.buf;
	return rc;
}
