/* stats and top: the state of the service, once or again and again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cmd/pbctl/rates.h"
#include "cmd/pbctl/show.h"
#include "cmd/pbctl/terminal.h"
#include "cmd/pbctl/verbs.h"
#include "lib/base/clock.h"

#define STATS_MS 2000
#define TOP_MS 1000
#define TOP_PATIENCE_MS 5000 /* a key is heard between two requests only */
#define TOP_VIEW \
	"version uptime_s\n" \
	"processes/process: slot role pid sessions restarts\n" \
	"clusters/cluster: clusterid type sessions sessions_per_s mails_per_s recipients_per_s " \
	"logins_per_s refused_per_s in_kb_per_s out_kb_per_s\n" \
	"boxes/box: clusterid boxid light sessions idle mails_per_s refused_per_s logins_per_s " \
	"failures_per_s kb_per_s last_failure"

static int interval(const struct call_words *w, int64_t usual, int64_t *ms, struct err *e)
{
	char *end;
	double s;

	*ms = usual;
	if (!w->word)
		return 0;
	s = strtod(w->word, &end);
	if (*end || end == w->word || !(s >= 0.1 && s <= 86400))
		return err_set(e, "SECONDS: \"%s\" is not in 0.1..86400", w->word);
	*ms = (int64_t)(s * 1000);
	return 0;
}

static void wait_ms(int64_t ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* --- stats --- */

int verb_stats(struct ctl *c, struct call_words *w, struct err *e)
{
	bool screen = c->terminal && !c->o.json && !c->o.xml;
	int64_t ms;
	int status;

	if (w->word && !c->o.watch)
		return err_set(e, "stats: SECONDS go with -watch");
	if (interval(w, STATS_MS, &ms, e))
		return -1;
	while ((status = verb_ask(c, w, e)) == EXIT_DONE && c->o.watch) {
		if (fflush(c->out) || ferror(c->out))
			return err_errno(e, "standard output");
		wait_ms(ms);
		fputs(screen		    ? "\033[H\033[2J" :
		      c->o.json || c->o.xml ? "" :
					      "\n",
		      c->out);
	}
	return status;
}

/* --- top --- */

struct sample {
	bool there;
	struct answer a;
	int64_t at; /* mono ms */
};
struct top {
	struct ctl *c;
	const struct request *request;
	struct sample before, now, refused;
};

static void sample_free(struct sample *s)
{
	if (s->there)
		answer_free(&s->a);
	s->there = false;
}

/* The exit status; the one before stays until there is a new one. A refusal is not told
 * yet, as there may be a screen. */
static int take_sample(struct top *t, struct err *e)
{
	struct sample s = { .at = clock_mono_ms() };

	if (ctl_ask(t->c, t->request, &s.a, e))
		return -1;
	s.there = true;
	if (!s.a.ok) {
		t->refused = s;
		return EXIT_REFUSED;
	}
	sample_free(&t->before);
	t->before = t->now;
	t->now = s;
	return EXIT_DONE;
}

static void rates(const struct top *t, struct answer *out)
{
	int64_t ms = t->before.there ? t->now.at - t->before.at : 0;

	rates_between(t->before.there ? &t->before.a : NULL, &t->now.a, ms > 0 ? ms : 1, out);
}

/* As text of its own, so that the screen is drawn in one go. e: what went wrong since, or
 * NULL. */
static void draw(const struct top *t, struct screen *s, const struct err *e)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	struct answer a;

	if (!out)
		bug("out of memory");
	if (e)
		fprintf(out, "%s\n", e->text);
	if (t->now.there) {
		rates(t, &a);
		show_view(out, true, &a, TOP_VIEW);
		answer_free(&a);
	}
	fputs("\nq ends\n", out);
	fclose(out);
	screen_draw(s, (struct str){ text, n });
	free(text);
}

static int live(struct top *t, int64_t ms)
{
	struct screen *s = screen_open();
	int64_t next = clock_mono_ms();
	struct err e;
	int status = EXIT_DONE, key = 0;

	while (status == EXIT_DONE && key >= 0 && key != 'q') {
		int64_t now = clock_mono_ms();

		if (now >= next) {
			int rc = take_sample(t, &e);

			status = rc > 0 ? rc : EXIT_DONE;
			draw(t, s, rc < 0 ? &e : NULL);
			next = now + ms;
		}
		now = clock_mono_ms();
		key = screen_key(s, next > now ? next - now : 0);
	}
	screen_close(&s);
	return status;
}

static int once(struct top *t, int64_t ms, struct err *e)
{
	int status = take_sample(t, e);
	struct answer a;

	if (status == EXIT_DONE) {
		wait_ms(ms);
		status = take_sample(t, e);
	}
	if (status != EXIT_DONE)
		return status;
	rates(t, &a);
	status = show(t->c, "top", &a, TOP_VIEW);
	answer_free(&a);
	return status;
}

int verb_top(struct ctl *c, struct call_words *w, struct err *e)
{
	struct top t = { .c = c, .request = &w->request };
	int64_t ms;
	int status;

	if (interval(w, TOP_MS, &ms, e))
		return -1;
	http_patience(c->http, TOP_PATIENCE_MS);
	status = c->terminal && !c->o.json && !c->o.xml ? live(&t, ms) : once(&t, ms, e);
	if (t.refused.there)
		ctl_refused(c, w->request.command, &t.refused.a);
	sample_free(&t.before);
	sample_free(&t.now);
	sample_free(&t.refused);
	return status;
}
