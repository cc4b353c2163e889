/* record: one row of any table added, changed, read or deleted, as its description and the
 * parameters of a call say. Private to admin/: the handlers are thin rows over these.
 * Absent parameter: the default (add) or as it was (modify). A row is checked, written and
 * durable before the call is answered; on any failure nothing is.
 * Memory: texts live in the call's arena. */
#ifndef PB_ADMIN_RECORD_H
#define PB_ADMIN_RECORD_H

#include "admin/command.h"

union record {
	struct account account;
	struct alias alias;
	struct cluster cluster;
	struct box box;
	struct settings settings;
};

/* What the handlers of one sort of thing share. Hooks may be NULL. */
struct record_kind {
	const struct table *table;
	const char *noun;	   /* "email address" */
	const char *none, *exists; /* codes: "no_such_email", "email_exists"; these three may be
				    * NULL where the row is there always */
	const char *key_also;	   /* another tag that may name the key; or NULL */
	bool publish;		   /* workers have compiled it */
	bool undo;		   /* a change may have to be taken back */
	bool always;		   /* there is one row, at its defaults where it is not stored */
	/* Before it is written, inside the transaction: what the ranges of the fields cannot say.
	 * May complete rec. old is NULL when the row is new. -1 after call_fail. */
	int (*check)(struct call *c, union record *rec, const union record *old);
	/* The same before it is deleted. */
	int (*check_delete)(struct call *c, const union record *rec);
	/* When all is done: what the answer says behind the key. */
	void (*tell)(struct call *c, const union record *rec);
	/* The same when it is deleted. */
	void (*tell_deleted)(struct call *c, const union record *rec);
};

void record_add(struct call *c, const struct record_kind *k);
void record_modify(struct call *c, const struct record_kind *k);
void record_delete(struct call *c, const struct record_kind *k);
/* Answers all fields, secrets only when asked (URLs without theirs). 0 and the row, or -1 after call_fail. */
int record_get(struct call *c, const struct record_kind *k, bool secrets, union record *rec);

/* The row whose key fields stand in key: 0, STORE_NONE, or -1 after call_fail. */
int record_load(struct call *c, const struct table *t, const union record *key, union record *out);
/* Texts that borrow the store's map move into the arena: 0, or -1 after call_fail. */
int record_own(struct call *c, const struct table *t, union record *rec, struct arena *a);
/* One element a field that is not hidden. Secrets are left out, and with MASKED URLs that hold
 * one are shown without it, with LEFT_OUT not at all. */
enum record_secrets { SECRETS_MASKED, SECRETS_LEFT_OUT, SECRETS_SHOWN };
void record_write(struct xml_out *o, const struct table *t, const void *rec,
		  enum record_secrets secrets);
/* A URL that was parsed into rec and is without its password, as it was shown: it is that of old
 * (NULL: none), or refused. 0, or -1 after call_fail. Other fields stay as they are. */
int record_unmask(struct call *c, const struct field *f, void *rec, const void *old);
/* The same by its key; out owns its texts. */
int record_load_key(struct call *c, const struct table *t, struct str key, union record *out);
/* Inside a transaction: 0, or -1 after call_fail. */
int record_put(struct call *c, const struct table *t, const union record *rec);
int record_drop(struct call *c, const struct table *t, const union record *rec);

#endif
