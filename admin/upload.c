#include "admin/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int name_files(struct upload *u, const char *dir, const char *name, struct err *e)
{
	int n;

	*u = (struct upload){ .fd = -1 };
	n = snprintf(u->path, sizeof(u->path), "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= sizeof(u->path))
		return err_set(e, "the path of %s is too long", name);
	snprintf(u->temporary, sizeof(u->temporary), "%s.upload", u->path);
	return 0;
}

void upload_clean(const char *dir, const char *name)
{
	struct upload u;
	struct err e;

	if (name_files(&u, dir, name, &e) == 0)
		unlink(u.temporary);
}

/* The temporary file says that an upload is under way: two of them would mix. */
int upload_begin(struct upload *u, const char *dir, const char *name, struct err *e)
{
	if (name_files(u, dir, name, e) < 0)
		return -1;
	u->fd = open(u->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (u->fd >= 0)
		return 0;
	return errno == EEXIST ? 1 : err_errno(e, "%s", u->temporary);
}

void upload_drop(struct upload *u)
{
	if (u->fd < 0)
		return;
	close(u->fd);
	u->fd = -1;
	unlink(u->temporary);
}

/* For what has just failed. */
static int drop(struct upload *u, struct err *e)
{
	err_errno(e, "%s", u->temporary);
	upload_drop(u);
	return -1;
}

int upload_more(struct upload *u, struct str piece, uint64_t most, struct err *e)
{
	if (u->fd < 0)
		return err_set(e, "no upload is under way");
	if (piece.n > most - u->bytes) {
		upload_drop(u);
		return err_set(e, "the file is larger than %llu bytes", (unsigned long long)most);
	}
	while (piece.n > 0) {
		ssize_t n = write(u->fd, piece.p, piece.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return drop(u, e);
		piece = str_skip(piece, (size_t)n);
		u->bytes += (uint64_t)n;
	}
	if (u->bytes - u->synced < UPLOAD_SYNC)
		return 0;
	u->synced = u->bytes;
	return fdatasync(u->fd) < 0 ? drop(u, e) : 0;
}

/* So that the new name outlives a power cut. */
static int sync_directory(const char *path)
{
	char dir[4096];
	char *slash;
	int fd, rc;

	str_copy(dir, sizeof(dir), str_z(path));
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	return rc;
}

int upload_end(struct upload *u, struct err *e)
{
	if (u->fd < 0)
		return err_set(e, "no upload is under way");
	if (fsync(u->fd) < 0 || rename(u->temporary, u->path) < 0)
		return drop(u, e);
	close(u->fd);
	u->fd = -1;
	return sync_directory(u->path) < 0 ? err_errno(e, "%s", u->path) : 0;
}
