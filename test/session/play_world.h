/* play_world: the words of a play that are about everything but its connections: time, boxes,
 * settings, senders, the ledger, counters, the log. Included by play.h, whose functions it uses. */
#ifndef PB_TEST_PLAY_WORLD_H
#define PB_TEST_PLAY_WORLD_H

/* --- words about the rest of the world --- */

typedef void play_word(const char *rest);

static int play_box_named(char name)
{
	const char *at = strchr("ABXY", name);

	ck_assert_ptr_nonnull(at);
	return (int)(at - "ABXY");
}

static void w_pass(const char *rest)
{
	pass(atoi(rest));
}

/* Of sessions that come later, in seconds. */
static void w_deadline(const char *rest)
{
	stage.cluster.row.session_max_s = atoi(rest) * 10000LL;
}

/* data_min_bytes_per_s of mails that come later. */
static void w_pace(const char *rest)
{
	stage.cluster.row.data_min_bytes_per_s = atoi(rest);
}

static void w_client(const char *rest)
{
	(void)rest;
	stage_client();
}

static void w_drain(const char *rest)
{
	struct list *n, *tmp;

	(void)rest;
	stage.env.draining = true;
	list_each(&stage.env.sessions, n, tmp)
		container_of(n, struct session, node)->drain(container_of(n, struct session, node));
}

static void w_red(const char *rest)
{
	stage.boxes[play_box_named(*rest)].light = LIGHT_RED;
	sessions_reconfigured(&stage.env);
}

static void w_yellow(const char *rest)
{
	stage.boxes[play_box_named(*rest)].light = LIGHT_YELLOW;
}

/* "offer A 9 500": bits of its last EHLO, its SIZE. */
static void w_offer(const char *rest)
{
	struct topo_box *b = &stage.boxes[play_box_named(*rest)];
	const char *size = strchr(rest + 2, ' ');

	ck_assert_ptr_nonnull(size);
	boxes_offer(stage.shm, b->shm, (uint32_t)atoi(rest + 2), (uint64_t)atoi(size));
}

/* The address of clients that come later. */
static void w_from(const char *rest)
{
	stage.from = rest;
}

static void w_lmtp(const char *rest)
{
	stage.boxes[play_box_named(*rest)].protocol = PROTO_LMTP;
}

static void w_dial(const char *rest)
{
	stage.dial[play_box_named(*rest)] = strstr(rest, "refused") ? DIAL_REFUSED :
					    strstr(rest, "hangs")   ? DIAL_HANGS :
								      DIAL_WORKS;
}

static void w_falls_to(const char *rest)
{
	int box = play_box_named(*rest);

	stage.fallover[box] = stage.boxes[box].fallover = play_box_named(rest[2]);
}

static void w_down(const char *rest)
{
	stage.down[play_box_named(*rest)] = true;
}

static void w_one(const char *rest)
{
	(void)rest;
	stage.cluster.one_per_transaction = true;
}

static void w_normalize(const char *rest)
{
	(void)rest;
	stage.cluster.normalize = true;
}

static void w_received(const char *rest)
{
	(void)rest;
	stage.cluster.row.received_header = 1;
}

static void w_ledger_durable(const char *rest)
{
	(void)rest;
	stage_replicate(true);
}

static void w_ledger_broken(const char *rest)
{
	(void)rest;
	stage.ledger_broken = true;
}

static void w_ledger_rows(const char *rest)
{
	stage_replicate(false);
	play_must(stage.n_ledger == (unsigned)atoi(rest), "there are %u", stage.n_ledger);
}

/* "ledger a@t delivered A" */
static void w_ledger_row(const char *rest)
{
	struct str s = str_z(rest), who, what;
	char pair[33];
	int want;

	ck_assert(str_split(&s, ' ', &who) && str_split(&s, ' ', &what));
	want = str_eq(what, STR("delivered")) ? LEDGER_DELIVERED : LEDGER_REFUSED;
	ledger_pair(STR("s@t"), who, pair);
	stage_replicate(false);
	for (unsigned i = 0; i < stage.n_ledger; i++)
		if (strcmp(stage.ledger[i].pair, pair) == 0 &&
		    stage.ledger[i].outcome == want && str_eq(s, str_z(stage.ledger[i].box)))
			return;
	play_must(false, "no row");
}

static void w_logged(const char *rest)
{
	play_must(strstr(stage.log, rest), "\n%s", stage.log);
}

