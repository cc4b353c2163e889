/* How much of the map stands in the memory of the process. Pages that were read stay mapped until
 * the kernel wants them back, which it seldom does: a walk over a million rows, or changes of
 * many that lie apart, would leave all of them there. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/store/store_inner.h"

#define WALK_PAGES 1024 /* until they are given back; the kernel maps some beside each */
#define WALK_CHANGES 4096
#define PAGE 4096u

/* The kernel's list of mappings tells where LMDB has put it. NULL where there is none. */
void map_find(struct store *s)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[4096 + 128];
	unsigned long from, to, inode;
	MDB_envinfo info;
	struct stat st;
	int fd;

	s->map = NULL;
	if (!f)
		return;
	mdb_env_info(s->env, &info);
	s->map_size = info.me_mapsize;
	if (mdb_env_get_fd(s->env, &fd) == 0 && fstat(fd, &st) == 0)
		while (!s->map && fgets(line, sizeof(line), f))
			/* NOLINTNEXTLINE(cert-err34-c): the kernel wrote these numbers */
			if (sscanf(line, "%lx-%lx %*s %*s %*s %lu", &from, &to, &inode) == 3 &&
			    inode == st.st_ino && to - from >= s->map_size)
				s->map = (void *)(uintptr_t)from;
	fclose(f);
}

/* They stay in the kernel's cache; whoever looks at them has them back. */
void map_forget(struct store *s)
{
	if (s->map)
		madvise(s->map, s->map_size, MADV_DONTNEED);
}

void map_saw(struct store *s, struct map_walk *w, const void *p)
{
	const char *at = p, *page = at - (uintptr_t)at % PAGE;

	if (page == w->page)
		return;
	w->page = page;
	if (++w->pages % WALK_PAGES == 0)
		map_forget(s);
}

void map_changed(struct store *s)
{
	if (++s->changes % WALK_CHANGES == 0)
		map_forget(s);
}
