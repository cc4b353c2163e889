#include "cmd/demobox/box.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/log.h"

#define READ_PIECE 65536
#define LOG_LINE (2 * LIMIT_COMMAND_LINE)
#define FILE_MAX (1ull << 31) /* of any file that is read whole */

void box_log(const struct box *b, const char *fmt, ...)
{
	char text[LOG_LINE], line[4 * LOG_LINE + 1];
	size_t n;
	va_list ap;

	if (b->log_fd < 0)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = log_escape(line, sizeof(line) - 1, str_z(text));
	line[n++] = '\n';
	if (write(b->log_fd, line, n) != (ssize_t)n)
		log_error("cannot write to the log: %s", strerror(errno));
}

/* --- files --- */

static int read_all(int fd, struct buf *out)
{
	char *p;
	ssize_t n;

	do {
		p = buf_space(out, READ_PIECE);
		if (!p) {
			errno = EFBIG;
			return -1;
		}
		n = read(fd, p, READ_PIECE);
		if (n > 0)
			buf_added(out, (size_t)n);
	} while (n > 0);
	return (int)n;
}

int box_read_file(const char *path, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	buf_init(out, FILE_MAX);
	if (fd < 0)
		return err_errno(e, "cannot open %s", path);
	r = read_all(fd, out);
	if (r < 0) {
		err_errno(e, "cannot read %s", path);
		buf_release(out);
	}
	close(fd);
	return r;
}

int box_reread_users(struct box *b, struct err *e)
{
	struct buf fresh;

	if (!b->users_path)
		return 0;
	if (box_read_file(b->users_path, &fresh, e) < 0)
		return -1;
	buf_release(&b->users);
	b->users = fresh;
	return 0;
}

int box_reread_control(struct box *b, struct err *e)
{
	struct buf text;
	int r;

	if (!b->control_path)
		return 0;
	if (box_read_file(b->control_path, &text, e) < 0)
		return -1;
	r = faults_set(&b->faults, buf_str(&text), e);
	buf_release(&text);
	if (r == 0)
		box_log(b, "control %zu", b->faults.n);
	return r;
}

/* --- accounts --- */

static bool find_user(const struct box *b, struct str address, struct str *password)
{
	struct str rest = buf_str(&b->users), line, user;

	while (str_split(&rest, '\n', &line)) {
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		str_split(&line, '\t', &user);
		*password = line;
		if (user.n && str_ieq(user, address))
			return true;
	}
	return false;
}

bool box_knows(const struct box *b, struct str address)
{
	struct str password;

	return !b->users_path || find_user(b, address, &password);
}

bool box_password_ok(const struct box *b, struct str address, struct str password)
{
	struct str right;

	return !b->users_path ||
	       (find_user(b, address, &right) && str_eq(right, password));
}
