#include "admin/console.h"

#include "lib/base/hash.h"

static bool is_over(const struct console_session *s, int64_t now_ms)
{
	return s->cookie[0] == '\0' || now_ms >= s->used + CONSOLE_IDLE_MS ||
	       now_ms >= s->began + CONSOLE_LIFE_MS;
}

static void make_token(char dst[CONSOLE_TOKEN + 1])
{
	uint8_t random[CONSOLE_TOKEN / 2];

	hash_random(random, sizeof(random));
	hash_hex(random, sizeof(random), dst);
}

/* A free place, else that of the session used least lately. */
static struct console_session *place(struct console *c, int64_t now_ms)
{
	struct console_session *oldest = &c->v[0];

	for (unsigned i = 0; i < CONSOLE_SESSIONS; i++) {
		if (is_over(&c->v[i], now_ms))
			return &c->v[i];
		if (c->v[i].used < oldest->used)
			oldest = &c->v[i];
	}
	return oldest;
}

const struct console_session *console_begin(struct console *c, int64_t now_ms)
{
	struct console_session *s = place(c, now_ms);

	make_token(s->cookie);
	make_token(s->csrf);
	s->began = s->used = now_ms;
	return s;
}

/* All are looked at, and all bytes, so that the time tells nothing. */
static struct console_session *find(struct console *c, struct str cookie, struct str csrf, int64_t now_ms)
{
	struct console_session *found = NULL;

	for (unsigned i = 0; i < CONSOLE_SESSIONS; i++) {
		struct console_session *s = &c->v[i];
		bool same = str_same_secret(cookie, str_z(s->cookie)) &
			    str_same_secret(csrf, str_z(s->csrf));

		if (same && !is_over(s, now_ms))
			found = s;
	}
	return found;
}

bool console_knows(struct console *c, struct str cookie, struct str csrf, int64_t now_ms)
{
	struct console_session *s = find(c, cookie, csrf, now_ms);

	if (s)
		s->used = now_ms;
	return s != NULL;
}

static void end(struct console_session *s)
{
	explicit_bzero(s, sizeof(*s));
}

bool console_end(struct console *c, struct str cookie, struct str csrf, int64_t now_ms)
{
	struct console_session *s = find(c, cookie, csrf, now_ms);

	if (s)
		end(s);
	return s != NULL;
}

void console_end_others(struct console *c, struct str cookie)
{
	for (unsigned i = 0; i < CONSOLE_SESSIONS; i++)
		if (!str_same_secret(cookie, str_z(c->v[i].cookie)))
			end(&c->v[i]);
}
