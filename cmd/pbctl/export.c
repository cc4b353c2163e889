/* export: both tables as files. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "admin/xml_out.h"
#include "cmd/pbctl/file.h"
#include "cmd/pbctl/import.h"
#include "cmd/pbctl/show.h"
#include "cmd/pbctl/verbs.h"

/* Into the service's own directory there is nothing to copy. */
static bool same_folder(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

static int64_t count_lines(struct str text)
{
	int64_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

/* Into that folder, and a row about it. */
static int copy(const struct part *p, const char *dir, const char *to, struct xml_out *o, struct err *e)
{
	char path[PATH_MAX];
	struct buf text;
	struct str all;
	int n = snprintf(path, sizeof(path), "%s/%s", to, p->file), rc = 0;

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, "%s: the name is too long", to);
	if (part_current(p, &text, e))
		return -1;
	all = text.mem ? buf_str(&text) : STR("");
	if (!same_folder(dir, to))
		rc = file_replace(path, all, NULL, e);
	xml_out_open(o, "export", -1);
	xml_out_text(o, "file", str_z(path));
	xml_out_int(o, "rows", count_lines(all));
	xml_out_close(o, "export");
	buf_release(&text);
	return rc;
}

/* As if a service had answered it, so that it is shown in all forms. */
static int copy_both(struct ctl *c, const struct part *parts, const char *to, struct err *e)
{
	const char *dir = ctl_directory(c);
	struct xml_out o;
	struct answer a;
	int status = -1;

	if (mkdir(to, 0700) < 0 && errno != EEXIST)
		return err_errno(e, "%s", to);
	xml_out_begin(&o, STR("export"));
	xml_out_text(&o, "status", STR("ok"));
	xml_out_open(&o, "exports", 2);
	if (copy(&parts[0], dir, to, &o, e) == 0 && copy(&parts[1], dir, to, &o, e) == 0) {
		xml_out_close(&o, "exports");
		xml_out_end(&o);
		status = answer_parse(&o.buf, &a, e);
	}
	if (status == 0) {
		status = show(c, "export", &a, "exports/export: file rows");
		answer_free(&a);
	}
	xml_out_free(&o);
	return status;
}

int verb_export(struct ctl *c, struct call_words *w, struct err *e)
{
	const char *dir = ctl_directory(c);
	struct part parts[2] = { 0 };
	struct answer a;
	int status;

	if (ctl_is_local(c, "export", e) || part_init(&parts[0], dir, "email.csv", e) ||
	    part_init(&parts[1], dir, "alias.csv", e))
		return -1;
	status = ctl_do(c, "vacuum", &a, e);
	if (status != EXIT_DONE)
		return status;
	answer_free(&a);
	return copy_both(c, parts, w->word ? w->word : ".", e);
}
