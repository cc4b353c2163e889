/* import and export: the account tables as whole files.
 *
 *   read FILEs --> vacuum --> compare --> ask --> vacuum --> rename --> reread --> report
 *                                                                        \-> refused: vacuum
 *
 * reread makes the database equal to both files. Vacuum goes first, so that a file that
 * is not given is what the database holds; FILEs are read before it, as one of them may
 * be the file that it writes. It goes again when somebody was asked, because that may
 * have taken a while. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/xml_out.h"
#include "cmd/pbctl/file.h"
#include "cmd/pbctl/rows.h"
#include "cmd/pbctl/show.h"
#include "cmd/pbctl/terminal.h"
#include "cmd/pbctl/verbs.h"

struct part {
	const char *file, *noun;
	char path[PATH_MAX]; /* in the directory of the service */
	bool replaced;	     /* by text */
	struct buf text;
	struct rows_difference d;
};
struct import {
	struct ctl *c;
	struct part parts[2]; /* accounts, aliases */
	uint64_t given;	      /* accounts that got a box */
};

/* --- the files --- */

static int part_init(struct part *p, const char *dir, const char *file, const char *noun, struct err *e)
{
	int n = snprintf(p->path, sizeof(p->path), "%s/%s", dir, file);

	p->file = file;
	p->noun = noun;
	buf_init(&p->text, 0);
	return n < 0 || (size_t)n >= sizeof(p->path) ? err_set(e, "%s: the name is too long", dir) : 0;
}

static int part_read(struct part *p, const char *path, struct err *e)
{
	if (!path)
		return 0;
	p->replaced = true;
	return file_read(path, LIMIT_CSV_FILE, &p->text, e);
}

/* What stands in the directory now; the service has just written it. */
static int read_current(const struct part *p, struct buf *out, struct err *e)
{
	return file_read_of_other(p->path, LIMIT_CSV_FILE, out, e);
}

static int part_compare(struct part *p, struct err *e)
{
	struct buf now;

	if (!p->replaced)
		return 0;
	if (read_current(p, &now, e))
		return -1;
	rows_compare(buf_str(&now), buf_str(&p->text), &p->d);
	buf_release(&now);
	return 0;
}

/* --- boxes --- */

static bool is_box(const struct answer *clusters, struct str name)
{
	for (const struct node *b = NULL;
	     (b = node_each(clusters->root, "clusters/cluster/boxes/box", b));)
		if (str_eq(node_text(b, "boxid"), name))
			return true;
	return false;
}

/* The exit status. */
static int check_boxes(struct ctl *c, struct err *e)
{
	struct str rest = str_z(c->o.spread), one;
	struct answer a;
	int status = ctl_do(c, "listclusters", &a, e);

	if (status != EXIT_DONE)
		return status;
	while (status == EXIT_DONE && str_split(&rest, ',', &one))
		if (!is_box(&a, one))
			status = err_set(e, "-spread: no cluster has a box \"%.*s\"", STR_ARG(one));
	answer_free(&a);
	return status;
}

static int spread(struct import *m, struct err *e)
{
	struct part *p = &m->parts[0];
	struct buf text;

	if (!m->c->o.spread)
		return 0;
	if (!p->replaced && read_current(p, &p->text, e))
		return -1;
	p->replaced = true;
	rows_spread(buf_str(&p->text), str_z(m->c->o.spread), &text, &m->given);
	buf_release(&p->text);
	p->text = text;
	return 0;
}

/* --- asking --- */

/* 0: go on. */
static int confirm_part(const struct part *p, struct err *e)
{
	char question[160];

	if (p->d.removed == 0)
		return 0;
	snprintf(question, sizeof(question), "%" PRIu64 " of %" PRIu64 " %s would be removed. Go on?",
		 p->d.removed, p->d.before, p->noun);
	if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
		return terminal_confirm(question) ? 0 : err_set(e, "nothing was changed");
	if (p->d.removed <= p->d.before / 2)
		return 0;
	return err_set(e, "%" PRIu64 " of %" PRIu64 " %s would be removed; -yes does that",
		       p->d.removed, p->d.before, p->noun);
}

static int confirm(const struct import *m, struct err *e)
{
	if (m->c->o.yes)
		return 0;
	return confirm_part(&m->parts[0], e) || confirm_part(&m->parts[1], e) ? -1 : 0;
}

/* --- telling --- */

static void write_plan(struct xml_out *o, const struct part *p)
{
	xml_out_open(o, "plan", -1);
	xml_out_text(o, "file", str_z(p->file));
	xml_out_int(o, "rows_before", (int64_t)p->d.before);
	xml_out_int(o, "rows_after", (int64_t)p->d.after);
	xml_out_int(o, "added", (int64_t)p->d.added);
	xml_out_int(o, "changed", (int64_t)p->d.changed);
	xml_out_int(o, "removed", (int64_t)p->d.removed);
	xml_out_close(o, "plan");
}

