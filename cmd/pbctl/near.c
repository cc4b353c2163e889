#include "cmd/pbctl/near.h"

#define LONGEST 64

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to put in, leave out or change (V. Levenshtein, 1965). b: at most LONGEST. */
static unsigned distance(struct str a, struct str b)
{
	unsigned row[LONGEST + 1];

	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1,
				       diagonal + (a.p[i - 1] != b.p[j - 1]));
			diagonal = above;
		}
	}
	return row[b.n];
}

void near_offer(struct near *n, struct str word)
{
	unsigned d;

	if (word.n > LONGEST || n->typed.n > LONGEST)
		return;
	d = distance(n->typed, word);
	if (d * 3 > word.n || (n->found.n > 0 && d >= n->distance))
		return;
	n->found = word;
	n->distance = d;
}
