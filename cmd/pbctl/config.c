/* config export and import: one document of all clusters, boxes and settings. */
#include <stdio.h>

#include "admin/xml_out.h"
#include "cmd/pbctl/file.h"
#include "cmd/pbctl/show.h"
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

static int write_out(struct ctl *c, const char *path, struct str text, struct err *e)
{
	if (path && strcmp(path, "-") != 0)
		return file_replace(path, text, NULL, e);
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
		      write_out(c, path, buf_str(&o.buf), e);
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
static int with_key(struct str document, struct str key, struct xml_out *o, struct err *e)
{
	struct arena arena = ARENA(0);
	struct node *root;
	struct err why = { "" };
	int rc = tree_parse(document, ROOT, &arena, &root, &why);

	xml_out_init(o, 0);
	if (rc)
		err_set(e, "no document of config export: %s", why.text);
	if (rc == 0) {
		xml_out_open(o, ROOT, -1);
		if (key.n)
			xml_out_text(o, "accesskey", key);
		write_nodes(o, root->first);
		xml_out_close(o, ROOT);
	}
	arena_free(&arena);
	if (rc == 0 && buf_len(&o->buf) > LIMIT_XML_CONFIG)
		rc = err_set(e, "longer than a request may be (%u bytes)", LIMIT_XML_CONFIG);
	return rc;
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

int verb_config_import(struct ctl *c, struct call_words *w, struct err *e)
{
	struct xml_out o;
	struct buf file;
	int status = -1;

	if (file_read(w->word, LIMIT_XML_CONFIG, &file, e))
		return -1;
	if (with_key(buf_str(&file), c->key, &o, e))
		err_wrap(e, "%s", w->word);
	else
		status = post(c, w, buf_str(&o.buf), e);
	xml_out_free(&o);
	buf_release(&file);
	return status;
}
