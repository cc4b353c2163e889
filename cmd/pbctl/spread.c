#include "cmd/pbctl/spread.h"

#include <stdlib.h>

#include "lib/base/err.h"

static struct spread_box *find(const struct spread *s, struct str name)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->v[i].name, name))
			return &s->v[i];
	return NULL;
}

void spread_init(struct spread *s, struct str boxes)
{
	struct str one;

	*s = (struct spread){ 0 };
	while (str_split(&boxes, ',', &one)) {
		if (find(s, one))
			continue;
		s->v = mem_realloc(s->v, (s->n + 1) * sizeof(*s->v));
		s->v[s->n++] = (struct spread_box){ one, 0 };
	}
}

void spread_free(struct spread *s)
{
	free(s->v);
	*s = (struct spread){ 0 };
}

void spread_count(struct spread *s, struct str box)
{
	struct spread_box *b = find(s, box);

	if (b)
		b->accounts++;
}

struct str spread_next(struct spread *s)
{
	struct spread_box *least = &s->v[0];

	for (size_t i = 1; i < s->n; i++)
		if (s->v[i].accounts < least->accounts)
			least = &s->v[i];
	least->accounts++;
	return least->name;
}
