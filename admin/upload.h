/* upload: a file that comes in piece by piece: into a temporary one beside it, which takes its place when all
 * of it is there and on disk. What is broken off leaves nothing.
 * It is made durable as it grows, UPLOAD_SYNC bytes at a time, so that no step takes long.
 * Not here: who may (server.c), what the file means (lib/store/csv.h). */
#ifndef PB_ADMIN_UPLOAD_H
#define PB_ADMIN_UPLOAD_H

#include "lib/base/err.h"
#include "lib/base/str.h"

#define UPLOAD_SYNC (4u << 20)

struct upload {
	int fd; /* -1: none is under way */
	uint64_t bytes, synced;
	char path[4096], temporary[4096 + 32];
};

/* Removes what a process that was killed has left of an upload to DIR/name. Before the first one begins. */
void upload_clean(const char *dir, const char *name);
/* Begins DIR/name: 0, or -1 with the reason, or 1: another upload to it is under way. */
MUST_CHECK int upload_begin(struct upload *u, const char *dir, const char *name, struct err *e);
/* 0, or -1: it cannot be written, or would pass most bytes; then it is over. */
MUST_CHECK int upload_more(struct upload *u, struct str piece, uint64_t most, struct err *e);
/* All is there: it takes the file's place, durably. 0, or -1: the old file stands. */
MUST_CHECK int upload_end(struct upload *u, struct err *e);
/* Broken off. Safe to repeat, also where none was begun (fd -1). */
void upload_drop(struct upload *u);

#endif
