#include "lib/base/compat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "lib/base/err.h"

extern char **environ;

static char *title;	  /* where argv stands */
static size_t title_room; /* up to the end of the environment */
static char **moved;	  /* the environment's new place, as long as the process lives */

/* argv and the environment stand in one piece; how far does it go? */
static char *end_of(char **v, char *from)
{
	for (; *v; v++)
		if (*v == from)
			from = *v + strlen(*v) + 1;
	return from;
}

void proc_title_init(int argc, char **argv)
{
	char *end;
	size_t n = 0;

	if (argc < 1)
		return;
	end = end_of(environ, end_of(argv, argv[0]));
	while (environ[n])
		n++;
	moved = mem_alloc((n + 1) * sizeof(*moved));
	for (size_t i = 0; i < n; i++)
		moved[i] = mem_dup(str_z(environ[i]));
	moved[n] = NULL;
	environ = moved;
	title = argv[0];
	title_room = (size_t)(end - argv[0]);
}

void proc_title(const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
#ifdef __linux__
	prctl(PR_SET_NAME, text);
#endif
	if (title_room < 2)
		return;
	memset(title, 0, title_room);
	str_copy(title, title_room, str_z(text));
}
