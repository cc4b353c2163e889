/* srs: what is rewritten is valid and comes back; whatever else comes gives a valid
 * address or none. The first bytes: the day, then how the secret begins. */
#include <stdlib.h>

#include "lib/wire/srs.h"

#define HEAD 4
#define DAY_MS (24LL * 3600 * 1000)

static void check_forward(const struct srs_secrets *k, int64_t now, struct str in)
{
	char out[LIMIT_ADDRESS + 1], back[LIMIT_ADDRESS + 1];
	struct str us = STR("us.example");
	struct address a, b, from;

	if (address_parse(in, &from) != ADDRESS_OK)
		return;
	if (srs_forward(k, now, &from, us, out) != SRS_OK) {
		if (out[0])
			abort();
		return;
	}
	if (address_parse(str_z(out), &a) != ADDRESS_OK || !str_eq(a.domain, us))
		abort();
	if (srs_reverse(k, now, a.local, LIMIT_SRS_DAYS, back) != SRS_OK ||
	    address_parse(str_z(back), &b) != ADDRESS_OK)
		abort();
	if (!str_istarts(from.local, STR("SRS1")) && !str_ieq(from.full, b.full))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data + HEAD, size - HEAD };
	struct str list[] = { { (const char *)data + 2, 2 }, STR_INIT("secret") };
	struct srs_secrets k = { list, 2 };
	char out[LIMIT_ADDRESS + 1];
	enum srs_result r;
	int64_t now;

	if (size <= HEAD)
		return 0;
	now = DAY_MS * (data[0] << 8 | data[1]);
	check_forward(&k, now, in);
	r = srs_reverse(&k, now, in, LIMIT_SRS_DAYS, out);
	if ((r == SRS_OK) != (out[0] != '\0') ||
	    (r == SRS_OK && address_parse(str_z(out), NULL) != ADDRESS_OK))
		abort();
	return 0;
}
