/* hosts: unions of bits over machines and parts of a window, against a list of what happened. */
#include "lib/guard/hosts.c"

#define RECORD struct hosts
#define PACKED HOSTS_PACKED
#define ENCODE hosts_encode
#define DECODE hosts_decode
#define MERGE hosts_merge
#include "unit/guard_pure.h"

#define WINDOW INT64_C(700)

/* What is within the window is there, what is a window and a part old is not. */
START_TEST(window)
{
	int64_t last[256] = { 0 }, part = slide_part_ms(WINDOW), now = WALL;
	struct hosts h = { 0 };

	for (unsigned n = 0; n < 5000; n++) {
		uint8_t host = (uint8_t)rnd(256);

		now += rnd(4) ? rnd(3) : rnd(300);
		hosts_note(&h, host, now, WINDOW);
		last[host] = now;
		for (unsigned i = 0; i < 256; i++) {
			bool is = hosts_has(&h, (uint8_t)i, now, WINDOW);

			must(is || last[i] <= now - WINDOW, "within the window");
			must(!is || last[i] > now - WINDOW - part, "behind it");
		}
	}
}
END_TEST

static struct hosts random_hosts(void)
{
	struct hosts h = { 0 };
	int64_t now = WALL + rnd(1000);

	for (unsigned n = rnd(rnd(3) ? 30 : 400); n > 0; n--) {
		hosts_note(&h, (uint8_t)rnd(256), now, WINDOW);
		now += rnd(10);
	}
	return h;
}

START_TEST(laws)
{
	for (unsigned run = 0; run < 3000; run++) {
		struct hosts a = random_hosts(), b = random_hosts(), c = random_hosts();

		check_laws(&a, &b, &c);
	}
}
END_TEST

START_TEST(packed)
{
	struct hosts h = { 0 };
	uint8_t bytes[HOSTS_PACKED];

	hosts_note(&h, 77, WALL, WINDOW);
	ck_assert_uint_eq(hosts_encode(&h, bytes), 9);
	for (unsigned run = 0; run < 1000; run++) {
		h = random_hosts();
		check_round_trip(&h);
		for (unsigned i = 0; i < 20; i++)
			check_damaged(&h);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("hosts");

	printf("seed %llu\n", (unsigned long long)property_seed);
	tcase_add_test(t, window);
	tcase_add_test(t, laws);
	tcase_add_test(t, packed);
	return pure_run(t, "hosts");
}
