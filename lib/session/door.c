/* door: who is let in, and what those hear who are not.
 * Every try counts in the dictionary of addresses, whatever comes of it. A refusal costs one write
 * and a close; of many in a second few are logged.
 *
 * No limit of one client's connections holds for boxes, for spam_whitelist_ranges and for proxies
 * (accept_proxy_protocol): behind these are many. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/session/env.h"
#include "shm/clients.h"
#include "shm/counters.h"
#include "shm/dictionary.h"

enum verdict {
	COME_IN,
	UNKNOWN_PROTOCOL,
	NO_TLS,
	BLOCKED,
	RATE,
	SESSIONS,
	FULL,
	VERDICTS
};

#define BLACKLISTED \
	"your service has been explicitly blacklisted - contact our site administrators for more " \
	"info\r\n"
#define NO_TLS_YET "encryption is wanted here, and not available yet\r\n"
#define TOO_OFTEN "too many connections from your address, try again later\r\n"
#define TOO_MANY "too many sessions from your address at once, try again later\r\n"
#define CROWDED "too many connections, try again later\r\n"

static const struct door {
	void (*start)(struct env *env, const struct topo_cluster *c, int fd, const struct addr *peer);
	const char *words[VERDICTS]; /* NULL: none */
} doors[] = {
	[PROTO_SMTP] = { smtp_session_start,
			 { [NO_TLS] = "421 4.7.0 " NO_TLS_YET, [BLOCKED] = "550 " BLACKLISTED, [RATE] = "421 4.7.0 " TOO_OFTEN, [SESSIONS] = "421 4.7.0 " TOO_MANY, [FULL] = "421 4.3.2 " CROWDED } },
	[PROTO_POP3] = { pop3_session_start,
			 { [NO_TLS] = "-ERR [SYS/PERM] " NO_TLS_YET, [BLOCKED] = "-ERR " BLACKLISTED, [RATE] = "-ERR [SYS/TEMP] " TOO_OFTEN, [SESSIONS] = "-ERR [SYS/TEMP] " TOO_MANY, [FULL] = "-ERR [SYS/TEMP] " CROWDED } },
	/* Nothing can be said in a protocol that we do not know. */
	[PROTO_TCP] = { tcp_session_start, { NULL } },
};

static const struct {
	const char *why;
	enum cluster_counter counter;
} refusals[VERDICTS] = {
	[UNKNOWN_PROTOCOL] = { "no such protocol yet", CC_refused_connections },
	[NO_TLS] = { "tls_required", CC_refused_connections },
	[BLOCKED] = { "block_ranges", CC_refused_connections },
	[RATE] = { "max_client_connections", CC_refused_client_rate },
	[SESSIONS] = { "max_client_concurrent", CC_refused_client_sessions },
	[FULL] = { "max_connections", CC_refused_connections },
};

/* --- refusing --- */

/* A flood of connections must not become one of log lines. */
static bool may_log(struct env *env)
{
	int64_t second = loop_now(env->loop) / 1000;

	if (env->door_log.second != second)
		env->door_log.lines = 0;
	env->door_log.second = second;
	if (env->door_log.lines == LIMIT_DOOR_LOG) {
		env->door_log.left_out++;
		return false;
	}
	env->door_log.lines++;
	return true;
}

static void log_refusal(struct env *env, const struct topo_cluster *c,
			const struct addr *peer, const char *why)
{
	char more[60] = "";

	if (!may_log(env))
		return;
	if (env->door_log.left_out > 0)
		snprintf(more, sizeof(more), "; %u more refusals were not logged",
			 env->door_log.left_out);
	env->door_log.left_out = 0;
	traffic_line(env->traffic, clock_wall_ms(), &peer->ip, "refused at connect cluster=%.*s: %s%s",
		     STR_ARG(c->row.clusterid), why, more);
}

static void turn_away(struct env *env, const struct topo_cluster *c, int fd,
		      const struct addr *peer, enum verdict v)
{
	bool known = (size_t)c->protocol < ARRAY_LEN(doors);
	const char *words = known ? doors[c->protocol].words[v] : NULL, *why = refusals[v].why;

	/* One try: a socket just accepted has room; a client that is gone needs no words. */
	if (words && send(fd, words, strlen(words), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		why = "refused and gone";
	close(fd);
	log_refusal(env, c, peer, why);
	if (env->shm)
		count_cluster(env->shm, env->slot, c->shm, refusals[v].counter, 1);
}

/* --- judging --- */

/* Until there is TLS, nobody is served without where the administrator wants it. */
static bool wants_tls(const struct topo_cluster *c)
{
	return c->row.tls_required || str_eq(c->row.tls, STR("implicit"));
}

static bool has_no_limit(const struct env *env, const struct topo_cluster *c, const struct ipaddr *ip)
{
	return ranges_contain(&c->spam_whitelist, ip) || ranges_contain(&c->proxy, ip) ||
	       topology_has_box(env->topology, ip, false);
}

/* Looked at behind the limits only: it takes longer than they do. */
static bool comes_too_often(const struct env *env, const struct topo_cluster *c,
			    const struct ipaddr *ip, unsigned tries)
{
	return tries > c->row.max_client_connections && !has_no_limit(env, c, ip);
}

/* Everybody's sessions are counted, so that a limit that is set or lifted meanwhile finds them. */
static bool takes_client(struct env *env, const struct topo_cluster *c,
			 const struct ipaddr *ip, uint64_t key)
{
	return client_enter(env->shm, env->slot, key, (uint64_t)c->row.max_client_concurrent) ||
	       (has_no_limit(env, c, ip) && client_enter(env->shm, env->slot, key, 0));
}

/* COME_IN: places are taken, session_end gives them back. */
static enum verdict take_places(struct env *env, const struct topo_cluster *c,
				const struct ipaddr *ip, uint64_t key)
{
	if (!takes_client(env, c, ip, key))
		return SESSIONS;
	if (take_cluster_session(env->shm, env->slot, c->shm, (uint64_t)c->row.max_connections))
		return COME_IN;
	client_leave(env->shm, env->slot, key);
	return FULL;
}

static enum verdict judge(struct env *env, const struct topo_cluster *c, const struct ipaddr *ip)
{
	uint64_t key = env->shm ? client_key(env->shm, c->shm, ip) : 0;
	unsigned tries = 0;

	if (env->shm)
		tries = dictionary_try(env->shm, key,
				       decimal_s_ms(c->row.max_client_connections_interval_s),
				       decimal_s_ms(env->topology->settings.ip_dictionary_expiry_s),
				       loop_now(env->loop));
	if ((size_t)c->protocol >= ARRAY_LEN(doors) || !doors[c->protocol].start)
		return UNKNOWN_PROTOCOL;
	if (wants_tls(c))
		return NO_TLS;
	if (ranges_contain(&c->block, ip))
		return BLOCKED;
	if (comes_too_often(env, c, ip, tries))
		return RATE;
	return env->shm ? take_places(env, c, ip, key) : COME_IN;
}

void session_accept(struct env *env, const struct topo_cluster *c, int fd, const struct addr *peer)
{
	enum verdict v = judge(env, c, &peer->ip);

	if (v == COME_IN)
		doors[c->protocol].start(env, c, fd, peer);
	else
		turn_away(env, c, fd, peer, v);
}
