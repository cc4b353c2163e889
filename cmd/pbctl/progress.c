#include "cmd/pbctl/progress.h"

#include <inttypes.h>

#include "cmd/pbctl/text.h"

#define BAR 40 /* columns */
#define NAME 32

void progress_take(struct progress *p, const struct answer *stats)
{
	const struct node *work = node_child(stats->root, STR("work"));
	int64_t done, of;

	if (!work)
		return;
	done = node_int(work, "done");
	of = node_int(work, "of");
	fputs("\r\033[K", p->out);
	text_print_line(p->out, node_text(work, "command"), NAME);
	if (of > 0 && done >= 0 && done <= of) {
		int filled = (int)(done * BAR / of);

		fputs(" [", p->out);
		for (int i = 0; i < BAR; i++)
			fputc(i < filled ? '#' : '.', p->out);
		fprintf(p->out, "] %3" PRId64 "%%  %" PRId64 " of %" PRId64,
			done * 100 / of, done, of);
	} else {
		fprintf(p->out, " %" PRId64, done);
	}
	fflush(p->out);
	p->drawn = true;
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", p->out);
	fflush(p->out);
	p->drawn = false;
}
