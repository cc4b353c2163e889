/* grid: rows of an answer as aligned columns under their tags.
 *
 *   clusterid  type  listen_port  sessions
 *   MX         smtp           25        17
 *
 * A column of numbers stands to the right; one in which no row has anything is left out.
 * On a terminal long cells are cut and lights are in their colour. Pages of one list may
 * follow each other: the head is printed once.
 * Memory: borrows the columns' names. */
#ifndef PB_CMD_PBCTL_GRID_H
#define PB_CMD_PBCTL_GRID_H

#include <stdio.h>

#include "cmd/pbctl/tree.h"

#define GRID_COLUMNS 32
#define GRID_CUT 48 /* columns of a cell on a terminal */

struct grid {
	FILE *out;
	bool terminal, headed;
	bool counts; /* a column that holds nothing but 0 is left out as well */
	unsigned n;
	struct {
		struct str tag;
		size_t width;
		bool zero, number, text; /* what has been seen in it; number: beside 0 */
	} columns[GRID_COLUMNS];
};

/* columns: tags, blank separated. terminal: may out be given colours? */
void grid_init(struct grid *g, FILE *out, bool terminal, struct str columns);
/* Prints the elements at that path below of; a cell that a row has not is looked for in
 * what is around it. Returns the rows. */
uint64_t grid_rows(struct grid *g, const struct node *of, const char *path);

#endif
