#include "cmd/pbctl/options.h"

#include <getopt.h>

#define OPTION_ROW(member, name, argument, all, help) \
	{ name, argument, help, all, offsetof(struct options, member) },
const struct option_info option_infos[] = { PBCTL_OPTIONS(OPTION_ROW){ .name = NULL } };

#define N_OPTIONS (ARRAY_LEN(option_infos) - 1)

int options_parse(int argc, char **argv, struct options *o, int *first)
{
	struct option rows[N_OPTIONS + 1] = { 0 };
	int c;

	for (size_t i = 0; i < N_OPTIONS; i++)
		rows[i] = (struct option){ option_infos[i].name,
					   option_infos[i].argument ? required_argument : no_argument,
					   NULL, (int)i + 1 };
	while ((c = getopt_long_only(argc, argv, "", rows, NULL)) != -1) {
		char *member = (char *)o;

		if (c < 1 || c > (int)N_OPTIONS)
			return -1;
		member += option_infos[c - 1].offset;
		*(const char **)(void *)member = optarg ? optarg : "";
	}
	*first = optind;
	return 0;
}

int options_check(const struct options *o, struct err *e)
{
	if (o->url && o->directory)
		return err_set(e, "-directory is of this machine, -url of another: one of them");
	if (o->url && !o->key)
		return err_set(e, "-url needs -key, the access key of that service");
	if (o->key && !o->url)
		return err_set(e, "-key needs -url; on this machine no key is needed");
	if (o->cacert && (!o->url || strncasecmp(o->url, "https:", 6) != 0))
		return err_set(e, "-cacert needs -url https://...");
	if (o->xml && o->json)
		return err_set(e, "-xml and -json: one of them");
	return 0;
}