/* "past a@t delivered 1": a row of an earlier mail, number 1. */
static void w_past(const char *rest)
{
	struct stage_row *r = &stage.ledger[stage.n_ledger++];
	struct str s = str_z(rest), who, what;

	ck_assert(str_split(&s, ' ', &who) && str_split(&s, ' ', &what));
	ledger_pair(STR("s@t"), who, r->pair);
	r->outcome = str_eq(what, STR("delivered")) ? LEDGER_DELIVERED : LEDGER_REFUSED;
	str_copy(r->digest, sizeof(r->digest), s);
	str_copy(r->box, sizeof(r->box), STR("L"));
	r->durable = true;
}

/* "has a1@t hi": the mail of this one line was delivered to him, by way of another worker. */
static void w_has(const char *rest)
{
	struct stage_row *r = &stage.ledger[stage.n_ledger++];
	struct str s = str_z(rest), who;
	struct hash *h = hash_begin();
	uint8_t sum[32];

	ck_assert(str_split(&s, ' ', &who));
	hash_more(h, s);
	hash_more(h, STR("\r\n"));
	hash_end(&h, sum);
	hash_hex(sum, 16, r->digest);
	ledger_pair(STR("s@t"), who, r->pair);
	r->outcome = LEDGER_DELIVERED;
	str_copy(r->box, sizeof(r->box), STR("L"));
	r->durable = true;
}

/* --- words about who sends --- */

static void w_ranges(const char *rest)
{
	struct err e;

	ck_assert_int_eq(ranges_parse(str_z(rest), &stage.cluster.relay, &e), 0);
}

static void w_whitelist(const char *rest)
{
	struct err e;

	ck_assert_int_eq(ranges_parse(str_z(rest), &stage.cluster.spam_whitelist, &e), 0);
}

static void w_relay_box(const char *rest)
{
	stage.relay = *rest == '-' ? -1 : play_box_named(*rest);
}

/* "sender own", "sender ours remote", "sender rcpt 2", "sender unknown", ... */
static void w_sender(const char *rest)
{
	struct route_sender *s = &stage.sender;

	s->own = strstr(rest, "own") != NULL && !strstr(rest, "unknown");
	s->ours = s->own || strstr(rest, "ours") != NULL;
	s->remote = strstr(rest, "remote") != NULL;
	s->unlimited = strstr(rest, "unlimited") != NULL;
	s->rcpt_per_mail = strstr(rest, "rcpt") ? atoi(strstr(rest, "rcpt") + 5) : FIELD_EMPTY;
	stage.sender_broken = strstr(rest, "unreadable") != NULL;
}

/* Rows of its name may be there, but no account. */
static void w_login_gone(const char *rest)
{
	(void)rest;
	stage.login_gone = true;
}

/* Settings of the cluster, by name. */
static void w_setting(const char *rest)
{
	const struct field *f;
	struct str s = str_z(rest), name;
	struct arena a = ARENA(1000);
	struct err e;

	ck_assert(str_split(&s, ' ', &name));
	f = table_field(&table_clusters, name);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(field_parse(f, &stage.cluster.row, s, &a, &e), 0);
	ck_assert(!field_is_text(f->kind));
	arena_free(&a);
}

/* General settings, by name; numbers only. */
static void w_general(const char *rest)
{
	const struct field *f;
	struct str s = str_z(rest), name;
	struct arena a = ARENA(1000);
	struct err e;

	ck_assert(str_split(&s, ' ', &name));
	f = table_field(&table_settings, name);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(field_parse(f, &stage.topology.settings, s, &a, &e), 0);
	ck_assert(!field_is_text(f->kind));
	arena_free(&a);
}

/* "A 10.11.12.13": where the box is. */
static void w_lives(const char *rest)
{
	struct err e;

	ck_assert_int_eq(ip_parse(str_z(rest + 2), &stage.boxes[play_box_named(*rest)].addr.ip, &e), 0);
}

/* Senders are rewritten to this domain, and come back. */
static void w_srs(const char *rest)
{
	stage.cluster.row.srs_domain = str_z(rest);
	stage.topology.srs_secrets[0] = STR("key");
	stage.topology.n_srs_secrets = 1;
}

static void w_blocked(const char *rest)
{
	stage.blocked = rest;
}

/* "null senders", "themselves" */
static void w_refuse(const char *rest)
{
	stage.no_null |= strstr(rest, "null") != NULL;
	stage.no_self |= strstr(rest, "themselves") != NULL;
}

static void w_answers(const char *rest)
{
	stage.replies = true;
	stage.keeps = str_eq(str_z(rest), STR("and keeps"));
	stage.env.responder = responder_new(&stage.env);
}

static void w_answered(const char *rest)
{
	stage.answered = strchr(rest, '@') ? rest : NULL;
	stage.replied = stage.answered ? 1 : atoi(rest);
}

