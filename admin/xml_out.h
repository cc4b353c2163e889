/* xml_out: one answer document. Pure; escapes everything, control bytes that XML 1.0 cannot
 * carry become U+FFFD.
 * Memory: owns its buffer until xml_out_free or until it is taken. */
#ifndef PB_ADMIN_XML_OUT_H
#define PB_ADMIN_XML_OUT_H

#include "lib/base/buf.h"

struct xml_out {
	struct buf buf;
	unsigned depth;
};

/* Declaration, <response> and <command>. */
void xml_out_begin(struct xml_out *o, struct str command);
void xml_out_free(struct xml_out *o);
/* <name>value</name> */
void xml_out_text(struct xml_out *o, const char *name, struct str value);
void xml_out_int(struct xml_out *o, const char *name, int64_t value);
/* <name> or, with total >= 0, <name total="..."> */
void xml_out_open(struct xml_out *o, const char *name, int64_t total);
void xml_out_close(struct xml_out *o, const char *name);
/* Closes <response>; the whole text, borrowed. */
struct str xml_out_end(struct xml_out *o);

#endif
