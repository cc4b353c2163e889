/* xml_out: one answer document. Pure; escapes everything; what XML 1.0 cannot carry (control
 * bytes, broken UTF-8) becomes U+FFFD.
 * Memory: owns its buffer until xml_out_free or until it is taken. */
#ifndef PB_ADMIN_XML_OUT_H
#define PB_ADMIN_XML_OUT_H

#include "lib/base/buf.h"

struct xml_out {
	struct buf buf;
	unsigned depth;
	bool full; /* LIMIT_XML_ANSWER was passed: the text is not whole */
};

/* An empty piece of a document, to stand depth elements deep. */
void xml_out_init(struct xml_out *o, unsigned depth);
/* Declaration, <response> and <command>. */
void xml_out_begin(struct xml_out *o, struct str command);
void xml_out_free(struct xml_out *o);
/* <name>value</name> */
void xml_out_text(struct xml_out *o, const char *name, struct str value);
void xml_out_int(struct xml_out *o, const char *name, int64_t value);
/* <name> or, with total >= 0, <name total="..."> */
void xml_out_open(struct xml_out *o, const char *name, int64_t total);
void xml_out_close(struct xml_out *o, const char *name);
/* Back to where the text had n bytes, at the same depth; it is whole again then. */
void xml_out_cut(struct xml_out *o, size_t n);
/* The elements of a finished piece (full goes over as well). */
void xml_out_piece(struct xml_out *o, const struct xml_out *piece);
/* Closes <response>; the whole text, borrowed. */
struct str xml_out_end(struct xml_out *o);

#endif
