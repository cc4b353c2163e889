#include "cmd/pbctl/ctl.h"

#include <unistd.h>

#include "admin/command.h"
#include "cmd/pbctl/json.h"
#include "cmd/pbctl/progress.h"
#include "cmd/pbctl/text.h"

#define PROGRESS_MS 250

/* --- the service --- */

const char *ctl_directory(const struct ctl *c)
{
	return c->o.directory ? c->o.directory : "/var/lib/protobalance";
}

int ctl_open(struct ctl *c, const struct options *o, struct err *e)
{
	struct http_target t;

	*c = (struct ctl){ .o = *o, .arena = ARENA(0), .out = stdout, .key = STR("") };
	c->terminal = isatty(STDOUT_FILENO);
	t = (struct http_target){ .dir = ctl_directory(c), .url = o->url, .cacert = o->cacert };
	if (http_open(&c->http, &t, e))
		return -1;
	if (o->key && value_read("accesskey", o->key, &c->arena, &c->key, e)) {
		ctl_close(c);
		return -1;
	}
	return 0;
}

void ctl_close(struct ctl *c)
{
	http_close(&c->http);
	arena_free(&c->arena);
}

int ctl_is_local(const struct ctl *c, const char *verb, struct err *e)
{
	if (!c->o.url)
		return 0;
	return err_set(e,
		       "%s works with the files in the directory of the service: run it on that "
		       "machine, without -url",
		       verb);
}

/* --- asking --- */

static void on_progress(void *arg, struct buf *document)
{
	struct progress *p = arg;
	struct answer a;

	if (answer_parse(document, &a, NULL))
		return;
	if (a.ok)
		progress_take(p, &a);
	answer_free(&a);
}

static int post_with_progress(struct ctl *c, struct str document, struct http_answer *h, struct err *e)
{
	struct progress p = { .out = stderr };
	struct http_beside beside = { .every_ms = PROGRESS_MS, .fn = on_progress, .arg = &p };
	struct request stats;
	struct buf question;
	int rc;

	request_init(&stats, "stats");
	rc = request_document(&stats, c->key, &question, e);
	if (rc == 0) {
		beside.document = buf_str(&question);
		rc = http_post(c->http, document, &beside, h, e);
		progress_end(&p);
	}
	buf_release(&question);
	request_free(&stats);
	return rc;
}

static bool takes_long(const char *command)
{
	const struct command *cmd = command_find(str_z(command));

	return cmd && cmd->flags & COMMAND_LONG;
}

int ctl_post(struct ctl *c, const char *command, struct str document, struct answer *out, struct err *e)
{
	bool bar = takes_long(command) && isatty(STDERR_FILENO);
	struct http_answer h = { 0 };
	struct err why;
	int rc = bar ? post_with_progress(c, document, &h, e) :
		       http_post(c->http, document, NULL, &h, e);

	if (rc)
		return -1;
	if (answer_parse(&h.body, out, &why))
		return err_set(e, "%s (HTTP %u)", why.text, h.status);
	return 0;
}

int ctl_ask(struct ctl *c, const struct request *r, struct answer *out, struct err *e)
{
	struct buf document;
	int rc = request_document(r, c->key, &document, e);

	if (rc == 0)
		rc = ctl_post(c, r->command, buf_str(&document), out, e);
	buf_release(&document);
	return rc;
}

int ctl_do(struct ctl *c, const char *command, struct answer *out, struct err *e)
{
	struct request r;
	int status = EXIT_DONE;

	request_init(&r, command);
	if (ctl_ask(c, &r, out, e))
		return -1;
	if (!out->ok) {
		status = ctl_refused(c, command, out);
		answer_free(out);
	}
	return status;
}

/* --- how it ends --- */

void ctl_show_xml(struct ctl *c, const struct answer *a)
{
	struct str text = buf_str(&a->document);

	(void)fwrite(text.p, 1, text.n, c->out); /* main looks at ferror */
}

int ctl_complain(const struct err *e)
{
	fprintf(stderr, "pbctl: %s\n", e->text);
	return EXIT_NOT_ASKED;
}

int ctl_refused(struct ctl *c, const char *command, const struct answer *a)
{
	if (c->o.xml)
		ctl_show_xml(c, a);
	if (c->o.json)
		json_answer(c->out, a);
	fprintf(stderr, "pbctl: %s: ", c->verb ? c->verb : command);
	text_print(stderr, a->error, 2);
	if (a->code.n) {
		fputs(" (", stderr);
		text_print(stderr, a->code, 2);
		fputc(')', stderr);
	}
	fputc('\n', stderr);
	return EXIT_REFUSED;
}
