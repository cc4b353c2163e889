/* import and export: the account tables as whole files.
 *
 *   read FILEs --> vacuum --> compare --> ask --> vacuum --> rename --> reread --> report
 *                    ^                                              |    \-> refused: vacuum
 *                    \-------------- changed meanwhile -------------/
 *
 * reread makes the database equal to both files. Vacuum goes first, so that a file that
 * is not given is what the database holds; FILEs are read before it, as one of them may
 * be the file that it writes. It goes again when somebody was asked, because that may
 * have taken a while. Where the one file or the other was made from the first vacuum,
 * reread is told that one's number, and refuses when others have changed the table since:
 * they were told that it is done. */
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

#define TRIES 5

struct part {
	const char *file, *noun;
	const char *since;   /* the parameter of reread that speaks of it */
	char path[PATH_MAX]; /* in the directory of the service */
	bool given;	     /* a FILE; else it is made from what the database holds */
	bool replaced;	     /* by text */
	struct buf text;
	struct rows_difference d;
	uint64_t agreed; /* so many may be removed */
};
struct import {
	struct ctl *c;
	struct part parts[2]; /* accounts, aliases */
	uint64_t spread;      /* accounts that got a box */
	char sequence[24];    /* of the first vacuum */
	bool changed;	      /* since then, by others */
};

/* --- the files --- */

static int part_init(struct part *p, const char *dir, const char *file, struct err *e)
{
	bool accounts = strcmp(file, "email.csv") == 0;
	int n = snprintf(p->path, sizeof(p->path), "%s/%s", dir, file);

	p->file = file;
	p->noun = accounts ? "accounts" : "aliases";
	p->since = accounts ? "accounts_since" : "aliases_since";
	buf_init(&p->text, 0);
	return n < 0 || (size_t)n >= sizeof(p->path) ? err_set(e, "%s: the name is too long", dir) : 0;
}

static int part_read(struct part *p, const char *path, struct err *e)
{
	if (!path)
		return 0;
	p->given = p->replaced = true;
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

/* A FILE's once; what the database holds whenever that is looked at anew. */
static int spread(struct import *m, struct err *e)
{
	struct part *p = &m->parts[0];
	struct buf text;

	if (!m->c->o.spread || (p->given && m->spread > 0))
		return 0;
	if (!p->given) {
		buf_release(&p->text);
		if (read_current(p, &p->text, e))
			return -1;
	}
	p->replaced = true;
	rows_spread(buf_str(&p->text), str_z(m->c->o.spread), &text, &m->spread);
	buf_release(&p->text);
	p->text = text;
	return 0;
}

/* --- asking --- */

/* 0: go on. */
static int confirm_part(struct part *p, struct err *e)
{
	char question[160];

	if (p->d.removed <= p->agreed)
		return 0;
	p->agreed = p->d.removed;
	snprintf(question, sizeof(question), "%" PRIu64 " of %" PRIu64 " %s would be removed. Go on?",
		 p->d.removed, p->d.before, p->noun);
	if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
		return terminal_confirm(question) ? 0 : err_set(e, "nothing was changed");
	if (p->d.removed <= p->d.before / 2)
		return 0;
	return err_set(e, "%" PRIu64 " of %" PRIu64 " %s would be removed; -yes does that",
		       p->d.removed, p->d.before, p->noun);
}

static int confirm(struct import *m, struct err *e)
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
	xml_out_int(&o, "got_a_box", (int64_t)m->spread);
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

/* sequence: NULL, or where the number of the last change goes that the files show. */
static int vacuum(struct ctl *c, char sequence[24], struct err *e)
{
	struct answer a;
	int status = ctl_do(c, "vacuum", &a, e);

	if (status != EXIT_DONE)
		return status;
	if (sequence)
		str_copy(sequence, 24, node_text(a.root, "sequence"));
	answer_free(&a);
	return EXIT_DONE;
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

static int ask_reread(struct import *m, struct answer *out, struct err *e)
{
	struct request r;
	int rc;

	request_init(&r, "reread");
	for (size_t i = 0; i < ARRAY_LEN(m->parts); i++)
		if (!m->parts[i].given)
			request_set(&r, m->parts[i].since, str_z(m->sequence));
	rc = ctl_ask(m->c, &r, out, e);
	request_free(&r);
	return rc;
}

static int reread(struct import *m, struct err *e)
{
	struct answer a;
	int status;

	if (ask_reread(m, &a, e))
		return -1;
	m->changed = !a.ok && str_eq(a.code, STR("changed_since"));
	if (a.ok && m->spread)
		fprintf(stderr, "pbctl: %" PRIu64 " accounts got a box\n", m->spread);
	status = m->changed ? EXIT_REFUSED : show(m->c, "reread", &a, NULL);
	answer_free(&a);
	return status;
}

/* The exit status. What was not taken does not stay in the directory either. */
static int apply(struct import *m, bool asked, struct err *e)
{
	int status = asked ? vacuum(m->c, NULL, e) : EXIT_DONE;
	struct err other;

	if (status != EXIT_DONE)
		return status;
	status = replace(m, e) ? -1 : reread(m, e);
	if ((status < 0 || status == EXIT_REFUSED) && vacuum(m->c, NULL, &other) != EXIT_DONE)
		fprintf(stderr, "pbctl: %s and %s do not show what the service has; pbctl vacuum does that\n",
			m->parts[0].path, m->parts[1].path);
	return status;
}

/* The exit status, or m->changed: nothing was done, and it may be tried again. */
static int try(struct import *m, struct err *e)
{
	int status = vacuum(m->c, m->sequence, e);
	bool asks;

	m->changed = false;
	if (status != EXIT_DONE)
		return status;
	if (spread(m, e) || part_compare(&m->parts[0], e) || part_compare(&m->parts[1], e))
		return -1;
	if (m->c->o.dry_run)
		return tell_plan(m, e);
	asks = !m->c->o.yes && (m->parts[0].d.removed > m->parts[0].agreed ||
				m->parts[1].d.removed > m->parts[1].agreed);
	return confirm(m, e) ? -1 : apply(m, asks, e);
}

static int import(struct import *m, struct err *e)
{
	int status = m->c->o.spread ? check_boxes(m->c, e) : EXIT_DONE;

	if (status != EXIT_DONE)
		return status;
	for (int i = 0; i < TRIES; i++) {
		status = try(m, e);
		if (!m->changed)
			return status;
	}
	return err_set(e, "others change accounts or aliases all the time; nothing was imported");
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

	if (check(c, w, e) == 0 && part_init(&m.parts[0], dir, "email.csv", e) == 0 &&
	    part_init(&m.parts[1], dir, "alias.csv", e) == 0 &&
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
				     part_init(&accounts, dir, "email.csv", e) ||
				     part_init(&aliases, dir, "alias.csv", e) ?
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
