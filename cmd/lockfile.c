#include "cmd/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/process.h"

int directory_make(const struct options *o, struct err *e)
{
	uid_t uid;
	gid_t gid;

	if (process_user(o, &uid, &gid, e) < 0)
		return -1;
	if (mkdir(o->directory, 0700) < 0 && errno != EEXIST)
		return err_errno(e, "cannot make directory %s (give another with -directory)",
				 o->directory);
	/* Ours to give away only as root; a directory that is -user's already stays. */
	if (o->user && geteuid() == 0 && chown(o->directory, uid, gid) < 0)
		return err_errno(e, "cannot give %s to user %s", o->directory, o->user);
	return 0;
}

/* Who holds it, for the error; 0 when nobody knows. */
static pid_t holder(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK ? l.l_pid : 0;
}

int directory_lock(const struct options *o, struct err *e)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", o->directory);
	/* We may be root in a directory of -user's. */
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EACCES)
		return err_set(e, "%s belongs to another user; give all to the one that runs the "
				  "service: chown -R USER %s",
			       path, o->directory);
	if (fd < 0)
		return err_errno(e, "%s", path);
	/* Never closed: that would unlock it. A record lock, since children must not hold it on. */
	if (fcntl(fd, F_SETLK, &l) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return err_errno(e, "cannot lock %s", path);
	return err_set(e, "another protobalance (process %d) runs on %s; stop it, or give another "
			  "-directory",
		       (int)holder(fd), o->directory);
}

int pidfile_write(const struct options *o, struct err *e)
{
	FILE *f;

	if (!o->pidfile)
		return 0;
	f = fopen(o->pidfile, "we");
	if (!f || fprintf(f, "%d\n", (int)getpid()) < 0) {
		err_errno(e, "-pidfile %s", o->pidfile);
		if (f)
			fclose(f);
		return -1;
	}
	if (fclose(f) != 0)
		return err_errno(e, "-pidfile %s", o->pidfile);
	return 0;
}

void pidfile_remove(const struct options *o)
{
	if (o->pidfile)
		unlink(o->pidfile);
}
