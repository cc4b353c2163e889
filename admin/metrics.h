/* metrics: what /metrics says, for Prometheus and its kin: everything that `stats` counts.
 *
 *   protobalance_cluster_*   cluster_counter_info[], by cluster; refusals apart, by cause
 *   protobalance_box_*       box_counter_info[], light, health and latency, by cluster and box
 *   protobalance_store_*, _journal_*, _process_*, and itself
 *
 * Counters are walked by their descriptions, never listed: a counter "x" is ..._x_total, a gauge
 * ..._x_now, so that the two never meet. Only reads; what cannot be read (a store that is not
 * there yet, a process that has just died) is left out.
 * Not here: the text format (prometheus.h). */
#ifndef PB_ADMIN_METRICS_H
#define PB_ADMIN_METRICS_H

#include "admin/command.h"

/* Adds the page; the HTTP status: 200, or 503 when out had no room for all of it (LIMIT_METRICS
 * is more than all clusters and boxes with the longest names need). */
unsigned metrics_page(const struct command_env *env, int64_t mono_ms, struct buf *out);

#endif