/* As if a service had answered it, so that it is shown in all forms. */
static int tell_plan(const struct import *m, struct err *e)
{
	struct xml_out o;
	struct answer a;
	int status;

	xml_out_begin(&o, STR("import"));
	xml_out_text(&o, "status", STR("ok"));
	xml_out_int(&o, "got_a_box", (int64_t)m->given);
	xml_out_open(&o, "plans", m->parts[0].replaced + m->parts[1].replaced);
	for (size_t i = 0; i < ARRAY_LEN(m->parts); i++)
		if (m->parts[i].replaced)
			write_plan(&o, &m->parts[i]);
	xml_out_close(&o, "plans");
	xml_out_end(&o);
	if (answer_parse(&o.buf, &a, e))
		return -1;
	status = show(m->c, "import", &a, NULL);
	answer_free(&a);
	return status;
}

/* --- doing it --- */

static int vacuum(struct ctl *c, struct err *e)
{
	struct answer a;
	int status = ctl_do(c, "vacuum", &a, e);

	if (status == EXIT_DONE)
		answer_free(&a);
	return status;
}

static int replace(struct import *m, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(m->parts); i++) {
		struct part *p = &m->parts[i];

		if (p->replaced && file_replace(p->path, buf_str(&p->text), p->path, e))
			return -1;
	}
	return 0;
}

static int reread(struct import *m, struct err *e)
{
	struct answer a;
	int status = ctl_do(m->c, "reread", &a, e);

	if (status != EXIT_DONE)
		return status;
	if (m->given)
		fprintf(stderr, "pbctl: %" PRIu64 " accounts got a box\n", m->given);
	status = show(m->c, "reread", &a, NULL);
	answer_free(&a);
	return status;
}

/* The exit status. What was not taken does not stay in the directory either. */
static int apply(struct import *m, bool asked, struct err *e)
{
	int status = asked ? vacuum(m->c, e) : EXIT_DONE;
	struct err other;

	if (status != EXIT_DONE)
		return status;
	status = replace(m, e) ? -1 : reread(m, e);
	if ((status < 0 || status == EXIT_REFUSED) && vacuum(m->c, &other) != EXIT_DONE)
		fprintf(stderr, "pbctl: %s and %s do not show what the service has; pbctl vacuum does that\n",
			m->parts[0].path, m->parts[1].path);
	return status;
}

static int import(struct import *m, struct err *e)
{
	int status = m->c->o.spread ? check_boxes(m->c, e) : EXIT_DONE;
	bool asks;

	if (status == EXIT_DONE)
		status = vacuum(m->c, e);
	if (status != EXIT_DONE)
		return status;
	if (spread(m, e) || part_compare(&m->parts[0], e) || part_compare(&m->parts[1], e))
		return -1;
	if (m->c->o.dry_run)
		return tell_plan(m, e);
	if (confirm(m, e))
		return -1;
	asks = !m->c->o.yes && m->parts[0].d.removed + m->parts[1].d.removed > 0;
	return apply(m, asks, e);
}

static int check(const struct ctl *c, const struct call_words *w, struct err *e)
{
	if (ctl_is_local(c, "import", e))
		return -1;
	if (!w->word && !c->o.aliases && !c->o.spread)
		return err_set(e, "import: which file? (email.csv and alias.csv as they stand in %s: pbctl reread)",
			       ctl_directory(c));
	if (w->word && c->o.aliases && strcmp(w->word, "-") == 0 && strcmp(c->o.aliases, "-") == 0)
		return err_set(e, "import: only one file can come on standard input");
	return 0;
}

int verb_import(struct ctl *c, struct call_words *w, struct err *e)
{
	struct import m = { .c = c };
	const char *dir = ctl_directory(c);
	int status = -1;

	if (check(c, w, e) == 0 && part_init(&m.parts[0], dir, "email.csv", "accounts", e) == 0 &&
	    part_init(&m.parts[1], dir, "alias.csv", "aliases", e) == 0 &&
	    part_read(&m.parts[0], w->word, e) == 0 && part_read(&m.parts[1], c->o.aliases, e) == 0)
		status = import(&m, e);
	buf_release(&m.parts[0].text);
	buf_release(&m.parts[1].text);
	return status;
}

/* --- export --- */

static int copy(const struct part *p, const char *to, struct err *e)
{
	char path[PATH_MAX];
	struct buf text;
	int n = snprintf(path, sizeof(path), "%s/%s", to, p->file), rc;

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, "%s: the name is too long", to);
	if (read_current(p, &text, e))
		return -1;
	rc = file_replace(path, buf_str(&text), NULL, e);
	buf_release(&text);
	return rc;
}

/* Into the service's own directory there is nothing to copy. */
static bool same_folder(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

int verb_export(struct ctl *c, struct call_words *w, struct err *e)
{
	const char *dir = ctl_directory(c), *to = w->word ? w->word : ".";
	struct part accounts = { 0 }, aliases = { 0 };
	struct answer a;
	int status = ctl_is_local(c, "export", e) ||
				     part_init(&accounts, dir, "email.csv", "", e) ||
				     part_init(&aliases, dir, "alias.csv", "", e) ?
			     -1 :
			     ctl_do(c, "vacuum", &a, e);

	if (status != EXIT_DONE)
		return status;
	if (!same_folder(dir, to) && (copy(&accounts, to, e) || copy(&aliases, to, e)))
		status = -1;
	else
		status = show(c, "vacuum", &a, NULL);
	answer_free(&a);
	return status;
}
