/* doors: the listening sockets, kept equal to the table that admin writes.
 * One that cannot be opened (an earlier process is just ending, another program has the port) is
 * tried again, quickly at first; admin is told when it has failed for a while, and again when that
 * changes.
 * Memory: owns the sockets. */
#ifndef PB_CMD_DOORS_H
#define PB_CMD_DOORS_H

#include "cmd/process.h"
#include "lib/net/loop.h"
#include "shm/listeners.h"

struct doors_row {
	struct listener want;
	int fd;	     /* -1: not open yet */
	int cluster; /* its index when it was opened */
	int64_t since; /* monotonic ms: it is wanted */
};
struct doors {
	struct loop *loop;
	struct shm *shm;
	struct doors_row v[MAX_LISTENERS];
	unsigned n;
	uint32_t version;  /* of the table acted on */
	bool answered;
	char said[256];	   /* what admin was told */
	struct timer retry;
	/* A socket was opened (fd) or closed (fd -1). */
	void (*changed)(struct doors *d, int cluster, int fd);
};
void doors_init(struct doors *d, struct loop *l, struct shm *shm,
		void (*changed)(struct doors *d, int cluster, int fd));
/* The bell rang: reads the table when its version has moved. */
void doors_look(struct doors *d);
/* Those open now, for a child; how many. */
unsigned doors_list(const struct doors *d, struct door out[MAX_LISTENERS]);
/* Nobody gets in any more, through any process's copy. */
void doors_shut(struct doors *d);
/* In a child: closes the copies. */
void doors_forget(struct doors *d);

#endif
