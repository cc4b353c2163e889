/* disk: stands between LMDB and the kernel (a program's own pwrite comes before the C
 * library's) and keeps beside one file what a power cut would leave of it: all that was
 * synced, and of the rest any sectors in any order. It can also be full.
 *   disk_watch(path) ... disk.cut_after = n ... disk.off? ... disk_replace(path) */
#ifndef PB_TEST_DISK_H
#define PB_TEST_DISK_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "unit/property.h"

#define SECTOR 512

struct pending {
	char *bytes;
	size_t n;
	off_t at;
};

static struct {
	ino_t file; /* watched; 0: none */
	int image;
	struct pending v[4096];
	size_t n;
	long writes, cut_after; /* from the start on; -1: never */
	bool off, full;
	bool breaks; /* at what is written through: LMDB's meta pages */
	void (*on_cut)(void);
} disk = { .cut_after = -1 };

static inline ssize_t real_pwrite(int fd, const void *p, size_t n, off_t at)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pwrite");
	return real(fd, p, n, at);
}

static inline bool disk_is_watched(int fd)
{
	struct stat st;

	return disk.file && fstat(fd, &st) == 0 && st.st_ino == disk.file;
}

static inline void disk_apply(const struct pending *w, bool some)
{
	for (size_t i = 0; i < w->n; i += SECTOR) {
		size_t n = w->n - i < SECTOR ? w->n - i : SECTOR;

		if (!some || rnd(2))
			must(real_pwrite(disk.image, w->bytes + i, n, w->at + (off_t)i) == (ssize_t)n,
			     "image");
	}
}

static inline void disk_settle(bool some)
{
	for (size_t i = 0; i < disk.n; i++) {
		disk_apply(&disk.v[i], some);
		free(disk.v[i].bytes);
	}
	disk.n = 0;
}

static inline void disk_cut(void)
{
	disk_settle(true);
	disk.off = true;
	if (disk.on_cut)
		disk.on_cut();
}

static inline void disk_note(int fd, const void *p, size_t n, off_t at)
{
	struct pending w = { malloc(n), n, at };

	must(disk.n < sizeof(disk.v) / sizeof(disk.v[0]), "few writes between syncs");
	memcpy(w.bytes, p, n);
	if (fcntl(fd, F_GETFL) & O_DSYNC && disk.writes != disk.cut_after) {
		disk_apply(&w, false);
		free(w.bytes);
	} else {
		disk.v[disk.n++] = w;
	}
	if (disk.writes++ == disk.cut_after)
		disk_cut();
}

static inline bool disk_refuses(int fd, const void *p, size_t n, off_t at)
{
	if (!disk_is_watched(fd))
		return false;
	if (disk.full || (disk.breaks && fcntl(fd, F_GETFL) & O_DSYNC)) {
		errno = disk.full ? ENOSPC : EIO;
		return true;
	}
	if (!disk.off)
		disk_note(fd, p, n, at);
	return false;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return disk_refuses(fd, p, n, at) ? -1 : real_pwrite(fd, p, n, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	static ssize_t (*real)(int, const struct iovec *, int);
	off_t at = lseek(fd, 0, SEEK_CUR);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "writev");
	for (int i = 0; i < n; i++) {
		if (disk_refuses(fd, v[i].iov_base, v[i].iov_len, at))
			return -1;
		at += (off_t)v[i].iov_len;
	}
	return real(fd, v, n);
}

int fdatasync(int fd)
{
	static int (*real)(int);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
	if (disk_is_watched(fd) && !disk.off)
		disk_settle(false);
	return real(fd);
}

/* From now on path has an image beside it, equal to it at first; path must exist. */
static inline void disk_watch(const char *path)
{
	char name[256], bytes[4096];
	int fd = open(path, O_RDONLY);
	struct stat st;
	ssize_t n;

	snprintf(name, sizeof(name), "%s.image", path);
	disk.image = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	must(fd >= 0 && disk.image >= 0 && fstat(fd, &st) == 0, "watched file");
	for (off_t at = 0; (n = read(fd, bytes, sizeof(bytes))) > 0; at += n)
		must(real_pwrite(disk.image, bytes, (size_t)n, at) == n, "image");
	close(fd);
	disk.file = st.st_ino;
	disk.writes = 0;
	disk.off = disk.full = disk.breaks = false;
}

/* The machine is up again: the file is what the power cut left. Its users have closed it,
 * which is too late to save anything. */
static inline void disk_replace(const char *path)
{
	char name[256];

	must(disk.off, "the power was cut before");
	disk.file = 0;
	close(disk.image);
	snprintf(name, sizeof(name), "%s.image", path);
	must(rename(name, path) == 0, "rename");
}

#endif
