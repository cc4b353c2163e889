#include "cmd/pbctl/complete.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "admin/command.h"
#include "cmd/pbctl/verbs.h"

#define PATIENCE_MS 1000

struct completion {
	FILE *out;
	struct str begun;    /* of the last word */
	struct str before;   /* what is put in front of each line: "tag=" */
	struct options o;    /* those on the line that say which service */
	struct answer names; /* of listclusters, once it was asked */
	bool asked, there;
	const struct verb *verb;
	const struct command *command;
	char *const *plain; /* words that are no option, without those of the verb */
	int n_plain;
};

static void offer(const struct completion *k, struct str word)
{
	if (str_starts(word, k->begun))
		fprintf(k->out, "%.*s%.*s\n", STR_ARG(k->before), STR_ARG(word));
}

static void offer_z(const struct completion *k, const char *word)
{
	offer(k, str_z(word));
}

static void offer_each(const struct completion *k, const char *words, char separator)
{
	struct str rest = str_z(words), one;

	while (str_split(&rest, separator, &one))
		if (one.n)
			offer(k, one);
}

/* --- names that the service knows --- */

/* The key is on the line or in a file. Nothing is asked on a terminal nor waited for in a
 * pipe: whoever presses the key of completion has not sent the line yet. */
static bool is_key_at_hand(const struct options *o)
{
	const char *key = o->key ? o->key : "";
	struct stat st;

	if (strcmp(key, "-") == 0)
		return false;
	return key[0] != '@' || key[1] == '@' || (stat(key + 1, &st) == 0 && S_ISREG(st.st_mode));
}

static void ask_names(struct completion *k)
{
	struct request r;
	struct ctl c;
	struct err e;

	k->asked = true;
	if (options_check(&k->o, &e) || !is_key_at_hand(&k->o) || ctl_open(&c, &k->o, &e))
		return;
	http_patience(c.http, PATIENCE_MS);
	request_init(&r, "listclusters");
	k->there = ctl_ask(&c, &r, &k->names, &e) == 0;
	ctl_close(&c);
}

/* Boxes of several clusters may have one name. */
static bool is_first(const struct node *row, const char *path, const char *tag, const struct node *root)
{
	const struct node *r = NULL;

	while ((r = node_each(root, path, r)) != row)
		if (str_eq(node_text(r, tag), node_text(row, tag)))
			return false;
	return true;
}

/* What comes from a service becomes part of a line that a shell will read. */
static bool is_plain(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c && strchr("_.:+@", c)) || (c == '-' && i > 0)))
			return false;
	}
	return true;
}

static void offer_names(struct completion *k, const char *path, const char *tag)
{
	if (!k->asked)
		ask_names(k);
	for (const struct node *r = NULL; k->there && (r = node_each(k->names.root, path, r));)
		if (is_plain(node_text(r, tag)) && is_first(r, path, tag, k->names.root))
			offer(k, node_text(r, tag));
}

/* --- values --- */

static bool ends_in(struct str s, struct str end)
{
	return s.n >= end.n && str_eq(str_skip(s, s.n - end.n), end);
}

/* What describes a parameter of the command; NULL: it has none of the name. */
static const struct field *field_of(const struct command *command, struct str tag)
{
	struct param p = { .command = command };

	while (command && param_next(&p))
		if (str_eq(p.name, tag))
			return p.field;
	return NULL;
}

/* A cluster that is added has a name of its own. A box may well be one of another
 * cluster. */
static bool is_new(const struct completion *k, struct str tag)
{
	return k->command && k->command->flags & COMMAND_ADDS &&
	       k->command->table == &table_clusters && str_eq(tag, STR("clusterid"));
}

static void offer_values(struct completion *k, struct str tag)
{
	const struct field *f = field_of(k->command, tag);

	if (!f || is_new(k, tag))
		return;
	if (f->kind == FK_ENUM)
		offer_each(k, f->words, '|');
	else if (f->kind == FK_BOOL)
		offer_each(k, "0 1", ' ');
	else if (str_eq(tag, STR("clusterid")))
		offer_names(k, "clusters/cluster", "clusterid");
	else if (ends_in(tag, STR("boxid")))
		offer_names(k, "clusters/cluster/boxes/box", "boxid");
}

/* --- words --- */

static bool has_tag(const struct completion *k, struct str tag)
{
	for (int i = 0; i < k->n_plain; i++) {
		struct str rest = str_z(k->plain[i]), one;

		str_split(&rest, '=', &one);
		if (rest.p && str_eq(one, tag))
			return true;
	}
	return false;
}

/* The slot that the last word is for: the one behind as many as there are words of no
 * tag. */
static bool open_slot(const struct completion *k, struct slot *s)
{
	int n = 0;

	for (int i = 0; i < k->n_plain; i++) {
		struct str rest = str_z(k->plain[i]), one;

		str_split(&rest, '=', &one);
		n += !(rest.p && field_of(k->command, one));
	}
	while (slot_next(s))
		if (!(s->tag.n && has_tag(k, s->tag)) && n-- == 0)
			return true;
	return false;
}

