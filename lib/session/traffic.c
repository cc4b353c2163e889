#include "lib/session/traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"

#define LINE_MAX_BYTES 4096
#define COMPLAIN_MS 60000

/* One kind of file: its directory, the form of its name, the name that is open. */
struct channel {
	char *dir; /* NULL: not asked for */
	size_t name_len; /* of "2026-11-23": the month or the day */
	char name[16];
	int fd;
};

struct traffic {
	struct channel channels[2];
	int64_t complained;
};

static int channel_dir_ok(const char *dir, struct err *e)
{
	struct stat st;
	int rc = stat(dir, &st);

	if (rc == 0 && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		rc = -1;
	}
	if (rc < 0 || access(dir, W_OK | X_OK) < 0)
		return err_errno(e, "traffic log directory %s (make it, and let the user of "
				    "-user write there)", dir);
	return 0;
}

int traffic_open(struct traffic **out, const char *monthly, const char *daily, struct err *e)
{
	const char *dirs[2] = { monthly, daily };
	static const size_t name_lens[2] = { 7, 10 };
	struct traffic *t = mem_zalloc(sizeof(*t));

	for (int i = 0; i < 2; i++) {
		t->channels[i].fd = -1;
		t->channels[i].name_len = name_lens[i];
		if (!dirs[i])
			continue;
		if (channel_dir_ok(dirs[i], e) < 0) {
			traffic_close(&t);
			return -1;
		}
		t->channels[i].dir = mem_dup(str_z(dirs[i]));
	}
	*out = t;
	return 0;
}

static void channel_close(struct channel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void traffic_close(struct traffic **t)
{
	if (!*t)
		return;
	for (int i = 0; i < 2; i++) {
		channel_close(&(*t)->channels[i]);
		free((*t)->channels[i].dir);
	}
	free(*t);
	*t = NULL;
}

void traffic_reopen(struct traffic *t)
{
	for (int i = 0; t && i < 2; i++)
		channel_close(&t->channels[i]);
}

/* Opens the file of this day or month, when it is another than the open one. */
static void channel_turn(struct channel *c, const char *date)
{
	char path[4096];

	if (c->fd >= 0 && strncmp(date, c->name, c->name_len) == 0)
		return;
	channel_close(c);
	str_copy(c->name, sizeof(c->name), (struct str){ date, c->name_len });
	snprintf(path, sizeof(path), "%s/%s", c->dir, c->name);
	c->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

static void complain(struct traffic *t, const struct channel *c)
{
	int64_t now = clock_mono_ms();

	if (t->complained && now - t->complained < COMPLAIN_MS)
		return;
	t->complained = now;
	log_warning("traffic log %s/%s: %s", c->dir, c->name, strerror(errno));
}

static size_t compose(char *dst, size_t cap, int64_t wall_ms, const struct ipaddr *client,
		      const char *text)
{
	char stamp[40], ip[ADDR_TEXT];
	size_t n;

	clock_logstamp(wall_ms, stamp);
	n = (size_t)snprintf(dst, cap, "%s: %s: ", stamp, ip_text(client, ip));
	n += log_escape(dst + n, cap - n - 1, str_z(text));
	dst[n++] = '\n';
	return n;
}

void traffic_line(struct traffic *t, int64_t wall_ms, const struct ipaddr *client, const char *fmt,
		  ...)
{
	char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
	va_list ap;
	size_t n;

	if (!t)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = compose(line, sizeof(line), wall_ms, client, text);
	for (int i = 0; i < 2; i++) {
		struct channel *c = &t->channels[i];

		if (!c->dir)
			continue;
		channel_turn(c, line); /* it begins with the date */
		if (c->fd < 0 || write(c->fd, line, n) != (ssize_t)n)
			complain(t, c);
	}
}
