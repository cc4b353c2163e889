#include "lib/net/resolver.h"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <strings.h>
#include <uthash.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"

#define TRIES 2
#define SOCKETS 32   /* UDP and TCP to each server */
#define SAY_MS 60000 /* what is wrong is told so often */
#define CLASS_IN 1
#define TYPE_A 1

/* One question and its answer. A key is 'A' and a name, or 'R' and the bytes of an address. */
struct entry {
	UT_hash_handle hh; /* in the order they came */
	struct resolver *resolver;
	enum dns_state state;
	int64_t until;	  /* monotonic ms; of one that is answered */
	unsigned asked;	  /* questions of it under way; 0: it is answered */
	bool failed;	  /* one of them */
	struct ipaddr ip; /* of a reverse look-up */
	unsigned n;
	uint32_t addresses[DNS_ADDRESSES];
	int64_t keep_ms;
	unsigned key_n;
	char key[1 + LIMIT_DOMAIN];
};

struct wire { /* a socket of c-ares */
	struct watch watch;
	struct resolver *resolver;
};

struct resolver {
	ares_channel channel;
	struct loop *loop;
	struct timer timer;
	struct wire wires[SOCKETS];
	struct entry *entries;
	unsigned asked;		      /* entries that wait for an answer */
	unsigned unanswered, unasked; /* since they were told of */
	int64_t said;		      /* when; CLOCK_NEVER: never */
	bool ending;
};

/* --- telling --- */

static void say(struct resolver *r)
{
	int64_t now = loop_now(r->loop);

	if (r->said != CLOCK_NEVER && now < r->said + SAY_MS)
		return;
	if (r->unanswered)
		log_warning("DNS: no answer to %u questions; mail goes on without", r->unanswered);
	if (r->unasked)
		log_warning("DNS: %u questions were not asked, as %d were under way",
			    r->unasked, DNS_ASKED);
	r->unanswered = r->unasked = 0;
	r->said = now;
}

/* --- c-ares on our loop --- */

static void run_timer(struct resolver *r)
{
	struct timeval tv, *next = ares_timeout(r->channel, NULL, &tv);

	timer_set(&r->timer, next ? (int64_t)next->tv_sec * 1000 + next->tv_usec / 1000 + 1 : CLOCK_NEVER);
}

static void on_timer(struct timer *t)
{
	struct resolver *r = container_of(t, struct resolver, timer);

	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	run_timer(r);
}

static void on_ready(struct watch *w, unsigned what)
{
	struct resolver *r = container_of(w, struct wire, watch)->resolver;

	ares_process_fd(r->channel, what & WATCH_READ ? w->fd : ARES_SOCKET_BAD,
			what & WATCH_WRITE ? w->fd : ARES_SOCKET_BAD);
	run_timer(r);
}

static struct wire *wire_of(struct resolver *r, int fd)
{
	for (unsigned i = 0; i < SOCKETS; i++)
		if (r->wires[i].watch.fd == fd)
			return &r->wires[i];
	return NULL;
}

/* c-ares has opened a socket, waits for another kind of readiness, or is about to close it. */
static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = arg;
	struct wire *w = wire_of(r, fd);

	if (!w)
		w = wire_of(r, -1);
	if (!w)
		return; /* not watched: its questions time out */
	if (w->watch.fd < 0)
		watch_init(&w->watch, r->loop, fd, on_ready);
	watch_set(&w->watch, (readable ? (unsigned)WATCH_READ : 0) |
				     (writable ? (unsigned)WATCH_WRITE : 0));
	if (!readable && !writable)
		w->watch.fd = -1;
}

/* --- answers --- */

/* One question of the entry is answered. */
static void end_question(struct entry *e)
{
	struct resolver *r = e->resolver;

	if (--e->asked > 0 || r->ending)
		return;
	r->asked--;
	if (e->state == DNS_UNKNOWN && !e->failed)
		e->state = DNS_NONE;
	if (e->state == DNS_UNKNOWN) {
		r->unanswered++;
		e->keep_ms = DNS_KEEP_LEAST_MS;
		say(r);
	} else if (e->state == DNS_NONE) {
		e->keep_ms = DNS_KEEP_NONE_MS;
	}
	e->until = loop_now(r->loop) + e->keep_ms;
}

