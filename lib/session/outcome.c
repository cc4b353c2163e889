#include "lib/session/outcome.h"

#include <stdio.h>

#include "lib/wire/reply.h"

#define BRACKET_TEXT 120 /* bytes of one box's text that are worth showing */

enum verdict verdict_of(int code)
{
	switch (code / 100) {
	case 2:
		return VERDICT_ACCEPTED;
	case 5:
		return VERDICT_PERM;
	default:
		return VERDICT_TEMP;
	}
}

enum fate fate_of(const struct word *const *targets, unsigned n)
{
	unsigned seen[VERDICT_PERM + 1] = { 0 };

	for (unsigned i = 0; i < n; i++)
		seen[targets[i]->verdict]++;
	if (seen[VERDICT_TEMP] || seen[VERDICT_NONE])
		return FATE_TEMP;
	if (!seen[VERDICT_PERM])
		return FATE_OK;
	/* Those who took it only now must stand in the ledger before a final word is given. */
	return seen[VERDICT_ACCEPTED] ? FATE_TEMP : FATE_PERM;
}

enum fate fate_join(const enum fate *v, unsigned n, bool *mixed)
{
	unsigned seen[FATE_PERM + 1] = { 0 };

	for (unsigned i = 0; i < n; i++)
		seen[v[i]]++;
	*mixed = seen[FATE_OK] && seen[FATE_OK] < n;
	if (seen[FATE_OK] == n)
		return FATE_OK;
	return seen[FATE_TEMP] || *mixed ? FATE_TEMP : FATE_PERM;
}

/* The kind of verdict that explains a fate. */
static bool explains(enum fate fate, enum verdict v)
{
	static const enum verdict kind[] = {
		[FATE_OK] = VERDICT_ACCEPTED,
		[FATE_TEMP] = VERDICT_TEMP,
		[FATE_PERM] = VERDICT_PERM,
	};

	return v == kind[fate];
}

int outcome_code(enum fate fate, const struct word *const *targets, unsigned n)
{
	static const int common[] = { [FATE_OK] = 250, [FATE_TEMP] = 451, [FATE_PERM] = 554 };
	int code = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!explains(fate, targets[i]->verdict))
			continue;
		if (code && code != targets[i]->code)
			return common[fate];
		code = targets[i]->code;
	}
	/* 421 ends the box's session with us, not the client's (RFC 5321 3.8); and a 3xx or
	 * another that is no verdict would mean something else to the client. */
	if (code == 421 || (code / 100 != 4 && code / 100 != 5))
		return common[fate];
	return code;
}

/* The enhanced code to lead with: a box's own when it is the only one that explains. */
static struct str outcome_enhanced(enum fate fate, const struct word *const *targets, unsigned n)
{
	static const struct str common[] = { [FATE_OK] = STR_INIT("2.0.0"),
					     [FATE_TEMP] = STR_INIT("4.3.0"),
					     [FATE_PERM] = STR_INIT("5.0.0") };
	struct str own = { NULL, 0 };

	for (unsigned i = 0; i < n && fate != FATE_OK; i++) {
		if (!explains(fate, targets[i]->verdict))
			continue;
		if (own.n && !str_eq(own, targets[i]->enhanced))
			return common[fate];
		own = targets[i]->enhanced;
	}
	return own.n ? own : common[fate];
}

static bool same_word(const struct word *a, const struct word *b)
{
	return a->code == b->code && str_eq(a->box, b->box) && str_eq(a->text, b->text);
}

static bool said_before(const struct word *const *targets, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (same_word(targets[i], targets[j]))
			return true;
	return false;
}

const char *outcome_text(enum fate fate, const struct word *const *targets, unsigned n,
			 char dst[OUTCOME_TEXT])
{
	struct str enhanced = outcome_enhanced(fate, targets, n);
	size_t at = (size_t)snprintf(dst, 16, "%.*s ", STR_ARG(enhanced));
	unsigned shown = 0;

	for (unsigned i = 0; i < n; i++) {
		char one[BRACKET_TEXT + 80];
		size_t len;

		if (said_before(targets, i))
			continue;
		len = reply_bracket(one, sizeof(one), targets[i]->box, targets[i]->code,
				    targets[i]->text, BRACKET_TEXT);
		if (at + len + sizeof("...") > OUTCOME_TEXT - 8 || ++shown > 16) {
			str_copy(dst + at, OUTCOME_TEXT - at, STR("..."));
			return dst;
		}
		str_copy(dst + at, OUTCOME_TEXT - at, (struct str){ one, len });
		at += len;
	}
	return dst;
}
