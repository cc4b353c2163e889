#include "lib/base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define LINE_BYTES 2048

static int log_fd = STDERR_FILENO;
static char *log_path; /* NULL: standard error */
static char log_role_name[32] = "protobalance";
static uid_t log_uid = (uid_t)-1; /* -1: whoever opens it */
static gid_t log_gid = (gid_t)-1;

static bool for_another(void)
{
	return log_uid != (uid_t)-1 && geteuid() == 0;
}

/* A directory of the user's may hold links of the user's, to files that are not. */
static int no_follow(const char *path)
{
	struct stat st;
	bool roots = lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && st.st_uid == 0;

	return for_another() && !roots ? O_NOFOLLOW : 0;
}

static int give(int fd)
{
	struct stat st;

	if (!for_another())
		return 0;
	if (fstat(fd, &st) < 0)
		return -1;
	/* Not a terminal, nor what has another name too: that may be somebody else's. */
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
		return 0;
	return fchown(fd, log_uid, log_gid);
}

static int open_path(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | no_follow(path), 0640);

	if (fd >= 0 && give(fd) == 0)
		return fd;
	err_errno(e, "log file %s", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

void log_owner(uid_t uid, gid_t gid)
{
	log_uid = uid;
	log_gid = gid;
}

static void take_fd(int fd)
{
	if (log_fd != STDERR_FILENO)
		close(log_fd);
	log_fd = fd;
}

/* The same number stands for the new file: other threads may be writing, and between a close and
 * an open what they write would go to whatever file took the number. */
static int exchange_fd(int fd, struct err *e)
{
	int rc = dup3(fd, log_fd, O_CLOEXEC) < 0 ? err_errno(e, "log file %s", log_path) : 0;

	close(fd);
	return rc;
}

int log_open(const char *path, struct err *e)
{
	bool named = path && *path;
	int fd = named ? open_path(path, e) : STDERR_FILENO;

	if (fd < 0)
		return -1;
	free(log_path);
	log_path = named ? mem_dup(str_z(path)) : NULL;
	take_fd(fd);
	return 0;
}

int log_reopen(struct err *e)
{
	int fd;

	if (!log_path)
		return 0;
	fd = open_path(log_path, e);
	return fd < 0 ? -1 : exchange_fd(fd, e);
}

void log_role(const char *role)
{
	str_copy(log_role_name, sizeof(log_role_name), str_z(role));
}

/* How many bytes at the start of s may stand as they are: one character, or 0. */
static size_t plain_char(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = str_utf8(s);

	if (c < 32 || c == 127 || c == '\\')
		return 0;
	return n == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0 ? 0 : n;
}

static void escape_byte(char *dst, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";

	memcpy(dst, "\\x", 2);
	dst[2] = hex[c >> 4];
	dst[3] = hex[c & 15];
}

size_t log_escape(char *dst, size_t cap, struct str s)
{
	size_t n = 0;

	while (s.n > 0) {
		size_t plain = plain_char(s), add = plain ? plain : 4;

		if (n + add >= cap)
			break;
		if (plain)
			memcpy(dst + n, s.p, plain);
		else
			escape_byte(dst + n, (unsigned char)s.p[0]);
		n += add;
		s = str_skip(s, plain ? plain : 1);
	}
	dst[n] = '\0';
	return n;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = { "debug", "info", "warning", "error" };
	char text[LINE_BYTES], line[LINE_BYTES + 160], stamp[40];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clock_logstamp(clock_wall_ms(), stamp);
	n = (size_t)snprintf(line, sizeof(line), "%s %s[%d]: %s: ", stamp, log_role_name,
			     (int)getpid(), names[level]);
	n += log_escape(line + n, sizeof(line) - n - 1, str_z(text));
	line[n++] = '\n';
	if (write(log_fd, line, n) < 0)
		return; /* nowhere left to complain */
}
