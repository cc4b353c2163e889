/* patience: the wire's time-outs (lib/base/limits.h), divided by PB_TIME_SCALE when that is set
 * in the environment: tests need not wait five minutes. Unset or unreadable is 1. */
#ifndef PB_SESSION_PATIENCE_H
#define PB_SESSION_PATIENCE_H

#include <stdint.h>

/* ms as a test has scaled it, at least 20. */
int64_t patience(int64_t ms);

#endif
