/* xml_root: the name of a document's root element, from its first bytes.
 * Pure. What stands before it is skipped: byte order mark, blanks, the XML declaration and other
 * processing instructions, comments. No more than a look: whether it is a document at all, the
 * parser (xml_in.h) says. */
#ifndef PB_ADMIN_XML_ROOT_H
#define PB_ADMIN_XML_ROOT_H

#include "lib/base/str.h"

/* Borrowed from in; empty when it cannot be told (yet), or there is none. */
struct str xml_root(struct str in);

#endif
