/* tcp_server: a session of a plain TCP cluster: a box is chosen and connected to, then
 * both sockets become a tunnel.
 *
 *   CONNECT --connected, [PROXY header]--> TUNNEL --both closed, idle, lost, cut--> CLOSED
 *    ^  | failed: this box is passed over
 *    +--+ another one, each at most once a session; none left ---------------------> CLOSED
 *
 * What the client sends meanwhile waits in its in buffer (LIMIT_SESSION_IN; then
 * reading pauses). A half-close passes through, also one from before the box is
 * connected. A session that is cut is reset on both sides: a stream broken off must
 * not look complete.
 * Not here: which box (lib/route/balance.h), moving bytes (lib/net/glue.h). */
#ifndef PB_SESSION_TCP_SERVER_H
#define PB_SESSION_TCP_SERVER_H

#include "lib/net/glue.h"
#include "lib/session/env.h"

enum tcp_state { T_CONNECT, T_TUNNEL, T_CLOSED, T_COUNT };

struct tcp_session {
	struct session s;
	enum tcp_state state;
	const struct topo_box *with; /* being connected to, or connected: counted there */
	struct balance_tried tried;
	struct dial dial;
	int64_t dialled_at;
	struct io box;
	struct glue glue;
	struct deferred reap;
};

#endif
