/* memory: or the end of the simulation. */
#ifndef PB_SIM_MEMORY_H
#define PB_SIM_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

static inline void *must_realloc(void *p, size_t n)
{
	p = realloc(p, n);
	if (p)
		return p;
	fprintf(stderr, "mailworld: no memory\n");
	exit(2);
}

static inline void *must_zalloc(size_t n)
{
	char *p = must_realloc(NULL, n);

	for (size_t i = 0; i < n; i++)
		p[i] = 0;
	return p;
}

#endif
