/* config: all clusters, boxes and general settings as one value: read from the store, read from a
 * request, made the store's. Private to admin/.
 * Memory: everything lives in the call's arena. All functions: 0, or -1 after call_fail. */
#ifndef PB_ADMIN_CONFIG_H
#define PB_ADMIN_CONFIG_H

#include "admin/record.h"

struct config {
	bool has_clusters, has_settings; /* what is false is left as it is */
	struct cluster *clusters;	 /* room for MAX_CLUSTERS */
	struct box *boxes;		 /* room for MAX_BOXES; of all clusters */
	unsigned n_clusters, n_boxes;
	struct settings settings;
};

/* What the store holds. */
int config_load(struct call *c, struct config *out);
/* What the request names: rows as exportconfig writes them. Secrets that a row of was does not
 * name stay as they are there. */
int config_parse(struct call *c, const struct config *was, struct config *out);
/* Inside a transaction: makes the store equal to it, and checks the whole. */
int config_apply(struct call *c, struct config *to);

#endif
