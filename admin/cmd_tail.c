/* The last lines of the traffic log, as its files have them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "admin/handlers.h"
#include "lib/base/clock.h"

#define TAIL_BYTES (512u << 10) /* of the file's end are looked at */

/* Where a reader stands: the file's name and how far it has read it, "2026-11-23:12345". */
struct place {
	char name[16];
	int64_t offset;
};

static void file_of_today(const struct command_env *env, struct place *p, const char **dir)
{
	char date[21];

	clock_rfc3339(clock_wall_ms(), date);
	date[env->traffic_daily ? 10 : 7] = '\0';
	str_copy(p->name, sizeof(p->name), str_z(date));
	*dir = env->traffic_daily ? env->traffic_daily : env->traffic_monthly;
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

/* From where on: behind what was read before, but no further back than TAIL_BYTES. */
static int64_t first_byte(const struct place *now, const struct place *after, int64_t size)
{
	int64_t from = size > (int64_t)TAIL_BYTES ? size - (int64_t)TAIL_BYTES : 0;

	if (strcmp(now->name, after->name) == 0 && after->offset >= from && after->offset <= size)
		return after->offset;
	return from;
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

static bool fits(struct str line, struct str match)
{
	return match.n == 0 || memmem(line.p, line.n, match.p, match.n) != NULL;
}

/* The last of those that fit, in the order they were written. */
static void write_lines(struct call *c, struct str text)
{
	int64_t fit = 0, skip;
	struct str rest = text, line;

	while (rest.n > 0 && str_split(&rest, '\n', &line))
		fit += line.n > 0 && fits(line, c->args.match);
	skip = fit > c->args.limit ? fit - c->args.limit : 0;
	xml_out_open(&c->body, "lines", fit);
	rest = text;
	while (rest.n > 0 && str_split(&rest, '\n', &line))
		if (line.n > 0 && fits(line, c->args.match) && skip-- <= 0)
			xml_out_text(&c->body, "logged", line);
	xml_out_close(&c->body, "lines");
}

static void write_file(struct call *c, int fd, const struct place *now, const struct place *after)
{
	int64_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0, from = first_byte(now, after, size);
	bool in_line = from > 0 && from != after->offset;
	struct str text = fd >= 0 && size > from ? read_end(c, fd, size, in_line, &from) : STR("");
	char at[60];

	snprintf(at, sizeof(at), "%s:%lld", now->name, (long long)(from + (int64_t)text.n));
	xml_out_text(&c->body, "after", str_z(at));
	write_lines(c, text);
}

void cmd_tail(struct call *c)
{
	struct place now = { .offset = 0 }, after = { .offset = -1 };
	char path[4096];
	const char *dir;
	int fd;

	file_of_today(c->env, &now, &dir);
	if (!dir) {
		call_fail(c, 409, "no_traffic_log",
			  "there is no traffic log: start protobalance with -daily DIR");
		return;
	}
	if (c->args.after.n > 0 && !parse_after(c->args.after, &after)) {
		call_fail(c, 400, "bad_value", "after: not what tail has answered");
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", dir, now.name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno != ENOENT) {
		call_fail(c, 503, "unreadable_file", "%s: %s", path, strerror(errno));
		return;
	}
	write_file(c, fd, &now, &after);
	if (fd >= 0)
		close(fd);
}