static void offer_slot(struct completion *k)
{
	struct slot s = { .rest = str_z(k->verb->slots) };

	if (!open_slot(k, &s))
		return;
	if (s.tag.n)
		offer_values(k, s.tag);
	else if (s.name.n && s.name.p[0] >= 'a' && s.name.p[0] <= 'z')
		for (struct str rest = s.name, one; str_split(&rest, '|', &one);)
			offer(k, one);
}

static bool is_slot(const struct verb *v, struct str tag)
{
	struct slot s = { .rest = str_z(v ? v->slots : "") };

	while (slot_next(&s))
		if (str_eq(s.tag, tag))
			return true;
	return false;
}

static void offer_tags(struct completion *k)
{
	struct param p = { .command = k->command };

	while (p.command && param_next(&p)) {
		char tag[128];

		if (has_tag(k, p.name) || is_slot(k->verb, p.name))
			continue;
		snprintf(tag, sizeof(tag), "%.*s=", STR_ARG(p.name));
		offer_z(k, tag);
	}
}

/* The words that may follow those that are there, of all verbs. */
static void offer_verbs(struct completion *k)
{
	struct str said = STR("");

	for (const struct verb *v = verbs; v->words; v++) {
		struct str rest = str_z(v->words), one;
		int i = 0;

		while (str_split(&rest, ' ', &one) && i < k->n_plain &&
		       str_eq(one, str_z(k->plain[i])))
			i++;
		if (i < k->n_plain || !one.p || str_eq(one, said))
			continue;
		offer(k, one);
		said = one; /* verbs of one beginning stand together */
	}
}

static void offer_first(struct completion *k)
{
	offer_verbs(k);
	if (k->n_plain > 0)
		return;
	offer_z(k, "help");
	for (const struct command *c = commands; c->name; c++)
		if (!verb_find(1, (char *const[]){ (char *)(uintptr_t)c->name }, &(int){ 0 }))
			offer_z(k, c->name);
}

/* --- options --- */

static void offer_options(struct completion *k)
{
	bool two = str_starts(k->begun, STR("--"));

	k->before = two ? STR("--") : STR("-");
	k->begun = str_skip(k->begun, k->before.n);
	for (const struct option_info *i = option_infos; i->name; i++)
		if (i->all || (k->verb && verb_has_option(k->verb, i)))
			offer_z(k, i->name);
}

/* NULL: it is no option, or one without an argument, or the argument stands in the
 * word. */
static const struct option_info *wants_argument(const char *word)
{
	const char *name = word + strspn(word, "-");

	for (const struct option_info *i = option_infos; word[0] == '-' && i->name; i++)
		if (i->argument && strcmp(i->name, name) == 0)
			return i;
	return NULL;
}

static void offer_argument(struct completion *k, const struct option_info *i)
{
	if (str_eq(str_z(i->argument), STR("BOX")))
		offer_names(k, "clusters/cluster/boxes/box", "boxid");
}

static void keep_option(struct completion *k, const struct option_info *i, const char *value)
{
	if (i->all)
		*(const char **)(void *)((char *)&k->o + i->offset) = value;
}

/* --- the line --- */

/* Takes the options out of the words, but for the last one. An option whose argument is
 * being typed is returned. */
static const struct option_info *pick_options(struct completion *k, int n,
					      char *const *words, char **plain)
{
	for (int i = 0; i < n - 1; i++) {
		const struct option_info *o = wants_argument(words[i]);

		if (o && i == n - 2)
			return o;
		if (o)
			keep_option(k, o, words[++i]);
		else if (words[i][0] != '-' || !words[i][1])
			plain[k->n_plain++] = words[i];
	}
	return NULL;
}

static void find_verb(struct completion *k)
{
	int used = 0;

	k->verb = verb_find(k->n_plain, k->plain, &used);
	if (k->verb)
		k->command = k->verb->command ? command_find(str_z(k->verb->command)) : NULL;
	else if (k->n_plain > 0 && (k->command = command_find(str_z(k->plain[0]))))
		used = 1;
	k->plain += used;
	k->n_plain -= used;
}

static void complete(struct completion *k)
{
	ptrdiff_t equals = str_find(k->begun, '=');

	if (k->begun.n && k->begun.p[0] == '-') {
		offer_options(k);
	} else if (k->command && equals > 0) {
		k->before = (struct str){ k->begun.p, (size_t)equals + 1 };
		k->begun = str_skip(k->begun, (size_t)equals + 1);
		offer_values(k, (struct str){ k->before.p, (size_t)equals });
	} else if (k->command || k->verb) {
		if (k->verb)
			offer_slot(k);
		offer_tags(k);
	} else {
		offer_first(k);
	}
}

int complete_words(FILE *out, int n, char *const *words)
{
	struct completion k = { .out = out, .before = STR(""), .begun = str_z(n ? words[n - 1] : "") };
	char **plain = mem_zalloc(((size_t)n + 1) * sizeof(*plain));
	const struct option_info *option = pick_options(&k, n, words, plain);

	k.plain = plain;
	if (option) {
		offer_argument(&k, option);
	} else {
		find_verb(&k);
		complete(&k);
	}
	if (k.there)
		answer_free(&k.names);
	free(plain);
	return EXIT_DONE;
}
