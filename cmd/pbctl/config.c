/* config export and import: one document of all clusters, boxes and settings. */
#include <stdio.h>
#include <unistd.h>

#include "admin/xml_out.h"
#include "cmd/pbctl/file.h"
#include "cmd/pbctl/show.h"
#include "cmd/pbctl/terminal.h"
#include "cmd/pbctl/text.h"
#include "cmd/pbctl/verbs.h"

#define ROOT "importconfig"

/* Attributes fall away: nobody needs to count rows in a file that may be edited. */
/* NOLINTNEXTLINE(misc-no-recursion): no deeper than TREE_DEPTH */
static void write_nodes(struct xml_out *o, const struct node *n)
{
	for (; n; n = n->next) {
		if (node_is_leaf(n)) {
			xml_out_text(o, n->name.p, n->text);
			continue;
		}
		xml_out_open(o, n->name.p, -1);
		write_nodes(o, n->first);
		xml_out_close(o, n->name.p);
	}
}

/* --- out --- */

static int64_t count(const struct answer *a, const char *path)
{
	int64_t n = 0;

	for (const struct node *r = NULL; (r = node_each(a->root, path, r));)
		n++;
	return n;
}

/* As if a service had answered it, so that it is shown in all forms. */
static int tell_written(struct ctl *c, const char *path, const struct answer *a, struct err *e)
{
	struct xml_out o;
	struct answer told;
	int status;

	xml_out_begin(&o, STR("configexport"));
	xml_out_text(&o, "status", STR("ok"));
	xml_out_text(&o, "file", str_z(path));
	xml_out_int(&o, "clusters", count(a, "clusters/cluster"));
	xml_out_int(&o, "boxes", count(a, "clusters/cluster/boxes/box"));
	xml_out_end(&o);
	if (answer_parse(&o.buf, &told, e))
		return -1;
	status = show(c, "exportconfig", &told, NULL);
	answer_free(&told);
	return status;
}

static int write_out(struct ctl *c, const char *path, struct str text,
		     const struct answer *a, struct err *e)
{
	if (path && strcmp(path, "-") != 0)
		return file_replace(path, text, NULL, e) ? -1 : tell_written(c, path, a, e);
	(void)fwrite(text.p, 1, text.n, c->out); /* main looks at ferror */
	return 0;
}

static int export(struct ctl *c, const char *path, const struct answer *a, struct err *e)
{
	struct xml_out o;
	int rc;

	xml_out_init(&o, 0);
	o.full = buf_add(&o.buf, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
	xml_out_open(&o, ROOT, -1);
	write_nodes(&o, answer_each(a, NULL));
	xml_out_close(&o, ROOT);
	rc = o.full ? err_set(e, "the document is too long") :
		      write_out(c, path, buf_str(&o.buf), a, e);
	xml_out_free(&o);
	return rc ? -1 : EXIT_DONE;
}

int verb_config_export(struct ctl *c, struct call_words *w, struct err *e)
{
	struct answer a;
	int status;

	request_set(&w->request, "show_password", STR("1"));
	if (ctl_ask(c, &w->request, &a, e))
		return -1;
	if (!a.ok || (!w->word && (c->o.xml || c->o.json)))
		status = show(c, w->request.command, &a, NULL);
	else
		status = export(c, w->word, &a, e);
	answer_free(&a);
	return status;
}

/* --- in --- */

/* The document again, with the key in it. */
static int with_key(const struct node *root, struct str key, struct xml_out *o, struct err *e)
{
	xml_out_init(o, 0);
	xml_out_open(o, ROOT, -1);
	if (key.n)
		xml_out_text(o, "accesskey", key);
	write_nodes(o, root->first);
	xml_out_close(o, ROOT);
	if (buf_len(&o->buf) > LIMIT_XML_CONFIG)
		return err_set(e, "longer than a request may be (%u bytes)", LIMIT_XML_CONFIG);
	return 0;
}

/* --- what would go --- */

static const struct node *find(const struct node *list, const char *tag, struct str name)
{
	for (const struct node *r = list ? list->first : NULL; r; r = r->next)
		if (str_eq(str_trim(node_text(r, tag)), name))
			return r;
	return NULL;
}

static void tell_gone(const char *noun, struct str cluster, struct str box)
{
	fprintf(stderr, "pbctl: would be removed: %s ", noun);
	text_print_line(stderr, cluster, 80);
	if (box.n) {
		fputc('/', stderr);
		text_print_line(stderr, box, 80);
	}
	fputc('\n', stderr);
}

/* Clusters and boxes that there are and the document has not. */
static unsigned count_gone(const struct node *now, const struct node *document)
{
	const struct node *list = node_child(document, STR("clusters"));
	unsigned n = 0;

	for (const struct node *k = NULL; list && (k = node_each(now, "clusters/cluster", k));) {
		struct str cluster = node_text(k, "clusterid");
		const struct node *to = find(list, "clusterid", cluster);

		if (!to) {
			tell_gone("cluster", cluster, STR(""));
			n++;
		}
		for (const struct node *b = NULL; (b = node_each(k, "boxes/box", b));) {
			struct str box = node_text(b, "boxid");

			if (to && find(node_child(to, STR("boxes")), "boxid", box))
				continue;
			tell_gone("box", cluster, box);
			n++;
		}
	}
	return n;
}

/* The exit status: EXIT_DONE to go on. */
static int confirm(struct ctl *c, const struct node *document, struct err *e)
{
	char question[120];
	struct answer now;
	unsigned n;
	int status = c->o.yes ? EXIT_DONE : ctl_do(c, "listclusters", &now, e);

	if (c->o.yes || status != EXIT_DONE)
		return status;
	n = count_gone(now.root, document);
	answer_free(&now);
	if (n == 0)
		return EXIT_DONE;
	snprintf(question, sizeof(question), "%u clusters and boxes would be removed. Go on?", n);
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return err_set(e, "%u clusters and boxes would be removed; -yes does that", n);
	return terminal_confirm(question) ? EXIT_DONE : err_set(e, "nothing was changed");
}

static int post(struct ctl *c, struct call_words *w, struct str document, struct err *e)
{
	struct answer a;
	int status;

	if (ctl_post(c, w->request.command, document, &a, e))
		return -1;
	status = show(c, w->request.command, &a, w->verb->view);
	answer_free(&a);
	return status;
}

static int import(struct ctl *c, struct call_words *w, const struct node *document, struct err *e)
{
	struct xml_out o;
	int status = -1;

	if (with_key(document, c->key, &o, e))
		err_wrap(e, "%s", w->word);
	else
		status = confirm(c, document, e);
	if (status == EXIT_DONE)
		status = post(c, w, buf_str(&o.buf), e);
	xml_out_free(&o);
	return status;
}

int verb_config_import(struct ctl *c, struct call_words *w, struct err *e)
{
	struct arena arena = ARENA(0);
	struct err why = { "" };
	struct node *root;
	struct buf file;
	int status = -1;

	if (file_read(w->word, LIMIT_XML_CONFIG, &file, e))
		return -1;
	if (tree_parse(buf_str(&file), ROOT, &arena, &root, &why))
		err_set(e, "%s: no document of config export: %s", w->word, why.text);
	else
		status = import(c, w, root, e);
	arena_free(&arena);
	buf_release(&file);
	return status;
}