static bool says_none(int status)
{
	return status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

static void take_addresses(struct entry *e, const struct ares_addrttl *v, int n)
{
	int64_t keep = DNS_KEEP_MOST_MS;

	for (int i = 0; i < n; i++) {
		int64_t ttl = (int64_t)v[i].ttl * 1000;

		e->addresses[e->n++] = ntohl(v[i].ipaddr.s_addr);
		keep = ttl < keep ? ttl : keep;
	}
	e->state = DNS_FOUND;
	e->keep_ms = keep > DNS_KEEP_LEAST_MS ? keep : DNS_KEEP_LEAST_MS;
}

static void on_a(void *arg, int status, int timeouts, unsigned char *answer, int len)
{
	struct ares_addrttl found[DNS_ADDRESSES];
	struct entry *e = arg;
	int n = DNS_ADDRESSES;

	(void)timeouts;
	if (status == ARES_SUCCESS)
		status = ares_parse_a_reply(answer, len, NULL, found, &n);
	if (status == ARES_SUCCESS && n > 0)
		take_addresses(e, found, n);
	else if (status != ARES_SUCCESS && !says_none(status))
		e->failed = true;
	end_question(e);
}

/* --- reverse look-ups: the names of an address, and whether one of them has it --- */

static bool is_in(const struct ares_addrinfo *found, const struct ipaddr *ip)
{
	struct addr a;

	for (const struct ares_addrinfo_node *n = found->nodes; n; n = n->ai_next)
		if (addr_from_sockaddr(n->ai_addr, &a) == 0 && ip_eq(&a.ip, ip))
			return true;
	return false;
}

static void on_forward(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
	struct entry *e = arg;

	(void)timeouts;
	if (status == ARES_SUCCESS && is_in(found, &e->ip)) {
		e->state = DNS_FOUND;
		e->keep_ms = DNS_KEEP_MOST_MS;
	} else if (status != ARES_SUCCESS && !says_none(status)) {
		e->failed = true;
	}
	if (found)
		ares_freeaddrinfo(found);
	end_question(e);
}

/* "192.0.2.7" for a name: c-ares would take it for the address, and ask nobody. No top-level domain is a
 * number (RFC 3696 2), and none has a colon. */
static bool is_number(const char *name)
{
	const char *dot = strrchr(name, '.'), *last = dot ? dot + 1 : name;

	return strchr(name, ':') || last[strspn(last, "0123456789")] == '\0';
}

/* Whether a name of the address has it. */
static void ask_forward(struct entry *e, const char *name)
{
	struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_NOSORT,
					     .ai_family = ip_is4(&e->ip) ? AF_INET : AF_INET6 };

	if (is_number(name))
		return;
	e->asked++;
	ares_getaddrinfo(e->resolver->channel, name, NULL, &hints, on_forward, e);
}

static void on_names(void *arg, int status, int timeouts, struct hostent *found)
{
	struct entry *e = arg;
	unsigned names = 1;

	(void)timeouts;
	if (e->resolver->ending) {
		end_question(e);
		return;
	}
	if (status == ARES_SUCCESS && found) {
		ask_forward(e, found->h_name);
		for (char **z = found->h_aliases; z && *z && names < DNS_NAMES; z++) {
			if (strcasecmp(*z, found->h_name) == 0)
				continue; /* it is among them */
			ask_forward(e, *z);
			names++;
		}
	} else if (!says_none(status)) {
		e->failed = true;
	}
	end_question(e);
}

/* --- asking --- */

static void forget(struct resolver *r, struct entry *e)
{
	HASH_DEL(r->entries, e); /* NOLINT(clang-analyzer-unix.Malloc): its users take the next one before */
	free(e);
}

/* The oldest that is answered goes. */
static void make_room(struct resolver *r)
{
	struct entry *e, *next;

	HASH_ITER(hh, r->entries, e, next) {
		if (HASH_COUNT(r->entries) < DNS_ENTRIES)
			return;
		if (e->asked == 0)
			forget(r, e);
	}
}

/* What is kept of this question; NULL: nothing that still holds. */
static struct entry *find(struct resolver *r, const char *key, unsigned n)
{
	struct entry *e;

	HASH_FIND(hh, r->entries, key, n, e);
	if (e && e->asked == 0 && e->until <= loop_now(r->loop)) {
		forget(r, e);
		e = NULL;
	}
	return e;
}

