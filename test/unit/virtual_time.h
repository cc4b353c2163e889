/* virtual_time: real clocks plus a skew that the test moves, so that time passes at once and
 * nothing is measured. Include it in one file of a test program: it takes libc's place, for
 * libev and Check too. Steps are ages, because the real time that passes is added to them; a
 * test may pass 200 of them (Check keeps its microseconds in 31 bits). */
#ifndef PB_TEST_VIRTUAL_TIME_H
#define PB_TEST_VIRTUAL_TIME_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define AGE 10000LL /* ms */

static int64_t skew_mono_ms, skew_wall_ms;

int clock_gettime(clockid_t id, struct timespec *ts)
{
	long r = syscall(SYS_clock_gettime, id, ts);
	bool wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;

	ts->tv_sec += (wall ? skew_wall_ms : skew_mono_ms) / 1000;
	return (int)r;
}

static inline void pass(int64_t ms)
{
	skew_mono_ms += ms;
	skew_wall_ms += ms;
}

#endif
