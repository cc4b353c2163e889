/* xml_in: the first byte says whether children may nest. What is accepted stands within the bounds,
 * and written out by xml_out it reads the same again. */
#include <stdlib.h>

#include "admin/xml_in.h"
#include "admin/xml_out.h"

#define MOST_MEMORY (8u << 20)

static bool nests(struct str command)
{
	(void)command;
	return true;
}

static unsigned count(const struct xml_row *r, unsigned depth)
{
	unsigned n = 0;

	if (r && depth > LIMIT_XML_DEPTH)
		abort();
	for (; r; r = r->next) {
		if (r->name.n == 0 || (r->rows && r->value.n > 0))
			abort();
		n += 1 + count(r->rows, depth + 1);
	}
	return n;
}

static char *name_z(struct arena *a, struct str name)
{
	return (char *)(uintptr_t)arena_str(a, name).p;
}

static void write_rows(struct xml_out *o, struct arena *a, const struct xml_row *r)
{
	for (; r; r = r->next) {
		if (!r->rows) {
			xml_out_text(o, name_z(a, r->name), r->value);
			continue;
		}
		xml_out_open(o, name_z(a, r->name), -1);
		write_rows(o, a, r->rows);
		xml_out_close(o, name_z(a, r->name));
	}
}

static void write_request(struct xml_out *o, struct arena *a, const struct xml_request *q)
{
	xml_out_open(o, name_z(a, q->command), -1);
	for (unsigned i = 0; i < q->n; i++) {
		const struct xml_row row = { q->v[i].name, q->v[i].value, q->v[i].rows, NULL };

		write_rows(o, a, &row);
	}
	xml_out_close(o, name_z(a, q->command));
}

static bool same_rows(const struct xml_row *a, const struct xml_row *b)
{
	for (; a && b; a = a->next, b = b->next)
		if (!str_eq(a->name, b->name) || !str_eq(a->value, b->value) ||
		    !same_rows(a->rows, b->rows))
			return false;
	return !a && !b;
}

static bool same(const struct xml_request *a, const struct xml_request *b)
{
	if (!str_eq(a->command, b->command) || a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (!str_eq(a->v[i].name, b->v[i].name) || !str_eq(a->v[i].value, b->v[i].value) ||
		    !same_rows(a->v[i].rows, b->v[i].rows))
			return false;
	return true;
}

static void write_and_read(const struct xml_request *q, bool nested)
{
	static struct xml_request again;
	struct arena a = ARENA(0);
	struct xml_out out;
	struct err e = { "" };

	xml_out_init(&out, 0);
	write_request(&out, &a, q);
	if (xml_parse(buf_str(&out.buf), &a, nested ? nests : NULL, &again, &e) < 0 ||
	    !same(q, &again))
		abort();
	xml_out_free(&out);
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct xml_request q;
	struct arena a = ARENA(MOST_MEMORY);
	struct err e = { "" };
	bool nested;
	int rc;

	if (size == 0)
		return 0;
	nested = data[0] & 1;
	rc = xml_parse((struct str){ (const char *)data + 1, size - 1 }, &a, nested ? nests : NULL,
		       &q, &e);
	if (rc == 0 && (q.code || q.n > LIMIT_XML_CHILDREN || q.command.n == 0))
		abort();
	if (rc < 0 && (!q.code || !e.text[0]))
		abort();
	for (unsigned i = 0; rc == 0 && i < q.n; i++)
		if ((q.v[i].rows && !nested) || count(q.v[i].rows, 3) > LIMIT_XML_ROWS)
			abort();
	if (rc == 0)
		write_and_read(&q, nested);
	arena_free(&a);
	return 0;
}
