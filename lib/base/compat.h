/* compat: what libc leaves to each system. The only file with #ifdef. */
#ifndef PB_BASE_COMPAT_H
#define PB_BASE_COMPAT_H

#include "lib/base/str.h"

/* The name a process shows in ps. Call proc_title_init first in main; the memory behind argv
 * and the environment is then ours to write on (the environment is moved away). */
void proc_title_init(int argc, char **argv);
void proc_title(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
