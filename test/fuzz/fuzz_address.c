/* address: whatever comes, slices lie within it, and what passes is what the manual
 * allows. */
#include <stdlib.h>

#include "lib/base/limits.h"
#include "lib/wire/address.h"

static void check(const struct address *a, struct str in)
{
	char folded[LIMIT_ADDRESS + 1];
	size_t n = address_fold(a, folded);

	if (n != a->full.n || n > LIMIT_ADDRESS || folded[n] != '\0')
		abort();
	if (n && (a->full.p < in.p || a->full.p + n > in.p + in.n))
		abort();
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)folded[i] <= ' ' ||
		    strchr("<>()[]\\;:,\"'", folded[i]))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size }, rest = in;
	struct address a;

	if (address_parse(in, &a) == ADDRESS_OK) {
		check(&a, in);
		if (a.local.n == 0 || a.domain.n == 0 ||
		    address_parse(in, NULL) != ADDRESS_OK)
			abort();
	}
	if (address_parse_account(in, &a) == ADDRESS_OK)
		check(&a, in);
	for (int may = 0; may < 4; may++) {
		rest = in;
		if (address_path(&rest, may & 1, may & 2, &a) != ADDRESS_OK) {
			if (rest.p != in.p || rest.n != in.n)
				abort();
			continue;
		}
		check(&a, in);
		if (rest.p[-1] != '>' || rest.p + rest.n != in.p + in.n)
			abort();
	}
	return 0;
}
