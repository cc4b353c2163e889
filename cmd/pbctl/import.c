/* import: the account tables made equal to whole files.
 *
 *   read FILEs --> vacuum --> plan --> ask --> vacuum --> rename --> reread --> report
 *                    ^                                              |    \-> refused: vacuum
 *                    \-------------- changed meanwhile -------------/
 *
 * reread makes the database equal to both files. Vacuum goes first, so that a file that
 * is not given is what the database holds; FILEs are read before it, as one of them may
 * be the file that it writes. It goes again when somebody was asked, because that may
 * have taken a while. Where the one file or the other was made from the first vacuum,
 * reread is told that one's number, and refuses when others have changed the table since:
 * they were told that it is done. */
#include "cmd/pbctl/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/pbctl/file.h"
#include "cmd/pbctl/show.h"
#include "cmd/pbctl/terminal.h"
#include "cmd/pbctl/verbs.h"

#define TRIES 5
#define BEFORE ".before-import"

/* --- the files --- */

int part_init(struct part *p, const char *dir, const char *file, struct err *e)
{
	bool accounts = strcmp(file, "email.csv") == 0;
	int n = snprintf(p->path, sizeof(p->path), "%s/%s", dir, file);

	p->file = file;
	p->noun = accounts ? "accounts" : "aliases";
	p->since = accounts ? "accounts_since" : "aliases_since";
	buf_init(&p->given, 0);
	buf_init(&p->now, 0);
	return n < 0 || (size_t)n >= sizeof(p->path) ? err_set(e, "%s: the name is too long", dir) : 0;
}

static void part_free(struct part *p)
{
	buf_release(&p->given);
	buf_release(&p->now);
}

static int part_read(struct part *p, const char *path, struct err *e)
{
	if (!path)
		return 0;
	p->given_name = strcmp(path, "-") == 0 ? "standard input" : path;
	return file_read(path, LIMIT_CSV_FILE, &p->given, e);
}

int part_current(const struct part *p, struct buf *out, struct err *e)
{
	return file_read_of_other(p->path, LIMIT_CSV_FILE, out, e);
}

/* --- the plan --- */

static int make_plan(struct import *m, struct err *e)
{
	m->plan.spread = m->c->o.spread;
	m->plan.respread = m->c->o.respread;
	m->plan.yes = m->c->o.yes;
	for (int i = 0; i < PLAN_TABLES; i++) {
		struct part *p = &m->parts[i];
		struct plan_part *d = &m->plan.parts[i];

		buf_release(&p->now);
		if (part_current(p, &p->now, e))
			return -1;
		d->given = p->given_name;
		d->file = p->given.mem ? buf_str(&p->given) : STR("");
		d->now = p->now.mem ? buf_str(&p->now) : STR("");
	}
	return plan_make(&m->plan, e);
}

/* The exit status. */
static int check_boxes(struct import *m, struct err *e)
{
	struct str rest = str_z(m->c->o.spread), one;
	int status = ctl_do(m->c, "listclusters", &m->clusters, e);

	m->knows_clusters = status == EXIT_DONE;
	while (status == EXIT_DONE && str_split(&rest, ',', &one))
		if (!import_knows_box(m, one))
			status = err_set(e, "-spread: no cluster has a box \"%.*s\"", STR_ARG(one));
	return status;
}

/* --- asking --- */

static bool can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* 0: go on. what: "be removed". */
static int confirm_one(uint64_t n, uint64_t of, const char *noun, const char *what, struct err *e)
{
	char question[160];

	snprintf(question, sizeof(question),
		 "%" PRIu64 " of %" PRIu64 " %s would %s. Go on?", n, of, noun, what);
	if (can_ask())
		return terminal_confirm(question) ? 0 : err_set(e, "nothing was changed");
	if (n <= of / 2)
		return 0;
	return err_set(e, "%" PRIu64 " of %" PRIu64 " %s would %s; -yes does that", n, of, noun, what);
}

