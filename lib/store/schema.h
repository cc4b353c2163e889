/* schema: what a table's records look like, described once.
 * A table is an array of struct field, made with an X-macro together with its C struct
 * (tables.h). Codec, CSV, XML, defaults, range checks, help texts and later console,
 * replication and manual pages walk the description; nobody lists fields by hand.
 *
 * In the C struct a field is either a struct str (text kinds) or an int64_t (number kinds).
 * FIELD_EMPTY in a number means "empty": never, no limit, or "take the cluster's".
 * Memory: decoded texts borrow the encoded bytes; parsed ones live in the caller's arena. */
#ifndef PB_STORE_SCHEMA_H
#define PB_STORE_SCHEMA_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/str.h"

#define FIELD_EMPTY INT64_MIN
#define FIELD_IDS 64 /* ids of a table are 1..63; an id is never reused for another meaning */

enum field_kind {
	/* text kinds: struct str */
	FK_TEXT,     /* any UTF-8 without control bytes but tab/newline; range = length in bytes */
	FK_NAME,     /* clusterid, boxid: 1..63 bytes, printable ASCII without space < > & " ' / \ */
	FK_ADDRESS,  /* mail address by the manual's grammar, kept in lower case; "@domain" too */
	FK_MEMBERS,  /* comma separated FK_ADDRESS list, at least one */
	FK_SECRET,   /* like FK_TEXT; shown only when asked for, never logged */
	FK_PASSWORD, /* FK_SECRET in one of the forms of lib/store/password.h */
	FK_RANGES,   /* ip ranges (lib/base/addr.h), kept as given */
	FK_IP,	     /* one IP address */
	FK_HOST,     /* host name: letters digits . - _, or empty */
	FK_HOSTS,    /* host names, comma separated, blanks between; or empty */
	FK_PATH,     /* absolute file name or empty */
	FK_BYTES,    /* any bytes: records that somebody else packs; range = length */
	FK_URL,	     /* like FK_TEXT; shown and logged without its password (mask.h) */
	FK_ENUM,     /* one of the words in field.words, separated by '|' */
	/* number kinds: int64_t */
	FK_BOOL,     /* "1", "0"; empty is 0 */
	FK_INT,	     /* decimal in min..max */
	FK_DECIMAL,  /* decimals with at most 4 places, kept times 10000; min, max in that unit */
	FK_DATE,     /* RFC 3339 UTC, kept as wall ms; empty is FIELD_EMPTY */
};
static inline bool field_is_text(enum field_kind k)
{
	return k <= FK_ENUM;
}
static inline bool field_is_secret(enum field_kind k)
{
	return k == FK_SECRET || k == FK_PASSWORD;
}

enum { /* field flags */
	FF_KEY = 1,	  /* part of the record's key; several are joined with a NUL byte */
	FF_REQUIRED = 2,  /* must be given when a record is added */
	FF_MAY_EMPTY = 4, /* a number that may be empty (FIELD_EMPTY) */
	FF_FIXED = 8,	  /* cannot be changed once added */
	FF_HIDDEN = 16,   /* no XML tag: written by commands of its own (the light) */
	FF_WHEN_SET = 64, /* answered only where it is not at its default: not of the first contract */
	FF_ROWS = 32,	  /* a parameter that holds elements of its own (admin/args.h) */
	FF_SMTP = 128,	  /* of a cluster: means something to type smtp alone */
	FF_TCP = 256,	  /* likewise, to type tcp */
};

struct field {
	uint8_t id;
	uint16_t flags;
	enum field_kind kind;
	const char *name;  /* XML tag, CSV name */
	size_t offset;	   /* in the C struct */
	const char *dflt;  /* text form of the default; "" is empty */
	int64_t min, max;  /* numbers: value; texts: length */
	const char *words; /* FK_ENUM */
	const char *help;  /* one sentence for people, with its unit */
};

