#include "admin/head.h"

const char *head_value(struct MHD_Connection *mhd, const char *name)
{
	return MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name);
}

const char *head_cookie(struct MHD_Connection *mhd, const char *name)
{
	return MHD_lookup_connection_value(mhd, MHD_COOKIE_KIND, name);
}

bool head_has(struct MHD_Connection *mhd, const char *name)
{
	return head_value(mhd, name) != NULL;
}

uint64_t head_length(struct MHD_Connection *mhd)
{
	const char *text = head_value(mhd, "Content-Length");
	uint64_t n;

	return str_u64(str_z(text), 0, UINT64_MAX, &n) ? 0 : n;
}

struct look {
	unsigned lengths;
	bool blank;
};

static enum MHD_Result look_at_field(void *arg, enum MHD_ValueKind kind, const char *key,
				     const char *value)
{
	struct str name = str_z(key);
	struct look *l = arg;

	(void)kind;
	(void)value;
	l->lengths += str_ieq(name, STR("Content-Length")) || str_ieq(name, STR("Transfer-Encoding"));
	l->blank |= str_trim(name).n != name.n;
	return MHD_YES;
}

bool head_is_clear(struct MHD_Connection *mhd)
{
	struct look l = { 0 };

	MHD_get_connection_values(mhd, MHD_HEADER_KIND, look_at_field, &l);
	return l.lengths <= 1 && !l.blank;
}
