#include "lib/session/screen.h"

#include "lib/base/clock.h"
#include "lib/guard/spread.h"
#include "lib/session/repute.h"
#include "lib/session/stranger.h"

void screen_init(struct screen *s, const struct session *of, void (*greet)(struct timer *greeting))
{
	*s = (struct screen){ .of = of, .judged = stranger_by_address(of) };
	timer_init(&s->greeting, of->env->loop, greet);
	if (s->judged)
		repute_begin(of->env, of->cluster, &of->peer.ip);
}

bool screen_pauses(struct screen *s)
{
	int64_t ms = s->of->cluster->row.pregreet_ms;

	if (!s->judged || ms == 0)
		return false;
	timer_set(&s->greeting, ms);
	return true;
}

void screen_greeted(struct screen *s)
{
	timer_stop(&s->greeting);
}

static void note(const struct screen *s, enum conduct_kind kind)
{
	spread_saw(s->of->env->shm, s->of->env->slot, &s->of->peer.ip, kind, clock_wall_ms());
}

void screen_early(struct screen *s, const char *when)
{
	if (!s->judged || s->early)
		return;
	s->early = s->caught = true;
	note(s, CONDUCT_EARLY);
	traffic_line(s->of->env->traffic, clock_wall_ms(), &s->of->peer.ip,
		     "%s talked %s", s->of->sid, when);
}

void screen_name(struct screen *s)
{
	const struct session *of = s->of;

	if (!s->judged || s->nameless || !of->env->ask->nameless(of->env, of->cluster, &of->peer.ip))
		return;
	s->nameless = true;
	note(s, CONDUCT_NAMELESS);
}

void screen_error(struct screen *s)
{
	if (!s->judged)
		return;
	s->caught = true;
	note(s, CONDUCT_ERROR);
}

bool screen_refuses(const struct screen *s)
{
	return s->early && s->of->cluster->row.pregreet_ms > 0;
}

bool screen_is_foreign(struct str in)
{
	static const struct str beginnings[] = {
		STR_INIT("GET "),	 STR_INIT("POST "),    STR_INIT("PUT "),
		STR_INIT("HEAD "),	 STR_INIT("DELETE "),  STR_INIT("OPTIONS "),
		STR_INIT("TRACE "),	 STR_INIT("PATCH "),   STR_INIT("CONNECT "),
		STR_INIT("PRI * HTTP/"), STR_INIT("\x16\x03"), /* a handshake of TLS */
		STR_INIT("SSH-"),
	};

	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
		if (str_starts(in, beginnings[i]))
			return true;
	return false;
}