static int confirm(struct import *m, struct err *e)
{
	for (int i = 0; i < PLAN_TABLES; i++) {
		struct part *p = &m->parts[i];
		const struct plan_part *d = &m->plan.parts[i];

		if (d->removed <= p->agreed)
			continue;
		p->agreed = d->removed;
		if (can_ask() || d->removed > d->before / 2)
			tell_gone(m, (enum plan_table)i);
		if (confirm_one(d->removed, d->before, p->noun, "be removed", e))
			return -1;
	}
	if (m->plan.moved <= m->may_move)
		return 0;
	m->may_move = m->plan.moved;
	return confirm_one(m->plan.moved, m->plan.parts[PLAN_ACCOUNTS].before, "accounts",
			   "get another box", e);
}

static bool is_new_question(const struct import *m)
{
	const struct plan *p = &m->plan;

	return !m->c->o.yes && (p->parts[0].removed > m->parts[0].agreed ||
				p->parts[1].removed > m->parts[1].agreed || p->moved > m->may_move);
}

/* --- not doing it --- */

/* How it would end, as far as nobody is asked. */
static int status_to_be(const struct import *m)
{
	const struct plan_part *d = m->plan.parts;

	if (!m->c->o.yes && (d[0].removed > d[0].before / 2 || d[1].removed > d[1].before / 2 ||
			     m->plan.moved > d[0].before / 2))
		return EXIT_NOT_ASKED;
	return d[0].skipped + d[1].skipped + m->on_nobody > 0 ? EXIT_PARTLY : EXIT_DONE;
}

static int rehearse(struct import *m, struct err *e)
{
	int status = status_to_be(m);

	tell_gone(m, PLAN_ACCOUNTS);
	tell_gone(m, PLAN_ALIASES);
	if (is_new_question(m) && (can_ask() || status == EXIT_NOT_ASKED))
		fprintf(stderr, "pbctl: a terminal would be asked whether to go on%s\n",
			status == EXIT_NOT_ASKED ? "; without one it needs -yes" : "");
	return tell_outcome(m, NULL, status, e);
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

/* Both as they were, under names of their own. */
static int keep_old(const struct import *m, struct err *e)
{
	for (int i = 0; i < PLAN_TABLES; i++) {
		const struct part *p = &m->parts[i];
		char path[PATH_MAX + sizeof(BEFORE)];
		int n = snprintf(path, sizeof(path), "%s" BEFORE, p->path);

		if (n >= PATH_MAX)
			return err_set(e, "%s: the name is too long", p->path);
		if (file_replace(path, m->plan.parts[i].now, p->path, e))
			return -1;
	}
	return 0;
}

static int replace(struct import *m, struct err *e)
{
	if (keep_old(m, e))
		return -1;
	for (int i = 0; i < PLAN_TABLES; i++) {
		const struct plan_part *d = &m->plan.parts[i];
		struct str text = d->text.mem ? buf_str(&d->text) : STR("");

		if (d->replaced && file_replace(m->parts[i].path, text, m->parts[i].path, e))
			return -1;
	}
	return 0;
}

static int ask_reread(struct import *m, struct answer *out, struct err *e)
{
	struct request r;
	int rc;

	request_init(&r, "reread");
	for (int i = 0; i < PLAN_TABLES; i++)
		if (m->plan.parts[i].from_now)
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
	if (a.ok)
		status = tell_outcome(m, &a, 0, e);
	else
		status = m->changed ? EXIT_REFUSED : ctl_refused(m->c, "import", &a);
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
	status = make_plan(m, e);
	tell_trouble(m);
	if (status)
		return -1;
	if (m->c->o.dry_run)
		return rehearse(m, e);
	asks = is_new_question(m);
	return asks && confirm(m, e) ? -1 : apply(m, asks, e);
}

static int import(struct import *m, struct err *e)
{
	int status = check_boxes(m, e);

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
	if (c->o.respread && !c->o.spread)
		return err_set(e, "-respread needs -spread, the boxes");
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
	plan_free(&m.plan);
	if (m.knows_clusters)
		answer_free(&m.clusters);
	part_free(&m.parts[0]);
	part_free(&m.parts[1]);
	return status;
}
