/* maildir: mails as files below DIRECTORY/<address>/{tmp,new,cur}.
 * Blocking, and so is all of this box at that moment. Addresses are folded to lower case;
 * one that could leave the directory ('/', a leading dot) is refused.
 * Memory: struct maildir owns its list; maildir_close frees it, also a zeroed one. */
#ifndef PB_DEMOBOX_MAILDIR_H
#define PB_DEMOBOX_MAILDIR_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

/* Whether it can name a mailbox. */
bool maildir_name_ok(struct str address);
/* Writes tmp, syncs it if asked, renames it to new. 0: the mail is there for good. */
MUST_CHECK int maildir_deliver(const char *directory, struct str address, struct str mail,
			       bool sync, struct err *e);

struct maildir_mail {
	char *path; /* below the address's directory: "new/123.M456P7Q8" */
	uint64_t size;
	bool deleted;
	bool seen; /* was retrieved: goes to cur at the end */
};
struct maildir {
	char *path;
	struct maildir_mail *v; /* oldest first */
	size_t n;
};

/* What is in new and cur; a mailbox that nobody has written to yet is empty. */
MUST_CHECK int maildir_open(const char *directory, struct str address, struct maildir *m,
			    struct err *e);
/* All of one mail into out, which the caller releases. */
MUST_CHECK int maildir_read(const struct maildir *m, size_t i, struct buf *out,
			    struct err *e);
/* The name that stays the same for good, for UIDL. */
struct str maildir_uid(const struct maildir_mail *mail);
/* Removes the deleted ones, moves the seen ones to cur. */
MUST_CHECK int maildir_commit(struct maildir *m, struct err *e);
void maildir_close(struct maildir *m);

#endif
