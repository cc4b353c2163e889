#include "cmd/demobox/fault.h"

#include <stdlib.h>

#define SLOW_MAX_MS 3600000
#define ALWAYS UINT64_MAX

static const char *const step_names[] = {
	[STEP_CONNECT] = "connect", [STEP_GREETING] = "greeting", [STEP_EHLO] = "ehlo",
	[STEP_MAIL] = "mail",	    [STEP_RCPT] = "rcpt",	  [STEP_DATA] = "data",
	[STEP_BODY] = "body",	    [STEP_END] = "end",		  [STEP_QUIT] = "quit",
	[STEP_RSET] = "rset",	    [STEP_USER] = "user",	  [STEP_PASS] = "pass",
	[STEP_RETR] = "retr",
};
_Static_assert(ARRAY_LEN(step_names) == STEPS, "a name for each step");

static const char *const action_names[] = {
	[ACT_NONE] = "none",   [ACT_REFUSE4] = "refuse4", [ACT_REFUSE5] = "refuse5",
	[ACT_STALL] = "stall", [ACT_DROP] = "drop",	  [ACT_DROP_AFTER] = "drop_after",
	[ACT_SLOW] = "slow",   [ACT_GARBAGE] = "garbage", [ACT_RESET] = "reset",
};
_Static_assert(ARRAY_LEN(action_names) == ACTIONS, "a name for each action");

const char *step_name(enum step s)
{
	return s < STEPS ? step_names[s] : "other";
}

const char *action_name(enum action a)
{
	return action_names[a];
}

/* Index of word among names, or -1. */
static int name_find(const char *const *names, int n, struct str word)
{
	for (int i = 0; i < n; i++)
		if (str_eq(str_z(names[i]), word))
			return i;
	return -1;
}

/* --- reading a spec --- */

/* "rcpt" or "rcpt=anna@example.com" */
static int step_parse(struct str s, struct fault *f, struct err *e)
{
	struct str name;
	int i;

	str_split(&s, '=', &name);
	i = name_find(step_names, STEPS, name);
	if (i < 0)
		return err_set(e, "no such step: %.*s", STR_ARG(name));
	f->step = (enum step)i;
	if (s.p && (s.n == 0 || s.n > LIMIT_ADDRESS))
		return err_set(e, "not an address: \"%.*s\"", STR_ARG(s));
	if (s.p)
		str_copy(f->who, sizeof(f->who), s);
	return 0;
}

static int number(struct str s, uint64_t min, uint64_t max, uint64_t *out, struct err *e)
{
	if (str_u64(s, min, max, out) < 0)
		return err_set(e, "not a number from %llu to %llu: \"%.*s\"",
			       (unsigned long long)min, (unsigned long long)max,
			       STR_ARG(s));
	return 0;
}

/* MS; at body BYTES, or BYTES/MS for slow. */
static int arg_parse(struct str s, struct fault *f, struct err *e)
{
	struct str bytes;

	if (f->step != STEP_BODY)
		return number(s, 0, SLOW_MAX_MS, &f->ms, e);
	if (f->action != ACT_SLOW)
		return number(s, 0, INT64_MAX, &f->bytes, e);
	str_split(&s, '/', &bytes);
	/* Nothing would ever pass between two pauses of 0 bytes. */
	if (number(bytes, 1, INT64_MAX, &f->bytes, e) < 0)
		return -1;
	return number(s, 0, SLOW_MAX_MS, &f->ms, e);
}

static int fault_parse(struct str rest, struct fault *f, struct err *e)
{
	struct str part;
	int i;

	*f = (struct fault){ .left = ALWAYS };
	str_split(&rest, ':', &part);
	if (step_parse(part, f, e) < 0)
		return -1;
	if (!str_split(&rest, ':', &part))
		return err_set(e, "an action is missing");
	i = name_find(action_names, ACTIONS, part);
	if (i <= ACT_NONE)
		return err_set(e, "no such action: %.*s", STR_ARG(part));
	f->action = (enum action)i;
	if (f->action == ACT_SLOW || f->step == STEP_BODY) {
		if (!str_split(&rest, ':', &part))
			part = STR("");
		if ((part.n || f->action == ACT_SLOW) && arg_parse(part, f, e) < 0)
			return -1;
	} else if (rest.n && rest.p[0] == ':') {
		rest = str_skip(rest, 1); /* ARG left empty */
	}
	return rest.n ? number(rest, 1, INT64_MAX, &f->left, e) : 0;
}

int faults_add(struct faults *f, struct str spec, struct err *e)
{
	struct fault one;

	if (fault_parse(spec, &one, e) < 0)
		return err_wrap(e, "fault %.*s", STR_ARG(spec));
	f->v = mem_realloc(f->v, (f->n + 1) * sizeof(*f->v));
	f->v[f->n++] = one;
	return 0;
}

int faults_set(struct faults *f, struct str text, struct err *e)
{
	struct faults fresh = { 0 };
	struct str line;

	while (str_split(&text, '\n', &line)) {
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (faults_add(&fresh, line, e) < 0) {
			faults_free(&fresh);
			return -1;
		}
	}
	faults_free(f);
	*f = fresh;
	return 0;
}

void faults_free(struct faults *f)
{
	free(f->v);
	*f = (struct faults){ 0 };
}

/* --- asking --- */

static bool due(const struct fault *f, enum step s, struct str who, uint64_t bytes)
{
	return f->left > 0 && f->step == s && f->bytes <= bytes &&
	       (!f->who[0] || str_ieq(str_z(f->who), who));
}

struct fault faults_take(struct faults *f, enum step s, struct str who, uint64_t bytes)
{
	for (size_t i = 0; i < f->n; i++) {
		if (!due(&f->v[i], s, who, bytes))
			continue;
		if (f->v[i].left != ALWAYS)
			f->v[i].left--;
		return f->v[i];
	}
	return (struct fault){ .action = ACT_NONE };
}

uint64_t faults_body_left(const struct faults *f, uint64_t bytes)
{
	uint64_t left = UINT64_MAX;

	for (size_t i = 0; i < f->n; i++) {
		const struct fault *x = &f->v[i];
		uint64_t n = x->bytes > bytes ? x->bytes - bytes : 0;

		if (x->step == STEP_BODY && x->left > 0 && n < left)
			left = n;
	}
	return left;
}
