#include "admin/args.h"

#define ARG_ROW(id, name, kind, flags, dflt, min, max, words, help) \
	{ id, flags, FK_##kind, #name, offsetof(struct args, name), dflt, min, max, words, help },

static const struct field fields[] = { ARG_FIELDS(ARG_ROW) };

/* No table of a store: it has no id. */
const struct table table_args = { 0, 1, "parameters", fields, ARRAY_LEN(fields),
				  .size = sizeof(struct args) };
