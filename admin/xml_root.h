/* xml_root: what can be told of a document before the parser works on it: the name of its root
 * element, from its first bytes, and how much of it are attributes.
 * Pure. What stands before the root is skipped: byte order mark, blanks, the XML declaration and other
 * processing instructions, comments. No more than a look: whether it is a document at all, the
 * parser (xml_in.h) says. */
#ifndef PB_ADMIN_XML_ROOT_H
#define PB_ADMIN_XML_ROOT_H

#include "lib/base/str.h"

/* Borrowed from in; empty when it cannot be told (yet), or there is none. */
struct str xml_root(struct str in);
/* Bytes of attributes in all tags. The parser needs microseconds for each attribute. Right as far
 * as the document is well-formed; the parser goes no further. */
size_t xml_attribute_bytes(struct str in);

#endif
