#include "cmd/pbctl/answer.h"

int answer_parse(struct buf *document, struct answer *out, struct err *e)
{
	const struct node *status;
	struct err why = { "" };

	*out = (struct answer){ .document = *document, .arena = ARENA(0) };
	buf_init(document, 0);
	if (tree_parse(buf_str(&out->document), "response", &out->arena, &out->root, &why)) {
		answer_free(out);
		return err_set(e, "what answers is no protobalance: %s", why.text);
	}
	status = node_child(out->root, STR("status"));
	out->ok = status && str_eq(status->text, STR("ok"));
	if (!out->ok) {
		out->code = node_text(out->root, "code");
		out->error = node_text(out->root, "error");
	}
	return 0;
}

void answer_free(struct answer *a)
{
	arena_free(&a->arena);
	buf_release(&a->document);
	a->root = NULL;
}

const struct node *answer_each(const struct answer *a, const struct node *before)
{
	const struct node *status = node_child(a->root, STR("status"));

	if (before)
		return before->next;
	return status ? status->next : NULL;
}
