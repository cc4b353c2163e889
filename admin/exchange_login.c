/* POST /login and /logout: a browser's session, and the files that it brings. The password goes the way of an access key
 * (exchange_keys.c), with the same delays. */
#include <stdio.h>

#include "admin/console.h"
#include "admin/exchange_inner.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

/* Sent with requests of our own pages alone, never shown to a script, and where there is TLS never
 * without it. */
#define COOKIE_RULES "; Path=/; HttpOnly; SameSite=Strict"

static int hex_of(char c)
{
	return c >= '0' && c <= '9'		  ? c - '0' :
	       (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 :
						    -1;
}

/* A value of a form, as browsers and curl send it (application/x-www-form-urlencoded). */
static struct str form_value(struct str v, struct arena *a)
{
	char *out = arena_alloc(a, v.n + 1);
	size_t n = 0;

	for (size_t i = 0; out && i < v.n; i++) {
		bool coded = v.p[i] == '%' && i + 2 < v.n && hex_of(v.p[i + 1]) >= 0 &&
			     hex_of(v.p[i + 2]) >= 0;

		out[n++] = coded ? (char)(hex_of(v.p[i + 1]) * 16 + hex_of(v.p[i + 2])) :
			   v.p[i] == '+' ? ' ' :
					   v.p[i];
		i += coded ? 2 : 0;
	}
	return (struct str){ out ? out : "", n };
}

static struct str password_of_form(struct exchange *x, struct str body)
{
	struct str rest = str_trim(body), pair, name;

	while (str_split(&rest, '&', &pair))
		if (str_split(&pair, '=', &name) && str_eq(name, STR("password")))
			return form_value(pair, &x->arena);
	return STR("");
}

/* <login><password>...</password></login>, or password=... */
static bool read_password(struct exchange *x, struct str body, struct str *password)
{
	*password = STR("");
	if (!str_starts(str_trim(body), STR("<"))) {
		*password = password_of_form(x, body);
		return true;
	}
	if (!exchange_read(x, body))
		return false;
	for (unsigned i = 0; i < x->req.n; i++)
		if (str_eq(x->req.v[i].name, STR("password")))
			*password = x->req.v[i].value;
	return true;
}

static void set_cookie(struct exchange *x, const char *value, const char *more)
{
	struct server_request *r = x->http;

	snprintf(r->set_cookie, sizeof(r->set_cookie), CONSOLE_COOKIE "=%s" COOKIE_RULES "%s%s",
		 value, r->tls ? "; Secure" : "", more);
}

void exchange_login(struct admin *a, struct server_request *r)
{
	struct exchange *x = exchange_new(a, r, STR("login"));
	struct str password;

	if (!x || exchange_turned_away(x) || !read_password(x, r->body, &password))
		return;
	exchange_ask_password(x, password);
}

void exchange_logged_in(struct exchange *x)
{
	const struct console_session *s = console_begin(&x->admin->console, clock_mono_ms());

	log_info("login from=%s", x->from);
	set_cookie(x, s->cookie, "");
	x->call.http = 200;
	xml_out_init(&x->call.body, 1);
	xml_out_text(&x->call.body, "csrf_token", str_z(s->csrf));
	xml_out_int(&x->call.body, "idle_s", CONSOLE_IDLE_MS / 1000);
	exchange_answer(x);
}

void exchange_logout(struct admin *a, struct server_request *r)
{
	struct exchange *x = exchange_new(a, r, STR("logout"));

	if (!x || exchange_turned_away(x))
		return;
	if (!console_end(&a->console, r->session, r->csrf, clock_mono_ms())) {
		exchange_wrong_session(x);
		return;
	}
	log_info("logout from=%s", x->from);
	set_cookie(x, "", "; Max-Age=0");
	x->call.http = 200;
	exchange_answer(x);
}

bool exchange_admits(void *admin, const struct server_request *r)
{
	struct admin *a = admin;

	return console_knows(&a->console, r->session, r->csrf, clock_mono_ms());
}

void exchange_uploaded(struct admin *a, struct server_request *r)
{
	struct exchange *x = exchange_new(a, r, STR("upload"));

	if (!x)
		return;
	log_info("upload from=%s: %s, %llu bytes", x->from, r->file, (unsigned long long)r->file_bytes);
	x->call.http = 200;
	xml_out_init(&x->call.body, 1);
	xml_out_text(&x->call.body, "file", str_z(r->file));
	xml_out_int(&x->call.body, "bytes", (int64_t)r->file_bytes);
	exchange_answer(x);
}
