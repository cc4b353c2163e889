/* The store's accounts and aliases as files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/store/csv.h"

#define OUT_BUFFER (1u << 20)

struct writer {
	const struct table *t;
	struct csv_progress *progress; /* or NULL */
	int fd;
	struct buf b;
	int error; /* errno */
};

static int flush_out(struct writer *w)
{
	struct str s = buf_str(&w->b);

	while (s.n > 0) {
		ssize_t n = write(w->fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			w->error = errno;
			return -1;
		}
		s = str_skip(s, (size_t)n);
	}
	buf_consume(&w->b, buf_len(&w->b));
	return 0;
}

static int write_one(void *arg, const void *rec, const struct row_meta *m)
{
	struct writer *w = arg;

	(void)m;
	if (buf_room(&w->b) < CSV_LINE_MAX && flush_out(w) < 0)
		return 1;
	if (csv_line_write(w->t, rec, &w->b) < 0)
		w->error = EMSGSIZE;
	if (w->progress)
		atomic_fetch_add_explicit(&w->progress->done, 1, memory_order_relaxed);
	return w->error != 0;
}

static int write_table(struct store *s, struct writer *w, struct err *e)
{
	int rc = store_each(s, w->t, STR(""), write_one, w, e);

	if (rc < 0)
		return -1;
	if (rc == 0 && flush_out(w) == 0 && fsync(w->fd) == 0)
		return 0;
	errno = w->error ? w->error : errno;
	return err_errno(e, "writing");
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

static const struct {
	const char *file;
	const struct table *t;
} outs[] = {
	{ "email.csv", &table_accounts },
	{ "alias.csv", &table_aliases },
};

/* A file as it is written, and as it is put in its place when all are. */
static void names(const char *dir, size_t i, char path[4096], char temp[4096 + 8])
{
	snprintf(path, 4096, "%s/%s", dir, outs[i].file);
	snprintf(temp, 4096 + 8, "%s.new", path);
}

static int write_new(struct store *s, const char *dir, size_t i, struct csv_progress *p, struct err *e)
{
	char path[4096], temp[4096 + 8];
	struct writer w = { .t = outs[i].t, .progress = p };
	uint64_t rows;
	int rc;

	if (store_count(s, w.t, &rows, e) < 0)
		return -1;
	if (p)
		atomic_fetch_add(&p->of, rows);
	names(dir, i, path, temp);
	unlink(temp); /* left by a crash, with whatever mode */
	w.fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w.fd < 0)
		return err_errno(e, "%s", temp);
	buf_init(&w.b, OUT_BUFFER);
	rc = write_table(s, &w, e);
	buf_release(&w.b);
	close(w.fd);
	return rc < 0 ? err_wrap(e, "%s", path) : 0;
}

static int place(const char *dir, size_t i, struct err *e)
{
	char path[4096], temp[4096 + 8];

	names(dir, i, path, temp);
	return rename(temp, path) < 0 ? err_errno(e, "%s: rename", path) : 0;
}

static void forget(const char *dir, size_t i)
{
	char path[4096], temp[4096 + 8];

	names(dir, i, path, temp);
	unlink(temp);
}

/* Both are of one state of the store, and neither is put in its place before both are on disk. */
int csv_vacuum(struct store *s, const char *dir, struct csv_progress *p, struct err *e)
{
	int rc = store_read_begin(s, e);

	if (rc < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(outs) && rc == 0; i++)
		rc = write_new(s, dir, i, p, e);
	store_read_end(s);
	for (size_t i = 0; i < ARRAY_LEN(outs) && rc == 0; i++)
		rc = place(dir, i, e);
	for (size_t i = 0; i < ARRAY_LEN(outs) && rc < 0; i++)
		forget(dir, i);
	if (rc == 0 && sync_dir(dir) < 0)
		rc = err_errno(e, "%s", dir);
	return rc;
}
