#include "lib/session/fanout.h"

#include <stdio.h>

#include "lib/base/limits.h"
#include "lib/session/auto_reply.h"
#include "lib/session/settle.h"

/* Past this much over its limit a client is not read to its end mark any more. */
#define OVERSIZE_PATIENCE (16u << 20)

void fanout_start(struct transaction *tx, struct str received)
{
	struct list *n, *tmp;

	data_scan_init(&tx->scan);
	header_scan_init(&tx->header);
	tx->digest = hash_begin();
	list_each(&tx->legs, n, tmp) {
		struct tx_leg *l = container_of(n, struct tx_leg, node);

		/* Cannot fail: the out buffer is empty and larger than any Received field. */
		if (leg_preface(l->leg, received) < 0)
			bug("no room for a Received field");
	}
}

bool fanout_complete(const struct transaction *tx)
{
	return tx->scan.ended;
}

/* The digest covers what a retry keeps: some header fields and the body, no trace fields. */
static void digest_piece(void *arg, enum header_part part, struct str bytes)
{
	struct transaction *tx = arg;

	if (part != HEADER_OTHER)
		hash_more(tx->digest, bytes);
	/* One that does not fit says by its length that it may not be answered. */
	if (part != HEADER_BODY && tx->keep_header && buf_add(&tx->header_copy, bytes) < 0)
		tx->keep_header = false;
}

/* bare_newline = normalize: makes the new bytes canonical first. They may grow, to twice at
 * most; the buffer counts as full until it has drained, so that reading pauses by itself. */
static size_t normalized(struct transaction *tx, struct io *from)
{
	struct buf *b = &from->in;
	size_t done = 0;

	if (!tx->cluster->normalize)
		return buf_len(b);
	if (!tx->scan.ended && tx->normal < buf_len(b)) {
		b->max = 2 * buf_len(b) + 16;
		if (data_normalize(&tx->norm, b, tx->normal, &done) == 0)
			tx->normal += done;
	}
	b->max = buf_len(b) > LIMIT_SESSION_IN ? buf_len(b) : LIMIT_SESSION_IN;
	return tx->normal;
}

/* Looks at what has come since the last time. */
static void scan(struct transaction *tx, struct io *from)
{
	size_t to = normalized(tx, from);
	struct str in = { io_data(from).p + tx->final, to - tx->final };
	size_t pass, used;

	if (tx->scan.ended || in.n == 0)
		return;
	pass = data_scan(&tx->scan, in, &used);
	header_scan(&tx->header, (struct str){ in.p, pass }, digest_piece, tx);
	tx->final += pass;
	if (tx->scan.ended)
		tx->mark = used - pass;
}

/* What the message may not be; the client's fault. */
static void judge(struct transaction *tx)
{
	unsigned bare = tx->scan.seen & (DATA_BARE_LF | DATA_BARE_CR);

	if (tx->state != TX_BODY)
		return;
	if (tx->scan.seen & DATA_NUL)
		transaction_fail(tx, 554, "5.6.0", "mail with NUL bytes is refused");
	else if (bare)
		transaction_fail(tx, 554, "5.5.2", "bare %s in mail is refused, RFC 5321 2.3.8",
				 bare & DATA_BARE_LF ? "LF" : "CR");
	else if (tx->scan.bytes > tx->max_bytes)
		transaction_fail(tx, 552, "5.3.4", "mail is larger than %llu kB",
				 (unsigned long long)(tx->max_bytes / 1024));
	else if (tx->header.received > LIMIT_RECEIVED)
		transaction_fail(tx, 554, "5.4.6", "more than %d Received fields: a mail loop",
				 LIMIT_RECEIVED);
}

/* The one leg of a mail that can have but one outcome: the ledger has no part in it. */
static struct tx_leg *single(struct transaction *tx)
{
	struct tx_leg *l = container_of(tx->legs.next, struct tx_leg, node);

	if (tx->n_legs != 1 || l->key.known || l->key.alone ||
	    (l->key.box->protocol == PROTO_LMTP && tx->n_deliveries > 1))
		return NULL;
	return l;
}

/* Gives every leg what it has not got yet; the least that any of them has now. */
static uint64_t send_all(struct transaction *tx, struct str bytes)
{
	uint64_t end = tx->taken + bytes.n, least = end;
	struct list *n, *tmp;

	list_each(&tx->legs, n, tmp) {
		struct tx_leg *l = container_of(n, struct tx_leg, node);
		ptrdiff_t sent = 0;

		if (l->sent < end)
			sent = leg_body(l->leg, str_skip(bytes, (size_t)(l->sent - tx->taken)));
		if (sent > 0)
			l->sent += (uint64_t)sent;
		if (l->sent < least)
			least = l->sent;
	}
	return least;
}

static void drop(struct transaction *tx, struct io *from, size_t n)
{
	io_take(from, n);
	tx->taken += n;
	tx->final -= n;
	tx->normal -= tx->normal < n ? tx->normal : n;
}

static void digest_done(struct transaction *tx)
{
	uint8_t sum[32];

	hash_end(&tx->digest, sum);
	hash_hex(sum, 16, tx->digest_hex);
}

/* The barrier is passed: the end marks go out. */
static void end_all(struct transaction *tx)
{
	struct list *n, *tmp;

	transaction_enter(tx, TX_END);
	list_each(&tx->legs, n, tmp)
		leg_end_mark(container_of(n, struct tx_leg, node)->leg);
}

/* Every leg has all of the message, and none has failed. */
static void barrier(struct transaction *tx, struct io *from)
{
	digest_done(tx);
	io_take(from, tx->final + tx->mark);
	if (settle_spare(tx) < 0) {
		transaction_enter(tx, TX_END); /* nothing is left to be read */
		transaction_fail(tx, 451, "4.3.1", "the ledger is full, send it again later");
		return;
	}
	auto_reply_instead(tx);
	end_all(tx);
	if (tx->n_legs == 0) /* all of them had it */
		settle_heard(tx);
}

static void pump_body(struct transaction *tx, struct io *from)
{
	struct tx_leg *only = single(tx);
	size_t pass = tx->final + (only && tx->scan.ended ? tx->mark : 0);
	struct str bytes = { io_data(from).p, pass };
	uint64_t least = send_all(tx, bytes);

	if (only && tx->scan.ended && least == tx->taken + pass) {
		digest_done(tx);
		io_take(from, pass);
		transaction_enter(tx, TX_END);
		leg_end_mark_sent(only->leg);
	} else if (tx->scan.ended && !only && least == tx->taken + tx->final) {
		barrier(tx, from);
	} else if (least > tx->taken) {
		/* The mark is kept whole: it is dropped only together. */
		size_t n = (size_t)(least - tx->taken);

		drop(tx, from, n < tx->final ? n : tx->final);
	}
}

static void pump_discard(struct transaction *tx, struct io *from)
{
	if (tx->scan.ended) {
		io_take(from, tx->final + tx->mark);
		transaction_done(tx);
		return;
	}
	drop(tx, from, tx->final);
	if (tx->scan.bytes > tx->max_bytes + OVERSIZE_PATIENCE) {
		tx->hang_up = true;
		transaction_done(tx);
	}
}

void fanout_pump(struct transaction *tx, struct io *from)
{
	if (tx->state != TX_BODY && tx->state != TX_DISCARD)
		return;
	scan(tx, from);
	judge(tx);
	if (tx->state == TX_BODY)
		pump_body(tx, from);
	else
		pump_discard(tx, from);
}