struct table {
	uint8_t id;	  /* never changes its meaning */
	uint8_t format;   /* of newly written records */
	const char *name; /* LMDB database */
	const struct field *fields;
	uint8_t n_fields;
	size_t size;	  /* of the C struct */
	bool replicated;  /* rows carry stamp, dot, local sequence and stand in the index */
	bool field_stamps; /* merge is per field: each field has its own stamp */
	/* Millions of small rows: the key is one FK_BYTES field of COMPACT_KEY bytes; rows have no
	 * boxid, and expire without tombstones (store_compact.c). Of such tables of one store no two
	 * ids are the same modulo 8, none is 0. */
	bool compact;
	bool mirrored; /* of two key fields; rows are found by the second as well (store_mirror) */
};

#define COMPACT_KEY 16 /* bytes of a key of a compact table */
#define KEY_MAX 511 /* LMDB's bound on keys */

const struct field *table_field(const struct table *t, struct str name); /* NULL: none */

/* Every field at its default. Texts point at static memory. */
void record_defaults(const struct table *t, void *rec);
/* Parses and checks text into the field. On a bad value the error names the tag, the value
 * and the allowed range, and rec is unchanged. Long values are cut in the text. */
MUST_CHECK int field_parse(const struct field *f, void *rec, struct str text, struct arena *a,
			   struct err *e);
/* The same for text that lives as long as the record: it is borrowed where it is kept as it is. */
MUST_CHECK int field_borrow(const struct field *f, void *rec, struct str text, struct arena *a,
			    struct err *e);
/* The text form, exactly what field_parse takes; empty for FIELD_EMPTY. */
struct str field_text(const struct field *f, const void *rec, struct arena *a);
/* The same as it may be shown, but for secrets: of a URL without its password. */
struct str field_shown(const struct field *f, const void *rec, struct arena *a);
bool field_is_default(const struct field *f, const void *rec);
bool field_same(const struct field *f, const void *a, const void *b);
struct str field_str(const struct field *f, const void *rec); /* text kinds */
int64_t field_num(const struct field *f, const void *rec);    /* number kinds */
/* The key fields joined with NUL bytes; 0 or -1 when longer than KEY_MAX. */
MUST_CHECK int record_key(const struct table *t, const void *rec, char key[KEY_MAX], size_t *n);

/* --- stored form ---
 * u8 format, u8 flags (1: tombstone, 2: keyless, 4: base), varint local seq, u64 stamp, varint
 * origin index, varint dot seq, with a base: varint (row stamp - base); then per field that is
 * not absent: varint id, varint age, varint length, bytes.
 * Age: row stamp - field stamp; with a base 0 is the row's stamp, 1 the base, n > 1 one of
 * n - 1 before the row's. Absent are fields at their default whose stamp is the base, without
 * one the row's. Fields of unknown id are kept and written again.
 * A keyless one leaves out the fields that its key tells, a quarter of an account. Rows of a
 * store since its format 2 are keyless, and may have a base. */
struct origin {
	uint64_t node, incarnation;
};
struct row_meta {
	uint64_t seq;	   /* local sequence */
	uint64_t stamp;    /* hybrid clock: 48 bits of wall ms, 16 of counter */
	uint32_t origin;   /* index in the environment's table of origins */
	uint64_t dot;	   /* sequence at that origin */
	bool tombstone;
	uint64_t field_stamp[FIELD_IDS]; /* by id; 0: the row's */
	struct str unknown; /* encoded fields this version does not know; borrows */
	uint64_t unknown_stamp, unknown_base; /* what their ages count from; 0: this row's stamp, none */
};
/* A record that stands by itself, as in the journal. */
MUST_CHECK int record_encode(const struct table *t, const void *rec, const struct row_meta *m,
			     struct buf *out);
/* rec and m may be NULL when not wanted. -1: damaged. Older formats are read. */
MUST_CHECK int record_decode(const struct table *t, struct str in, void *rec, struct row_meta *m);
/* A row, which stands behind its key: keyless. Key fields have no stamps of their own, as they
 * never change. Texts of key fields borrow key, the others in. */
MUST_CHECK int row_encode(const struct table *t, const void *rec, const struct row_meta *m,
			  struct buf *out);
MUST_CHECK int row_decode(const struct table *t, struct str key, struct str in, void *rec,
			  struct row_meta *m);
/* For walks over many rows: is it live, and one text field of it (f NULL: none; not of the
 * key; borrows). -1: damaged, as far as it was looked at. */
MUST_CHECK int row_peek(const struct field *f, struct str in, bool *live, struct str *value);

#endif
