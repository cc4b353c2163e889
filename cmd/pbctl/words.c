/* The words behind a verb: its slots, tag=value, and options that stand for a
 * parameter. */
#include "admin/command.h"
#include "cmd/pbctl/near.h"
#include "cmd/pbctl/verbs.h"

bool command_has(const char *command, struct str tag)
{
	struct param p = { .command = command ? command_find(str_z(command)) : NULL };

	while (p.command && param_next(&p))
		if (str_eq(p.name, tag))
			return true;
	return false;
}

/* The words, sorted. */
struct sorted {
	const char *plain[LIMIT_XML_CHILDREN], *tagged[LIMIT_XML_CHILDREN];
	unsigned n_plain, n_tagged;
};

/* Before the "=", if the command has such a parameter; else empty. */
static struct str tag_of(const struct call_words *w, const char *word)
{
	struct str rest = str_z(word), tag;

	str_split(&rest, '=', &tag);
	return rest.p && command_has(w->verb->command, tag) ? tag : STR("");
}

/* Does it look like the name of a parameter? */
static bool is_tag(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && s.p[i] != '_')
			return false;
	return s.n > 0;
}

static int sort(const struct call_words *w, int n, char *const *words, struct sorted *s, struct err *e)
{
	if (n > LIMIT_XML_CHILDREN)
		return err_set(e, "more than %d words", LIMIT_XML_CHILDREN);
	for (int i = 0; i < n; i++)
		if (tag_of(w, words[i]).n)
			s->tagged[s->n_tagged++] = words[i];
		else
			s->plain[s->n_plain++] = words[i];
	return 0;
}

/* --- slots --- */

/* Still to be filled: neither a tag=value nor an option stands for it. */
static bool is_open(const struct call_words *w, const struct slot *slot, const struct sorted *s)
{
	for (unsigned i = 0; slot->tag.n && i < s->n_tagged; i++)
		if (str_eq(tag_of(w, s->tagged[i]), slot->tag))
			return false;
	return slot->tag.n == 0 || !request_get(&w->request, slot->tag);
}

static unsigned count_required(const struct call_words *w, const struct sorted *s)
{
	struct slot slot = { .rest = str_z(w->verb->slots) };
	unsigned n = 0;

	while (slot_next(&slot))
		n += !slot.optional && is_open(w, &slot, s);
	return n;
}

static int fill(struct call_words *w, const struct slot *slot, const char *word, struct err *e)
{
	if (slot->tag.n)
		return request_read(&w->request, slot->tag, word, e);
	w->word = word;
	return 0;
}

/* A parameter of a name that the command has not. */
static int no_parameter(const struct call_words *w, struct str tag, struct err *e)
{
	struct param p = { .command = w->verb->command ? command_find(str_z(w->verb->command)) : NULL };
	struct near n = { .typed = tag };

	while (p.command && param_next(&p))
		near_offer(&n, p.name);
	return err_set(e, "%s takes no parameter %.*s%s%.*s%s", w->verb->words, STR_ARG(tag),
		       n.found.n ? "; did you mean " : "", STR_ARG(n.found), n.found.n ? "?" : "");
}

/* More words than slots. */
static int left_over(const struct call_words *w, const char *word, struct err *e)
{
	struct str rest = str_z(word), tag;

	str_split(&rest, '=', &tag);
	if (rest.p && is_tag(tag))
		return no_parameter(w, tag, e);
	return err_set(e, "%s: too many words: %s%s", w->verb->words, word,
		       strstr(w->verb->slots, "MEMBERS") ? " (members are separated by commas)" : "");
}

/* Slots that may be left out get words only as far as those that may not leave some. */
static int fill_slots(struct call_words *w, const struct sorted *s, struct err *e)
{
	struct slot slot = { .rest = str_z(w->verb->slots) };
	unsigned required = count_required(w, s), used = 0;

	while (slot_next(&slot)) {
		if (!is_open(w, &slot, s) || (slot.optional && s->n_plain - used <= required))
			continue;
		if (used == s->n_plain)
			return err_set(e, "%s: %.*s is missing", w->verb->words, STR_ARG(slot.name));
		if (fill(w, &slot, s->plain[used++], e))
			return -1;
		required -= !slot.optional;
	}
	return used < s->n_plain ? left_over(w, s->plain[used], e) : 0;
}

static int take_tagged(struct call_words *w, const struct sorted *s, struct err *e)
{
	for (unsigned i = 0; i < s->n_tagged; i++)
		if (request_word(&w->request, s->tagged[i], e))
			return -1;
	return 0;
}

/* --- options --- */

static int check_options(const struct verb *v, const struct options *o, struct err *e)
{
	for (const struct option_info *i = option_infos; i->name; i++)
		if (option_value(o, i) && !verb_has_option(v, i))
			return err_set(e, "%s has no option -%s", v->words, i->name);
	return 0;
}

/* Those that stand for a parameter. -limit is not among them: verb_list cuts it into
 * pages. */
static int take_options(struct call_words *w, const struct options *o, struct err *e)
{
	if (o->box && request_read(&w->request, STR("boxid"), o->box, e))
		return -1;
	return o->from ? request_read(&w->request, STR("from_boxid"), o->from, e) : 0;
}

int call_parse(const struct verb *v, const struct options *o, int n, char *const *words,
	       struct call_words *out, struct err *e)
{
	struct sorted s = { .n_plain = 0 };

	out->verb = v;
	out->word = NULL;
	request_init(&out->request, v->command ? v->command : "");
	if (check_options(v, o, e) || take_options(out, o, e) || sort(out, n, words, &s, e))
		return -1;
	return fill_slots(out, &s, e) || take_tagged(out, &s, e) ? -1 : 0;
}
