/* xml_in: one request document into a command and its parameters. Pure. The only user of expat.
 * Refused: document type and entity declarations, nested or repeated children, text beside
 * children, more than LIMIT_XML_CHILDREN, anything but UTF-8. Blank lines before the XML
 * declaration are skipped, because the manual's Python example sends one.
 * The commands that nests() names hold rows in their children, LIMIT_XML_ROWS elements and
 * LIMIT_XML_DEPTH deep at most; there siblings may have the same name.
 * Memory: everything lives in the caller's arena. */
#ifndef PB_ADMIN_XML_IN_H
#define PB_ADMIN_XML_IN_H

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/limits.h"

struct xml_row { /* an element within a child */
	struct str name, value;
	struct xml_row *rows, *next; /* its own elements, its next sibling; or NULL */
};
struct xml_param {
	struct str name, value; /* value is empty for <tag/> */
	struct xml_row *rows;	/* NULL but for what nests */
};
struct xml_request {
	struct str command; /* the root element; set as soon as it is known, also on error */
	struct xml_param v[LIMIT_XML_CHILDREN];
	unsigned n;
	const char *code; /* on error: "malformed" or "repeated_parameter"; static text */
};

/* 0, or -1 with a text that names the child and the line. Attributes are not looked at.
 * nests: may this command's children hold elements? */
MUST_CHECK int xml_parse(struct str body, struct arena *a, bool (*nests)(struct str command),
			 struct xml_request *out, struct err *e);
/* The access key of a document of which no more is to be read than its sender's right to be
 * served: looked for in the first LIMIT_XML_BODY bytes, up to its end; empty when it is not
 * there. In the arena, as what the scratch request then holds. */
struct str xml_key(struct str body, struct arena *a, bool (*nests)(struct str command),
		   struct xml_request *scratch);
/* The value of that child, or NULL when it is absent. */
const struct str *xml_get(const struct xml_request *r, const char *name);

#endif
