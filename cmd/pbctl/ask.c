/* Verbs that are one command. */
#include <stdio.h>
#include <unistd.h>

#include "cmd/pbctl/show.h"
#include "cmd/pbctl/terminal.h"
#include "cmd/pbctl/verbs.h"
#include "lib/base/addr.h"

int verb_ask(struct ctl *c, struct call_words *w, struct err *e)
{
	struct answer a;
	int status;

	if (ctl_ask(c, &w->request, &a, e))
		return -1;
	status = show(c, w->request.command, &a, w->verb->view);
	answer_free(&a);
	return status;
}

/* Each light is a command of its own. */
int verb_light(struct ctl *c, struct call_words *w, struct err *e)
{
	static const char *const lights[] = { "green", "yellow", "red" };

	for (size_t i = 0; i < ARRAY_LEN(lights); i++)
		if (strcmp(w->word, lights[i]) == 0) {
			w->request.command = lights[i];
			return verb_ask(c, w, e);
		}
	return err_set(e, "a light is green, yellow or red, not \"%s\"", w->word);
}

/* An account has an @, an address of a client has none. */
static const char *subject_tag(const char *subject)
{
	return strchr(subject, '@') ? "email_address" : "address";
}

int verb_block(struct ctl *c, struct call_words *w, struct err *e)
{
	bool blocks = strcmp(w->verb->words, "block") == 0;
	struct ipaddr ip;

	if (!strchr(w->word, '@') && ip_parse(str_z(w->word), &ip, NULL) < 0)
		return err_set(e, "\"%s\" is neither an IP address nor an account; \"blocked\" lists "
			       "who is blocked", w->word);
	request_set(&w->request, "block_email", blocks ? STR("1") : STR("0"));
	request_set(&w->request, subject_tag(w->word), str_z(w->word));
	return verb_ask(c, w, e);
}

int verb_trace(struct ctl *c, struct call_words *w, struct err *e)
{
	if (w->word)
		request_set(&w->request, subject_tag(w->word), str_z(w->word));
	return verb_ask(c, w, e);
}

/* --- the console's password --- */

int verb_password(struct ctl *c, struct call_words *w, struct err *e)
{
	struct str password;

	if (w->request.n == 0) {
		if (isatty(STDIN_FILENO) ? terminal_ask_twice("new password", &c->arena, &password, e) :
					   value_read("password", "-", &c->arena, &password, e))
			return -1;
		request_set(&w->request, "password", password);
	}
	return verb_ask(c, w, e);
}
