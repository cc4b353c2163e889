#include "lib/guard/fact.h"

#include "lib/base/log.h"

int fold_address(struct folded *f, struct str address)
{
	if (address.n == 0 || address.n > sizeof(f->text))
		return -1;
	str_lower(f->text, address);
	f->s = (struct str){ f->text, address.n };
	return 0;
}

/* NOLINTBEGIN(readability-non-const-parameter): bytes are written through the buf */
int fact_encode(const struct table *t, const void *rec, char bytes[LIMIT_JOURNAL_ENTRY],
		struct str *payload)
/* NOLINTEND(readability-non-const-parameter) */
{
	struct buf b = { .mem = bytes, .cap = LIMIT_JOURNAL_ENTRY, .max = LIMIT_JOURNAL_ENTRY };
	struct row_meta m = { 0 }; /* stamps are given where it is stored */

	if (record_encode(t, rec, &m, &b) < 0)
		return -1;
	*payload = buf_str(&b);
	return 0;
}

int fact_row(struct store *traffic, const struct table *t, const void *key, void *rec)
{
	struct err e = { "" };
	char bytes[KEY_MAX];
	size_t n;
	int rc;

	if (!traffic || record_key(t, key, bytes, &n) < 0)
		return -1;
	rc = store_read_begin(traffic, &e);
	if (rc == 0) {
		rc = store_get(traffic, t, (struct str){ bytes, n }, rec, NULL, &e);
		store_read_end(traffic);
	}
	if (rc < 0)
		log_warning("guard: %s", e.text);
	return rc < 0 ? -1 : rc != STORE_NONE;
}
