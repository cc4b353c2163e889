/* pbctl_verbs: the table of verbs for tests that do not run them. */
#ifndef PB_TEST_PBCTL_VERBS_H
#define PB_TEST_PBCTL_VERBS_H

#include "cmd/pbctl/file.c"
#include "cmd/pbctl/options.c"
#include "cmd/pbctl/request.c"
#include "cmd/pbctl/tags.c"
#include "cmd/pbctl/terminal.c"
#include "cmd/pbctl/verbs.c"

#define NOT_RUN(name) \
	int name(struct ctl *c, struct call_words *w, struct err *e) \
	{ \
		(void)c; \
		(void)w; \
		return err_set(e, #name); \
	}
NOT_RUN(verb_ask)
NOT_RUN(verb_list)
NOT_RUN(verb_light)
NOT_RUN(verb_block)
NOT_RUN(verb_trace)
NOT_RUN(verb_password)
NOT_RUN(verb_stats)
NOT_RUN(verb_top)
NOT_RUN(verb_import)
NOT_RUN(verb_export)
NOT_RUN(verb_config_import)
NOT_RUN(verb_config_export)

#endif