/* A new question, still to be sent; NULL: there is no room for it. */
static struct entry *begin(struct resolver *r, const char *key, unsigned n)
{
	struct entry *e;

	if (r->asked >= DNS_ASKED) {
		r->unasked++;
		say(r);
		return NULL;
	}
	make_room(r);
	e = mem_zalloc(sizeof(*e));
	e->resolver = r;
	e->key_n = n;
	memcpy(e->key, key, n);
	e->asked = 1;
	r->asked++;
	HASH_ADD(hh, r->entries, key, n, e);
	return e;
}

enum dns_state resolver_a(struct resolver *r, struct str name, uint32_t out[DNS_ADDRESSES], unsigned *n)
{
	char key[1 + LIMIT_DOMAIN + 1] = "A";
	struct entry *e;

	*n = 0;
	if (name.n == 0 || name.n > LIMIT_DOMAIN)
		return DNS_NONE;
	str_lower(key + 1, name);
	e = find(r, key, (unsigned)name.n + 1);
	if (!e) {
		e = begin(r, key, (unsigned)name.n + 1);
		if (!e)
			return DNS_UNKNOWN;
		ares_query(r->channel, key + 1, CLASS_IN, TYPE_A, on_a, e);
		run_timer(r);
	}
	if (e->asked > 0)
		return DNS_UNKNOWN;
	*n = e->n;
	memcpy(out, e->addresses, e->n * sizeof(*out));
	return e->state;
}

enum dns_state resolver_reverse(struct resolver *r, const struct ipaddr *ip)
{
	char key[1 + sizeof(ip->b)] = "R";
	struct entry *e;
	bool v4 = ip_is4(ip);

	memcpy(key + 1, ip->b, sizeof(ip->b));
	e = find(r, key, sizeof(key));
	if (!e) {
		e = begin(r, key, sizeof(key));
		if (!e)
			return DNS_UNKNOWN;
		e->ip = *ip;
		ares_gethostbyaddr(r->channel, ip->b + (v4 ? 12 : 0), v4 ? 4 : 16,
				   v4 ? AF_INET : AF_INET6, on_names, e);
		run_timer(r);
	}
	return e->asked > 0 ? DNS_UNKNOWN : e->state;
}

unsigned resolver_asked(const struct resolver *r)
{
	return r->asked;
}

unsigned resolver_kept(const struct resolver *r)
{
	return HASH_COUNT(r->entries);
}

/* --- life --- */

static int open_channel(struct resolver *r, const char *servers, struct err *e)
{
	char lookups[] = "b"; /* the DNS alone, no files */
	struct ares_options o = { .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
				  .timeout = DNS_TRY_MS,
				  .tries = TRIES,
				  .lookups = lookups,
				  .sock_state_cb = on_socket,
				  .sock_state_cb_data = r };
	int rc = ares_library_init(ARES_LIB_INIT_ALL);

	if (rc == ARES_SUCCESS)
		rc = ares_init_options(&r->channel, &o,
				       ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					       ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
	if (rc != ARES_SUCCESS)
		return err_set(e, "DNS: %s", ares_strerror(rc));
	if (!servers)
		return 0;
	rc = ares_set_servers_ports_csv(r->channel, servers);
	if (rc == ARES_SUCCESS)
		return 0;
	ares_destroy(r->channel);
	return err_set(e, "DNS server %s: %s", servers, ares_strerror(rc));
}

int resolver_new(struct resolver **out, struct loop *l, const char *servers, struct err *e)
{
	struct resolver *r = mem_zalloc(sizeof(*r));

	r->loop = l;
	r->said = CLOCK_NEVER;
	for (unsigned i = 0; i < SOCKETS; i++) {
		r->wires[i].resolver = r;
		r->wires[i].watch.fd = -1;
	}
	timer_init(&r->timer, l, on_timer);
	if (open_channel(r, servers, e) < 0) {
		free(r);
		return -1;
	}
	*out = r;
	return 0;
}

void resolver_free(struct resolver **out)
{
	struct resolver *r = *out;
	struct entry *e, *next;

	if (!r)
		return;
	*out = NULL;
	r->ending = true; /* all questions are answered with ARES_EDESTRUCTION */
	ares_destroy(r->channel);
	timer_stop(&r->timer);
	HASH_ITER(hh, r->entries, e, next) {
		forget(r, e);
	}
	free(r);
	ares_library_cleanup();
}