/* "on", "off", "cluster": all mailboxes' setting; "broken": on, but it cannot be asked */
static void w_guard(const char *rest)
{
	stage.sight_broken = strcmp(rest, "broken") == 0;
	stage.spam_setting = strcmp(rest, "off") == 0	  ? SPAM_OFF :
			     strcmp(rest, "cluster") == 0 ? SPAM_CLUSTER :
							    SPAM_GREYLISTING;
}

/* What the guard knows of all that is asked for from now on. */
static void w_known(const char *rest)
{
	static const struct {
		const char *word;
		struct sight known;
	} words[] = {
		{ "nothing", { .off = false } },
		{ "waits", { .greylist = { .window = 1, .first_ms = -60000, .last_ms = -60000 } } },
		{ "due", { .greylist = { .window = 1, .first_ms = -600000, .last_ms = -600000 } } },
		{ "permanent", { .greylist = { 1, -600000, -600000, -600000, { 0 } } } },
		{ "correspondent", { .correspondent = true } },
		{ "trusted", { .trust = { 1, 0, 0, { 1, { { 1, { 9 } } } } } } },
		{ "doubtful", { .evidence = { { [EVIDENCE_UNKNOWN] = 10, [EVIDENCE_EARLY] = 3 }, 0 } } },
		{ "suspect",
		  { .evidence = { { [EVIDENCE_UNKNOWN] = 10, [EVIDENCE_FORGED] = 20,
				    [EVIDENCE_ABANDONED] = 10, [EVIDENCE_EARLY] = 3,
				    [EVIDENCE_RECIPIENTS] = 5 }, 0 } } },
	};
	int64_t now = clock_wall_ms();
	size_t i = 0;

	while (i < ARRAY_LEN(words) && strcmp(words[i].word, rest) != 0)
		i++;
	play_must(i < ARRAY_LEN(words), "no such knowledge");
	stage.known = words[i].known;
	stage.known.greylist.first_ms += now;
	stage.known.greylist.last_ms += now;
	if (stage.known.greylist.passed_ms)
		stage.known.greylist.passed_ms += now;
	stage.known.trust.used_ms = stage.known.trust.round ? now : 0;
	stage.known.trust.proved_ms = stage.known.trust.used_ms;
}

/* By this DNS list; "-": by none. */
static void w_listed(const char *rest)
{
	stage.list = *rest == '-' ? NULL : rest;
}

static void w_nameless(const char *rest)
{
	(void)rest;
	stage.nameless = true;
}

/* The next sighting on its way to the replicator: "parts kinds", by their bits; or "nothing". */
static void w_saw(const char *rest)
{
	uint64_t pos = stage.sightings_at > journal_tail(stage.shm, 0) ? stage.sightings_at :
									 journal_tail(stage.shm, 0);
	enum journal_kind kind;
	struct sighting s;
	struct str payload;
	char text[32] = "nothing";

	while (journal_next(stage.shm, 0, &pos, &kind, &payload)) {
		if (kind != JOURNAL_SIGHTING)
			continue;
		memcpy(&s, payload.p, sizeof(s));
		snprintf(text, sizeof(text), "%u %u", s.parts, s.kinds);
		break;
	}
	stage.sightings_at = pos;
	play_must(strcmp(text, rest) == 0, "it is %s", text);
}

static void w_fits(const char *rest)
{
	stage.fits[play_box_named(*rest)] = true;
}

static void w_bell(const char *rest)
{
	(void)rest;
	sessions_bell(&stage.env);
}

/* "count mails 1" of the cluster, "count A failures 1" of a box. */
static void w_count(const char *rest)
{
	bool box = rest[1] == ' ';
	const struct counter_info *info = box ? box_counter_info : cluster_counter_info;
	int n = box ? (int)BC_COUNT : (int)CC_COUNT, c = 0;
	const char *name = box ? rest + 2 : rest, *value = strchr(name, ' ');
	int64_t is;

	ck_assert_ptr_nonnull(value);
	while (c < n && (strncmp(info[c].name, name, (size_t)(value - name)) != 0 ||
			 info[c].name[value - name] != '\0'))
		c++;
	play_must(c < n, "no such counter");
	if (box)
		is = counter_box(stage.shm, -1, stage.boxes[play_box_named(*rest)].shm,
				 (enum box_counter)c);
	else
		is = counter_cluster(stage.shm, -1, stage.cluster.shm, (enum cluster_counter)c);
	play_must(is == atoi(value), "it is %lld", (long long)is);
}

#endif
