#include "cmd/demobox/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/demobox/box.h"
#include "lib/base/clock.h"

static const char *const folders[] = { "tmp", "new", "cur" };

bool maildir_name_ok(struct str address)
{
	return address.n > 0 && address.n <= LIMIT_ADDRESS && address.p[0] != '.' &&
	       str_find(address, '/') < 0 && str_find(address, '\0') < 0;
}

/* "DIRECTORY/address" into dst of PATH_MAX bytes. */
static int mailbox_path(const char *directory, struct str address, char *dst,
			struct err *e)
{
	char folded[LIMIT_ADDRESS + 1];
	int n;

	if (!maildir_name_ok(address))
		return err_set(e, "\"%.*s\" cannot name a mailbox", STR_ARG(address));
	str_lower(folded, address);
	n = snprintf(dst, PATH_MAX, "%s/%.*s", directory, (int)address.n, folded);
	return n < PATH_MAX ? 0 : err_set(e, "path too long: %s", directory);
}

PRINTF_LIKE(2, 3) static int path_join(char dst[PATH_MAX], const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(dst, PATH_MAX, fmt, ap);
	va_end(ap);
	if (n < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* --- delivery --- */

static int make_directory(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

static int make_mailbox(const char *mailbox, struct err *e)
{
	char path[PATH_MAX];

	if (make_directory(mailbox) < 0)
		return err_errno(e, "cannot make %s", mailbox);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (path_join(path, "%s/%s", mailbox, folders[i]) < 0 ||
		    make_directory(path) < 0)
			return err_errno(e, "cannot make %s/%s", mailbox, folders[i]);
	return 0;
}

/* Unique for this process and all before it; the order of names is that of arrival. */
static void unique_name(char *dst, size_t cap)
{
	static unsigned count;
	int64_t ms = clock_wall_ms();

	snprintf(dst, cap, "%lld.M%03lldQ%010uP%ld", (long long)(ms / 1000),
		 (long long)(ms % 1000), ++count, (long)getpid());
}

static int write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno != EINTR)
			return -1;
		s = str_skip(s, n > 0 ? (size_t)n : 0);
	}
	return 0;
}

static int write_file(const char *path, struct str mail, bool sync)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -1;
	r = write_all(fd, mail);
	if (r == 0 && sync)
		r = fsync(fd);
	return close(fd) < 0 ? -1 : r;
}

/* A rename is only there for good when its directory is. */
static int sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return r;
}

int maildir_deliver(const char *directory, struct str address, struct str mail, bool sync,
		    struct err *e)
{
	char mailbox[PATH_MAX], name[64], from[PATH_MAX], to[PATH_MAX], in[PATH_MAX];

	if (mailbox_path(directory, address, mailbox, e) < 0)
		return -1;
	if (access(mailbox, X_OK) < 0 && make_mailbox(mailbox, e) < 0)
		return -1;
	unique_name(name, sizeof(name));
	if (path_join(from, "%s/tmp/%s", mailbox, name) < 0 ||
	    path_join(in, "%s/new", mailbox) < 0 ||
	    path_join(to, "%s/new/%s", mailbox, name) < 0)
		return err_errno(e, "%s", mailbox);
	if (write_file(from, mail, sync) < 0 || rename(from, to) < 0) {
		err_errno(e, "cannot write %s", from);
		unlink(from);
		return -1;
	}
	if (sync && sync_directory(in) < 0)
		return err_errno(e, "cannot sync %s", in);
	return 0;
}

/* --- reading --- */

static void add_mail(struct maildir *m, const char *folder, const char *name)
{
	char path[PATH_MAX], relative[PATH_MAX];
	struct stat st;

	if (name[0] == '.' || path_join(relative, "%s/%s", folder, name) < 0 ||
	    path_join(path, "%s/%s", m->path, relative) < 0 || stat(path, &st) < 0 ||
	    !S_ISREG(st.st_mode))
		return;
	m->v = mem_realloc(m->v, (m->n + 1) * sizeof(*m->v));
	m->v[m->n++] = (struct maildir_mail){
		.path = mem_dup(str_z(relative)),
		.size = (uint64_t)st.st_size,
	};
}

static int list_folder(struct maildir *m, const char *folder, struct err *e)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	if (path_join(path, "%s/%s", m->path, folder) < 0)
		return err_errno(e, "%s", m->path);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : err_errno(e, "cannot list %s", path);
	while ((entry = readdir(dir)))
		add_mail(m, folder, entry->d_name);
	closedir(dir);
	return 0;
}

static int by_arrival(const void *a, const void *b)
{
	return str_cmp(maildir_uid(a), maildir_uid(b));
}

int maildir_open(const char *directory, struct str address, struct maildir *m,
		 struct err *e)
{
	char path[PATH_MAX];

	*m = (struct maildir){ 0 };
	if (mailbox_path(directory, address, path, e) < 0)
		return -1;
	m->path = mem_dup(str_z(path));
	if (list_folder(m, "new", e) < 0 || list_folder(m, "cur", e) < 0) {
		maildir_close(m);
		return -1;
	}
	if (m->n)
		qsort(m->v, m->n, sizeof(*m->v), by_arrival);
	return 0;
}

int maildir_read(const struct maildir *m, size_t i, struct buf *out, struct err *e)
{
	char path[PATH_MAX];

	if (path_join(path, "%s/%s", m->path, m->v[i].path) < 0)
		return err_errno(e, "%s", m->path);
	return box_read_file(path, out, e);
}

struct str maildir_uid(const struct maildir_mail *mail)
{
	struct str name = str_skip(str_z(mail->path), strlen("new/")), uid;

	str_split(&name, ':', &uid); /* ":2,S" may follow in cur */
	return uid;
}

static int settle(const struct maildir *m, const struct maildir_mail *mail)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct str uid = maildir_uid(mail);

	if (path_join(from, "%s/%s", m->path, mail->path) < 0)
		return -1;
	if (mail->deleted)
		return unlink(from);
	if (!mail->seen || !str_starts(str_z(mail->path), STR("new/")))
		return 0;
	if (path_join(to, "%s/cur/%.*s:2,S", m->path, STR_ARG(uid)) < 0)
		return -1;
	return rename(from, to);
}

int maildir_commit(struct maildir *m, struct err *e)
{
	int r = 0;

	/* One that another session has taken away meanwhile is gone as wished. */
	for (size_t i = 0; i < m->n; i++)
		if (settle(m, &m->v[i]) < 0 && errno != ENOENT)
			r = err_errno(e, "%s/%s", m->path, m->v[i].path);
	return r;
}

void maildir_close(struct maildir *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].path);
	free(m->v);
	free(m->path);
	*m = (struct maildir){ 0 };
}
