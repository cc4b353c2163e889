/* password: any stored form has one meaning, or an error that tells nothing of it. */
#include <stdlib.h>

#include "lib/store/password.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str stored = { (const char *)data, size };
	struct err e = { "" };
	struct password p;
	int rc = password_read(stored, &p, &e);

	if (rc < 0 ? !e.text[0] : p.salt_n > sizeof(p.salt))
		abort();
	if (rc < 0)
		return 0;
	if ((p.kind == PASSWORD_NONE) != (size == 0))
		abort();
	if (p.kind == PASSWORD_PLAIN && (p.text.n == 0 || p.text.n > size))
		abort();
	if (p.kind == PASSWORD_DIGEST && password_digest_is(&p, stored) && size > 40)
		abort(); /* a text that is the hash of itself */
	return 0;
}
