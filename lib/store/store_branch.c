/* A second handle on an environment that is open: for one thread that writes for long. */
#include <stdlib.h>

#include "lib/store/store_inner.h"

int store_branch(struct store *s, struct store **out, struct err *e)
{
	struct store *b;

	if (s->wr || s->branched)
		bug("%s: a branch of a store that is being written", s->path);
	b = mem_alloc(sizeof(*b));
	*b = *s;
	b->rd = b->wr = NULL;
	b->reading = false;
	b->lock_fd = -1; /* the lock stays with the main handle */
	b->tally = b->tally ? tally_new() : NULL;
	*out = NULL;
	if (store_open_reader(b, e) < 0) {
		free(b->tally);
		free(b);
		return -1;
	}
	s->branched = true;
	map_forget(s); /* what is to come needs memory */
	*out = b;
	return 0;
}

void store_branch_end(struct store *s, struct store **branch)
{
	struct store *b = *branch;

	*branch = NULL;
	if (!b)
		return;
	/* Only the thread that began it could end it: LMDB's lock is that thread's. */
	if (b->wr)
		bug("%s: a branch ends within its write", s->path);
	mdb_txn_abort(b->rd);
	s->now = s->committed = b->committed;
	s->collect_from = b->collect_from;
	s->branched = false;
	free(b->tally);
	free(b);
}
