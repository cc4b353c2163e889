#include "admin/web.h"

static const struct {
	const char *ending, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },
	{ ".ico", "image/vnd.microsoft.icon" },
};

const struct web_file *web_find(struct str path)
{
	if (str_eq(path, STR("/")))
		path = STR("/index.html");
	for (size_t i = 0; i < n_web_files; i++)
		if (str_eq(str_z(web_files[i].path), path))
			return &web_files[i];
	return NULL;
}

const char *web_type(const struct web_file *f)
{
	const char *ending = strrchr(f->path, '.');

	for (size_t i = 0; ending && i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].ending, ending) == 0)
			return types[i].type;
	return "application/octet-stream";
}

bool web_is_known(const struct web_file *f, const char *if_none_match)
{
	struct str rest = str_z(if_none_match ? if_none_match : ""), tag;

	while (str_split(&rest, ',', &tag)) {
		tag = str_trim(tag);
		if (str_starts(tag, STR("W/"))) /* made by a proxy that packs */
			tag = str_skip(tag, 2);
		if (str_eq(tag, STR("*")) || str_eq(tag, str_z(f->etag)))
			return true;
	}
	return false;
}
