/* The last lines of the traffic log, as its files have them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "admin/handlers.h"
#include "lib/base/clock.h"

#define TAIL_BYTES (512u << 10) /* of a file's end are looked at */
#define PARTS 2			/* the file of before, and today's */
#define DAY_MS 86400000LL

/* Where a reader stands: the file's name and how far it has read it, "2026-11-23:12345". */
struct place {
	char name[16];
	int64_t offset;
};

/* The file that has the lines of that time. */
static void name_file(const struct command_env *env, int64_t wall_ms, struct place *p)
{
	char date[21];

	clock_rfc3339(wall_ms, date);
	date[env->traffic_daily ? 10 : 7] = '\0';
	str_copy(p->name, sizeof(p->name), str_z(date));
}

/* Within the day or month before this one. */
static int64_t time_before(const struct command_env *env, int64_t wall_ms)
{
	struct tm t;

	clock_utc(wall_ms, &t);
	return wall_ms - DAY_MS * (env->traffic_daily ? 1 : t.tm_mday);
}

/* false: not a place that tail answers. */
static bool parse_after(struct str after, struct place *p)
{
	struct str name;
	uint64_t n;

	if (!str_split(&after, ':', &name) || name.n >= sizeof(p->name) ||
	    str_u64(after, 0, INT64_MAX, &n) < 0)
		return false;
	str_copy(p->name, sizeof(p->name), name);
	p->offset = (int64_t)n;
	return true;
}

/* From where on: behind what was read before, but no further back than TAIL_BYTES, which may be amid a line. */
static int64_t first_byte(const struct place *file, const struct place *after, int64_t size, bool *in_line)
{
	int64_t from = size > (int64_t)TAIL_BYTES ? size - (int64_t)TAIL_BYTES : 0;
	bool goes_on = strcmp(file->name, after->name) == 0 && after->offset >= from &&
		       after->offset <= size;

	*in_line = from > 0 && !goes_on;
	return goes_on ? after->offset : from;
}

/* Reads what there is into the arena; whole lines alone. *from: where the first one begins. */
static struct str read_end(struct call *c, int fd, int64_t size, bool in_line, int64_t *from)
{
	size_t n = (size_t)(size - *from);
	char *text = arena_alloc(c->arena, n + 1);
	ssize_t got = text ? pread(fd, text, n, *from) : -1;
	struct str s = { text ? text : "", got > 0 ? (size_t)got : 0 };
	ptrdiff_t lf;

	while (s.n > 0 && s.p[s.n - 1] != '\n')
		s.n--;
	if (!in_line)
		return s;
	lf = str_find(s, '\n');
	if (lf < 0)
		return STR("");
	*from += lf + 1;
	return str_skip(s, (size_t)lf + 1);
}

/* What a file has behind after; file->offset moves behind it. 0, or -1 after call_fail. */
static int read_file(struct call *c, const char *dir, struct place *file,
		     const struct place *after, struct str *out)
{
	char path[4096];
	int64_t size, from;
	bool in_line;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file->name);
	*out = STR("");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0) {
		call_fail(c, 503, "unreadable_file", "%s: %s", path, strerror(errno));
		return -1;
	}
	size = lseek(fd, 0, SEEK_END);
	from = first_byte(file, after, size, &in_line);
	if (size > from)
		*out = read_end(c, fd, size, in_line, &from);
	close(fd);
	file->offset = from + (int64_t)out->n;
	return 0;
}

static bool fits(struct str line, struct str match)
{
	return line.n > 0 && (match.n == 0 || memmem(line.p, line.n, match.p, match.n) != NULL);
}

/* The last of those that fit, in the order they were written. */
static void write_lines(struct call *c, const struct str text[PARTS])
{
	int64_t fit = 0, skip;
	struct str rest, line;

	for (unsigned i = 0; i < PARTS; i++)
		for (rest = text[i]; rest.n > 0 && str_split(&rest, '\n', &line);)
			fit += fits(line, c->args.match);
	skip = fit > c->args.limit ? fit - c->args.limit : 0;
	xml_out_open(&c->body, "lines", fit);
	for (unsigned i = 0; i < PARTS; i++)
		for (rest = text[i]; rest.n > 0 && str_split(&rest, '\n', &line);)
			if (fits(line, c->args.match) && skip-- <= 0)
				xml_out_text(&c->body, "logged", line);
	xml_out_close(&c->body, "lines");
}

/* Who has read into today's file already has all of the one before. */
static void tail(struct call *c, const char *dir, const struct place *after)
{
	int64_t now = clock_wall_ms();
	struct place files[PARTS] = { { .offset = 0 } };
	struct str text[PARTS] = { STR(""), STR("") };
	char at[60];

	name_file(c->env, time_before(c->env, now), &files[0]);
	name_file(c->env, now, &files[1]);
	for (unsigned i = strcmp(after->name, files[1].name) == 0; i < PARTS; i++)
		if (read_file(c, dir, &files[i], after, &text[i]) < 0)
			return;
	snprintf(at, sizeof(at), "%s:%lld", files[1].name, (long long)files[1].offset);
	xml_out_text(&c->body, "after", str_z(at));
	write_lines(c, text);
}

void cmd_tail(struct call *c)
{
	const struct command_env *env = c->env;
	const char *dir = env->traffic_daily ? env->traffic_daily : env->traffic_monthly;
	struct place after = { .offset = -1 };

	if (!dir)
		call_fail(c, 409, "no_traffic_log",
			  "there is no traffic log: start protobalance with -daily DIR");
	else if (c->args.after.n > 0 && !parse_after(c->args.after, &after))
		call_fail(c, 400, "bad_value", "after: not what tail has answered");
	else
		tail(c, dir, &after);
}
