#include "lib/wire/smtp_line.h"

#include "lib/wire/chars.h"

enum line_result line_next(struct str in, size_t max, struct str *line, size_t *used)
{
	*line = (struct str){ in.p, 0 };
	*used = chars_line(in, line);
	if (*used == 0 && in.n < max)
		return LINE_MORE;
	if (*used == 0)
		*used = in.n;
	if (*used > max || in.p[*used - 1] != '\n')
		return LINE_LONG;
	if (chars_broken(*line))
		return LINE_NUL;
	return line->n + 2 == *used ? LINE_OK : LINE_BARE;
}

void smtp_line_split(struct str line, struct smtp_line *out)
{
	size_t i = 0;

	while (line.n && char_blank(line.p[line.n - 1]))
		line.n--;
	while (i < line.n && !char_blank(line.p[i]))
		i++;
	out->verb = (struct str){ line.p, i };
	out->args = chars_skip_blanks(str_skip(line, i));
}

/* ESMTP parameters (RFC 5321 4.1.2):
 *	esmtp-param   = esmtp-keyword ["=" esmtp-value]
 *	esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
 *	esmtp-value   = 1*(%d33-60 / %d62-126)
 * has_value tells "PRDR" from "PRDR=x"; value then holds at least a byte. */
struct param {
	struct str keyword, value;
	bool has_value;
};

static bool keyword_ok(struct str s)
{
	if (s.n == 0 || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!char_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

static bool value_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_visible(s.p[i]) || s.p[i] == '=')
			return false;
	return s.n > 0;
}

/* Cuts one parameter off *rest, which begins with a visible byte. */
static enum args_fault param_next(struct str *rest, struct param *p)
{
	struct str word = { rest->p, 0 };
	ptrdiff_t eq;

	while (word.n < rest->n && !char_blank(rest->p[word.n]))
		word.n++;
	*rest = str_skip(*rest, word.n);
	eq = str_find(word, '=');
	p->has_value = eq >= 0;
	p->keyword = (struct str){ word.p, p->has_value ? (size_t)eq : word.n };
	p->value = str_skip(word, p->keyword.n + 1);
	if (!keyword_ok(p->keyword) || (p->has_value && !value_ok(p->value)))
		return ARGS_SYNTAX;
	return ARGS_OK;
}

/* RFC 1870 4: size-value = 1*20DIGIT, which may pass 2^64: then it is as large as can be,
 * and the size limit refuses it. */
static enum args_fault take_size(const struct param *p, struct mail_args *out)
{
	uint64_t n = 0;

	if (p->value.n == 0 || p->value.n > 20)
		return ARGS_PARAM_VALUE;
	for (size_t i = 0; i < p->value.n; i++) {
		unsigned digit = (unsigned)(p->value.p[i] - '0');

		if (!char_digit(p->value.p[i]))
			return ARGS_PARAM_VALUE;
		n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
	}
	out->size = n;
	return ARGS_OK;
}

static enum args_fault take_body(const struct param *p, struct mail_args *out)
{
	if (str_ieq(p->value, STR("8BITMIME")))
		out->body = BODY_8BITMIME;
	else if (str_ieq(p->value, STR("7BIT")))
		out->body = BODY_7BIT;
	else
		return ARGS_PARAM_VALUE;
	return ARGS_OK;
}

static enum args_fault take_prdr(const struct param *p, struct mail_args *out)
{
	if (p->has_value)
		return ARGS_PARAM_VALUE;
	out->prdr = true;
	return ARGS_OK;
}

/* "<>" or a mailbox in xtext: its form alone matters. */
static enum args_fault take_auth(const struct param *p, struct mail_args *out)
{
	out->auth = true;
	return p->value.n > 0 ? ARGS_OK : ARGS_PARAM_VALUE;
}

/* What MAIL takes. A parameter of an extension that EHLO does not offer has no row. */
static const struct mail_param {
	struct str keyword;
	enum args_fault (*take)(const struct param *p, struct mail_args *out);
} mail_params[] = {
	{ STR_INIT("SIZE"), take_size },
	{ STR_INIT("BODY"), take_body },
	{ STR_INIT("PRDR"), take_prdr },
	{ STR_INIT("AUTH"), take_auth },
};

/* *seen has a bit for each row that came already. */
static enum args_fault take_mail_param(const struct param *p, unsigned *seen,
				       struct mail_args *out)
{
	for (unsigned i = 0; i < ARRAY_LEN(mail_params); i++) {
		if (!str_ieq(p->keyword, mail_params[i].keyword))
			continue;
		if (*seen & 1u << i)
			return ARGS_PARAM;
		*seen |= 1u << i;
		return mail_params[i].take(p, out);
	}
	return ARGS_PARAM;
}

/* Control bytes have no place in a command: not in an address, not in a parameter. */
static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < 32 && s.p[i] != '\t') || s.p[i] == 127)
			return true;
	return false;
}

/* Cuts "FROM:<...>" or "TO:<...>" and the blanks behind it off *args. */
static enum args_fault take_path(struct str *args, struct str label, bool mail,
				 struct address *path, enum address_fault *af)
{
	*af = ADDRESS_OK;
	if (has_control(*args) || !str_istarts(*args, label))
		return ARGS_SYNTAX;
	*args = chars_skip_blanks(str_skip(*args, label.n));
	*af = address_path(args, mail, !mail, path);
	if (*af != ADDRESS_OK)
		return ARGS_ADDRESS;
	if (args->n && !char_blank(args->p[0]))
		return ARGS_SYNTAX;
	*args = chars_skip_blanks(*args);
	return ARGS_OK;
}

enum args_fault mail_args_parse(struct str args, struct mail_args *out,
				enum address_fault *af)
{
	enum args_fault f;
	struct param p;
	unsigned seen = 0;

	memset(out, 0, sizeof(*out));
	f = take_path(&args, STR("FROM:"), true, &out->reverse_path, af);
	while (f == ARGS_OK && args.n) {
		f = param_next(&args, &p);
		if (f == ARGS_OK)
			f = take_mail_param(&p, &seen, out);
		args = chars_skip_blanks(args);
	}
	return f;
}

enum args_fault rcpt_args_parse(struct str args, struct rcpt_args *out,
				enum address_fault *af)
{
	enum args_fault f;
	struct param p;

	memset(out, 0, sizeof(*out));
	f = take_path(&args, STR("TO:"), false, &out->forward_path, af);
	if (f == ARGS_OK && args.n) {
		f = param_next(&args, &p);
		if (f == ARGS_OK) /* well formed, but nothing we offer has one here */
			f = ARGS_PARAM;
	}
	return f;
}

bool helo_name_ok(struct str name)
{
	if (name.n == 0 || name.n > LIMIT_DOMAIN)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!char_alnum(name.p[i]) &&
		    (!name.p[i] || !strchr(".-_:[]", name.p[i])))
			return false;
	return true;
}
