/* Verbs whose command answers in pages: as many of them as are wanted, as one list. */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/pbctl/grid.h"
#include "cmd/pbctl/json.h"
#include "cmd/pbctl/show.h"
#include "cmd/pbctl/verbs.h"

#define PAGE 1000 /* rows of a page at most, as the service has it */
#define USUAL 50

struct pages {
	struct ctl *c;
	struct request *request;
	char path[64]; /* "emails/email" */
	struct grid grid;
	uint64_t left, shown, total; /* rows */
	bool begun, more;
	struct str after; /* in the arena of c */
};

/* Where the next page goes on: the first value of the row is its key, or the first that
 * is not empty, where a row has one of two. */
static struct str key_of(const struct node *row)
{
	const struct node *n = row ? row->first : NULL;

	while (n && n->text.n == 0)
		n = n->next;
	return n ? n->text : STR("");
}

static uint64_t count(const struct node *list)
{
	uint64_t n = 0;

	for (const struct node *r = list->first; r; r = r->next)
		n++;
	return n;
}

static void show_page(struct pages *p, const struct answer *a, const struct node *list)
{
	struct ctl *c = p->c;

	if (c->o.xml) {
		ctl_show_xml(c, a);
	} else if (c->o.json) {
		if (!p->begun)
			json_page_begin(c->out, list);
		json_page(c->out, list, !p->begun);
	} else {
		grid_rows(&p->grid, a->root, p->path);
	}
	p->begun = true;
}

static int take_page(struct pages *p, const struct answer *a, uint64_t asked, struct err *e)
{
	struct str outer = str_z(p->path), name;
	const struct node *list;
	uint64_t n;

	str_split(&outer, '/', &name);
	list = node_child(a->root, name);
	if (!list)
		return err_set(e, "the answer has no <%.*s>", STR_ARG(name));
	n = count(list);
	if (n > 0 || !p->begun)
		show_page(p, a, list);
	p->total = (uint64_t)list->total;
	p->shown += n;
	p->left -= n < p->left ? n : p->left;
	p->after = arena_str(&p->c->arena, key_of(list->last));
	/* A page of large rows may hold fewer than were asked for. */
	p->more = p->left > 0 && n > 0 && (n >= asked || p->shown < p->total);
	return 0;
}

/* The exit status when it is over, else EXIT_DONE with p->more. */
static int next_page(struct pages *p, struct err *e)
{
	uint64_t asked = p->left < PAGE ? p->left : PAGE;
	struct answer a;
	int status = EXIT_DONE;

	if (!request_get(p->request, STR("limit")) || p->begun)
		request_set(p->request, "limit", arena_printf(&p->c->arena, "%" PRIu64, asked));
	if (p->begun)
		request_set(p->request, "after", p->after);
	p->more = false;
	if (ctl_ask(p->c, p->request, &a, e))
		return -1;
	if (!a.ok)
		status = ctl_refused(p->c, p->request->command, &a);
	else if (take_page(p, &a, asked, e))
		status = -1;
	answer_free(&a);
	return status;
}

static void finish(const struct pages *p, bool whole)
{
	const struct ctl *c = p->c;

	if (c->o.json)
		json_page_end(c->out);
	if (c->o.json || c->o.xml)
		return;
	if (p->shown == 0)
		fputs("none\n", c->out);
	else if (!whole && p->shown < p->total)
		fprintf(stderr, "pbctl: %" PRIu64 " of %" PRIu64 " shown; -limit N or -all shows more\n",
			p->shown, p->total);
}

/* How many rows are wanted. A limit given as limit=N asks for that one page. */
static int wanted(const struct ctl *c, const struct request *r, uint64_t *out, struct err *e)
{
	*out = c->o.all ? UINT64_MAX : USUAL;
	if (c->o.limit && str_u64(str_z(c->o.limit), 1, UINT64_MAX, out))
		return err_set(e, "-limit: \"%s\" is not a number of rows", c->o.limit);
	if (c->o.limit && c->o.all)
		return err_set(e, "-limit and -all: one of them");
	if (request_get(r, STR("limit")) && (c->o.all || c->o.limit))
		return err_set(e, "limit=N asks for one page: no -limit or -all with it");
	return 0;
}

/* Who types it in front or within means something else by it. */
static void tell_star(const struct request *r)
{
	const struct str *query = request_get(r, STR("query"));
	ptrdiff_t star = query ? str_find(*query, '*') : -1;

	if (star >= 0 && (size_t)star + 1 < query->n)
		fputs("pbctl: a * in front or within is looked for as it stands; a part of the address is found "
		      "without any, its beginning with one behind\n",
		      stderr);
}

int verb_list(struct ctl *c, struct call_words *w, struct err *e)
{
	struct pages p = { .c = c, .request = &w->request };
	struct str columns = str_z(w->verb->view), path;
	bool one_page = request_get(&w->request, STR("limit")),
	     part = request_get(&w->request, STR("after")) ||
		    request_get(&w->request, STR("offset"));
	int status;

	if (wanted(c, &w->request, &p.left, e))
		return -1;
	tell_star(&w->request);
	str_split(&columns, ':', &path);
	str_copy(p.path, sizeof(p.path), path);
	grid_init(&p.grid, c->out, c->terminal, str_skip(columns, 1));
	do
		status = next_page(&p, e);
	while (status == EXIT_DONE && p.more && !one_page);
	if (status == EXIT_DONE)
		finish(&p, part);
	return status;
}
