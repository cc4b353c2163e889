#include "lib/session/auto_reply.h"

#include "lib/session/delivery.h"
#include "lib/session/responder.h"
#include "lib/session/settle.h"

static struct response *write_response(struct transaction *tx, const struct delivery *d)
{
	struct response_to to = { .topology = tx->topology, .cluster = tx->cluster,
				  .sid = tx->sid, .client = tx->client, .account = d->address,
				  .alias = d->alias, .sender = tx->mail.reverse_path,
				  .header = buf_str(&tx->header_copy) };

	return response_new(tx->env, &to);
}

/* Sent: as good as delivered. Refused for good: noted as answered, so that the next try finds no
 * reply due and delivers the mail. */
static void on_sent(void *arg, enum outmail_result r, const char *text)
{
	struct delivery *d = arg;
	struct transaction *tx = d->tx;
	bool sent = r == OUTMAIL_SENT;

	(void)text;
	d->response = NULL;
	tx->n_responses--;
	delivery_word(tx, d, d->boxid, sent ? 250 : 451, sent ? STR("2.0.0") : STR("4.3.0"),
		      sent ? STR("answered by an automatic reply") :
			     STR("the automatic reply cannot be sent now"));
	settle_heard(tx);
}

void auto_reply_instead(struct transaction *tx)
{
	struct list *n, *tmp;

	if (!tx->keep_header)
		return;
	list_each(&tx->legs, n, tmp) {
		struct tx_leg *l = container_of(n, struct tx_leg, node);
		struct delivery *d = l->leg->n_rcpts ? l->leg->rcpts[0].ref : NULL;

		if (!l->key.alone || !d)
			continue;
		d->response = write_response(tx, d);
		if (!d->response)
			continue; /* then it gets the mail */
		tx->n_responses++;
		tx_leg_abort(l);
		response_send(d->response, on_sent, d);
	}
}

void auto_reply_behind(struct transaction *tx)
{
	if (!tx->keep_header)
		return;
	for (struct delivery *d = tx->by_address; d; d = d->hh.next) {
		struct response *r;

		if (!d->replies || !d->keeps || !d->told || d->word.verdict != VERDICT_ACCEPTED)
			continue;
		r = write_response(tx, d);
		if (r)
			responder_take(tx->env->responder, &r);
	}
}
