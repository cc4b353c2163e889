#include "cmd/pbctl/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_AT_ONCE (64u << 10)

/* --- in --- */

static int read_all(int fd, struct buf *out, const char *name, struct err *e)
{
	ssize_t n = 1;

	while (n > 0) {
		size_t want = buf_room(out) < READ_AT_ONCE ? buf_room(out) : READ_AT_ONCE;

		if (want == 0)
			return err_set(e, "%s: longer than %zu bytes", name, out->max - 1);
		n = read(fd, buf_space(out, want), want);
		if (n > 0)
			buf_added(out, (size_t)n);
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	return n < 0 ? err_errno(e, "%s", name) : 0;
}

/* Takes fd. */
static int take(int fd, const char *name, size_t max, struct buf *out, struct err *e)
{
	int rc;

	buf_init(out, max + 1); /* one more, to see that there is more */
	rc = read_all(fd, out, name, e);
	if (rc)
		buf_release(out);
	close(fd);
	return rc;
}

int file_read(const char *path, size_t max, struct buf *out, struct err *e)
{
	bool in = strcmp(path, "-") == 0;
	int fd = in ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(e, "%s", path);
	return take(fd, in ? "standard input" : path, max, out, e);
}

int file_read_of_other(const char *path, size_t max, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_errno(e, "%s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, "%s is not a file", path);
	}
	return take(fd, path, max, out, e);
}

/* --- out --- */

static int write_all(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		s = str_skip(s, (size_t)n);
	}
	return fsync(fd);
}

static int give_to_owner_of(int fd, const char *like)
{
	struct stat st;

	if (geteuid() != 0 || lstat(like, &st) < 0)
		return 0;
	return fchown(fd, st.st_uid, st.st_gid);
}

/* The rename itself is to survive a power cut. */
static int sync_folder(char *path)
{
	char *slash = strrchr(path, '/');
	int fd, rc;

	if (slash)
		slash[slash == path] = '\0';
	fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A rename would put an end to /dev/null, for root. */
static bool is_no_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

int file_replace(const char *path, struct str content, const char *like, struct err *e)
{
	char temp[PATH_MAX];
	int n = snprintf(temp, sizeof(temp), "%s.XXXXXX", path), fd, rc;

	if (is_no_file(path))
		return err_set(e, "%s is not a file", path);
	if (n < 0 || (size_t)n >= sizeof(temp))
		return err_set(e, "%s: the name is too long", path);
	fd = mkostemp(temp, O_CLOEXEC); /* of mode 0600 */
	if (fd < 0)
		return err_errno(e, "%s", path);
	rc = (like && give_to_owner_of(fd, like)) || write_all(fd, content) || rename(temp, path) ?
		     err_errno(e, "%s", path) :
		     0;
	close(fd);
	if (rc)
		unlink(temp);
	else if (sync_folder(temp))
		rc = err_errno(e, "%s", path);
	return rc;
}
