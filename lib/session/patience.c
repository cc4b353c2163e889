#include "lib/session/patience.h"

#include <stdlib.h>

#include "lib/base/str.h"

#define LEAST_MS 20

int64_t patience(int64_t ms)
{
	static uint64_t scale;

	if (scale == 0 && str_u64(str_z(getenv("PB_TIME_SCALE")), 1, 10000, &scale) < 0)
		scale = 1;
	ms /= (int64_t)scale;
	return ms < LEAST_MS ? LEAST_MS : ms;
}
