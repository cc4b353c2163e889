#include "lib/store/csv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_BUFFER (1u << 20)
#define LINE_MAX_BYTES (512u << 10)
#define LINE_ARENA (1u << 20)

/* --- one line --- */

/* Columns that every line has, by position; the others are name=value. */
static unsigned fixed_columns(const struct table *t)
{
	return t == &table_accounts ? 3 : 2;
}

static int put_escaped(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		static const char from[] = "\t\n\r\\", to[] = "tnr\\";
		const char *at = s.p[i] ? strchr(from, s.p[i]) : NULL;

		if (at ? buf_addc(out, '\\') < 0 || buf_addc(out, to[at - from]) < 0 :
			 buf_addc(out, s.p[i]) < 0)
			return -1;
	}
	return 0;
}

/* A password may hold what separates columns and lines. */
static bool fits_column(struct str s)
{
	return str_find(s, '\t') < 0 && str_find(s, '\n') < 0 && str_find(s, '\r') < 0;
}

static int put_named(const struct field *f, const void *rec, struct arena *a, struct buf *out)
{
	if (buf_addc(out, '\t') < 0 || buf_add(out, str_z(f->name)) < 0 || buf_addc(out, '=') < 0)
		return -1;
	return put_escaped(out, field_text(f, rec, a));
}

int csv_line_write(const struct table *t, const void *rec, struct buf *out)
{
	struct arena a = ARENA(LINE_ARENA);
	unsigned fixed = fixed_columns(t);
	int rc = 0;

	for (unsigned i = 0; i < fixed && rc == 0; i++) {
		struct str s = field_str(&t->fields[i], rec);

		if (i > 0)
			rc = buf_addc(out, '\t');
		if (rc == 0 && fits_column(s))
			rc = buf_add(out, s);
	}
	for (unsigned i = 0; i < t->n_fields && rc == 0; i++) {
		const struct field *f = &t->fields[i];

		if (i < fixed ? !fits_column(field_str(f, rec)) : !field_is_default(f, rec))
			rc = put_named(f, rec, &a, out);
	}
	if (rc == 0)
		rc = buf_addc(out, '\n');
	arena_free(&a);
	return rc;
}

/* \t \n \r and \\ back to what they stand for. */
static int unescape(struct str in, struct arena *a, struct str *out)
{
	char *p = arena_alloc(a, in.n + 1);
	size_t n = 0;

	if (!p)
		return -1;
	for (size_t i = 0; i < in.n; i++) {
		static const char from[] = "tnr\\", to[] = "\t\n\r\\";
		const char *at;

		if (in.p[i] != '\\') {
			p[n++] = in.p[i];
			continue;
		}
		at = ++i < in.n && in.p[i] ? strchr(from, in.p[i]) : NULL;
		if (!at)
			return -1;
		p[n++] = to[at - from];
	}
	*out = (struct str){ p, n };
	return 0;
}

static int named_column(const struct table *t, struct str col, void *rec, struct arena *a,
			struct err *e)
{
	ptrdiff_t eq = str_find(col, '=');
	const struct field *f;
	struct str value;

	if (eq < 0)
		return err_set(e, "a further column is not name=value");
	f = table_field(t, (struct str){ col.p, (size_t)eq });
	if (!f || (f->flags & FF_KEY))
		return err_set(e, "no setting of the name \"%.*s\"", eq < 40 ? (int)eq : 40, col.p);
	if (unescape(str_skip(col, (size_t)eq + 1), a, &value) < 0)
		return err_set(e, "%s: a backslash that is not \\t, \\n, \\r or \\\\", f->name);
	return field_parse(f, rec, value, a, e);
}

int csv_line_parse(const struct table *t, struct str line, void *rec, struct arena *a, struct err *e)
{
	struct str rest = line, col;
	unsigned i = 0;

	record_defaults(t, rec);
	for (; str_split(&rest, '\t', &col); i++)
		if (i < fixed_columns(t) ? field_parse(&t->fields[i], rec, col, a, e) < 0 :
					   named_column(t, col, rec, a, e) < 0)
			return -1;
	/* A line of an account may leave out its box, and then its password, too. */
	if (i < (t == &table_accounts ? 1 : 2))
		return err_set(e, "fewer than %u columns (separate them with tabs)",
			       fixed_columns(t));
	return 0;
}

/* --- vacuum --- */

struct writer {
	const struct table *t;
	int fd;
	struct buf b;
	int error; /* errno */
};

static int flush_out(struct writer *w)
{
	struct str s = buf_str(&w->b);

	while (s.n > 0) {
		ssize_t n = write(w->fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			w->error = errno;
			return -1;
		}
		s = str_skip(s, (size_t)n);
	}
	buf_consume(&w->b, buf_len(&w->b));
	return 0;
}

static int write_one(void *arg, const void *rec, const struct row_meta *m)
{
	struct writer *w = arg;

	(void)m;
	if (buf_room(&w->b) < LINE_MAX_BYTES && flush_out(w) < 0)
		return 1;
	if (csv_line_write(w->t, rec, &w->b) < 0)
		w->error = EMSGSIZE;
	return w->error != 0;
}

static int write_table(struct store *s, struct writer *w, struct err *e)
{
	int rc = store_each(s, w->t, STR(""), write_one, w, e);

	if (rc < 0)
		return -1;
	if (rc == 0 && flush_out(w) == 0 && fsync(w->fd) == 0)
		return 0;
	errno = w->error ? w->error : errno;
	return err_errno(e, "writing");
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

static int vacuum_table(struct store *s, const char *dir, const char *file, const struct table *t,
			struct err *e)
{
	char path[4096], temp[4096 + 8];
	struct writer w = { .t = t };
	int rc;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	snprintf(temp, sizeof(temp), "%s.new", path);
	unlink(temp); /* left by a crash, with whatever mode */
	w.fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w.fd < 0)
		return err_errno(e, "%s", temp);
	buf_init(&w.b, OUT_BUFFER);
	rc = write_table(s, &w, e);
	buf_release(&w.b);
	close(w.fd);
	if (rc == 0 && rename(temp, path) < 0)
		rc = err_errno(e, "rename");
	if (rc < 0) {
		unlink(temp);
		return err_wrap(e, "%s", path);
	}
	return 0;
}

int csv_vacuum(struct store *s, const char *dir, struct csv_progress *p, struct err *e)
{
(void)p;
	int rc = store_read_begin(s, e);

	if (rc < 0)
		return -1;
	rc = vacuum_table(s, dir, "email.csv", &table_accounts, e);
	if (rc == 0)
		rc = vacuum_table(s, dir, "alias.csv", &table_aliases, e);
	store_read_end(s);
	if (rc == 0 && sync_dir(dir) < 0)
		rc = err_errno(e, "%s", dir);
	return rc;
}

/* --- reread: a file's lines in key order, held as offsets --- */

struct line {
	uint64_t at;
	uint32_t n, key_n;
	uint64_t number;
};

struct lines {
	const char *file;
	struct str map;	 /* the file */
	struct str text; /* of it: without a byte order mark, which some editors write */
	struct line *v;
	size_t n, cap;
};

static struct str line_text(const struct lines *l, const struct line *x)
{
	return (struct str){ l->text.p + x->at, x->n };
}

static int lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* As LMDB orders keys: bytes of the folded address, shorter first. */
static int key_order(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		int d = lower(a.p[i]) - lower(b.p[i]);

		if (d)
			return d;
	}
	return (a.n > b.n) - (a.n < b.n);
}

static int line_order(const void *pa, const void *pb, void *text)
{
	const struct line *a = pa, *b = pb;
	const char *p = text;
	int d = key_order((struct str){ p + a->at, a->key_n }, (struct str){ p + b->at, b->key_n });

	return d ? d : (a->number > b->number) - (a->number < b->number);
}

static void lines_add(struct lines *l, struct str one, uint64_t number)
{
	ptrdiff_t tab;

	if (one.n > LINE_MAX_BYTES)
		one.n = LINE_MAX_BYTES + 1; /* refused later, but its row stays */
	tab = str_find(one, '\t');
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 1024;
		l->v = mem_realloc(l->v, l->cap * sizeof(*l->v));
	}
	l->v[l->n++] = (struct line){ (uint64_t)(one.p - l->text.p), (uint32_t)one.n,
				      (uint32_t)(tab < 0 ? (ptrdiff_t)one.n : tab), number };
}

/* Lines are worked through in the order of their keys, but told in that of the files. */
static bool stands_behind(const struct csv_report *r, unsigned i, const char *file, uint64_t line)
{
	int d = strcmp(file, r->bad[i].file); /* email.csv comes first */

	return d ? d > 0 : r->bad[i].line > line;
}

static void bad_line(struct csv_report *r, const struct lines *l, uint64_t number,
		     const char *reason)
{
	unsigned at = r->n_bad;
	char *p;

	r->skipped++;
	while (at > 0 && stands_behind(r, at - 1, l->file, number))
		at--;
	if (at == CSV_BAD_KEPT)
		return;
	if (r->n_bad < CSV_BAD_KEPT)
		r->n_bad++;
	memmove(&r->bad[at + 1], &r->bad[at], (r->n_bad - at - 1) * sizeof(r->bad[0]));
	r->bad[at].line = number;
	str_copy(r->bad[at].file, sizeof(r->bad[0].file), str_z(l->file));
	str_copy(r->bad[at].reason, sizeof(r->bad[0].reason), str_z(reason));
	for (p = r->bad[at].reason; *p; p++) /* it may quote the file's bytes */
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static void lines_split(struct lines *l, struct csv_report *r)
{
	struct str rest = l->text, one;
	uint64_t number = 0;

	if (rest.n == 0)
		return;
	while (str_split(&rest, '\n', &one)) {
		number++;
		if (one.n > 0 && one.p[one.n - 1] == '\r') /* files of other systems */
			one.n--;
		if (one.n == 0)
			continue;
		r->read++;
		lines_add(l, one, number);
	}
	if (l->n > 0) /* else l->v is NULL: a file of empty lines */
		qsort_r(l->v, l->n, sizeof(*l->v), line_order, (void *)(uintptr_t)l->text.p);
}

static int lines_open(struct lines *l, const char *dir, const char *file, struct err *e)
{
	char path[4096];
	struct stat st;
	void *p = NULL;
	int fd;

	*l = (struct lines){ .file = file };
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "%s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) { /* /dev/null is no empty file */
		close(fd);
		return err_set(e, "%s is not a file", path);
	}
	if (st.st_size > 0)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		err_errno(e, "%s", path);
	close(fd);
	if (p == MAP_FAILED)
		return -1;
	l->map = (struct str){ p, (size_t)st.st_size };
	l->text = str_skip(l->map, str_starts(l->map, STR("\xef\xbb\xbf")) ? 3 : 0);
	return 0;
}

static void lines_close(struct lines *l)
{
	if (l->map.p)
		munmap((void *)(uintptr_t)l->map.p, l->map.n);
	free(l->v);
	*l = (struct lines){ 0 };
}

/* --- reread: the difference --- */

struct gone { /* keys of rows that the file does not have */
	const struct lines *l;
	size_t at;
	const struct table *t;
	struct arena arena;
	struct str *v;
	size_t n, cap;
};

/* Rows and lines come in the same order, so one walk over both finds what is gone. */
static int find_gone(void *arg, const void *rec, const struct row_meta *m)
{
	struct gone *g = arg;
	struct str key = field_str(&g->t->fields[0], rec);
	int d = 1;

	(void)m;
	while (g->at < g->l->n) {
		const struct line *x = &g->l->v[g->at];

		d = key_order(key, (struct str){ g->l->text.p + x->at, x->key_n });
		if (d <= 0)
			break;
		g->at++;
	}
	if (g->at < g->l->n && d == 0)
		return 0;
	if (g->n == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 256;
		g->v = mem_realloc(g->v, g->cap * sizeof(*g->v));
	}
	g->v[g->n++] = arena_str(&g->arena, key);
	return 0;
}

static int drop_row(struct store *s, const struct table *t, struct str key,
		    struct csv_report *r, struct err *e)
{
	int rc = store_delete(s, t, key, e);

	r->removed += rc == 0;
	return rc < 0 ? -1 : 0;
}

static int drop_gone(struct store *s, const struct table *t, const struct lines *l,
		     struct csv_report *r, struct err *e)
{
	struct gone g = { .l = l, .t = t, .arena = ARENA(0) };
	int rc = store_each(s, t, STR(""), find_gone, &g, e);

	for (size_t i = 0; i < g.n && rc >= 0; i++)
		rc = drop_row(s, t, g.v[i], r, e);
	free(g.v);
	arena_free(&g.arena);
	return rc < 0 ? -1 : 0;
}

/* An address is an account or an alias, never both: an account takes the place of an alias.
 * STORE_NONE: the row may be put; 0: it is an alias of an account's address. */
static int one_of_both(struct store *s, const struct table *t, struct str key,
		       struct csv_report *r, struct err *e)
{
	struct account acc;

	if (t == &table_aliases)
		return store_account(s, key, &acc, e);
	return drop_row(s, &table_aliases, key, r, e) < 0 ? -1 : STORE_NONE;
}

static int put_record(struct store *s, const struct table *t, struct str key, const void *rec,
		      struct csv_report *r, struct err *e)
{
	struct store_info before, after;
	int had = store_get(s, t, key, NULL, NULL, e);

	if (had < 0)
		return -1;
	store_info(s, &before);
	if (store_put(s, t, rec, e) < 0)
		return -1;
	store_info(s, &after);
	if (after.last_seq != before.last_seq)
		++*(had == STORE_NONE ? &r->added : &r->changed);
	return 0;
}

static int put_line(struct store *s, const struct table *t, const struct lines *l,
		    const struct line *x, struct arena *a, struct csv_report *r, struct err *e)
{
	union {
		struct account account;
		struct alias alias;
	} rec;
	struct err why = { "line too long" };
	struct str key;
	char bytes[KEY_MAX];
	int rc;

	if (x->n > LINE_MAX_BYTES || csv_line_parse(t, line_text(l, x), &rec, a, &why) < 0) {
		bad_line(r, l, x->number, why.text);
		return 0;
	}
	key.p = bytes;
	if (record_key(t, &rec, bytes, &key.n) < 0)
		return err_set(e, "%s: a key longer than %d bytes", t->name, KEY_MAX);
	rc = one_of_both(s, t, key, r, e);
	if (rc == 0)
		bad_line(r, l, x->number, "the address is an account of email.csv already");
	return rc == STORE_NONE ? put_record(s, t, key, &rec, r, e) : rc;
}

static int put_lines(struct store *s, const struct table *t, const struct lines *l,
		     struct csv_report *r, struct err *e)
{
	struct arena a = ARENA(LINE_ARENA);
	int rc = 0;

	for (size_t i = 0; i < l->n && rc == 0; i++) {
		struct str key = { l->text.p + l->v[i].at, l->v[i].key_n };

		if (i > 0 && key_order(key, (struct str){ l->text.p + l->v[i - 1].at,
							  l->v[i - 1].key_n }) == 0) {
			bad_line(r, l, l->v[i].number, "the address stands in an earlier line");
			continue;
		}
		rc = put_line(s, t, l, &l->v[i], &a, r, e);
		arena_free(&a);
	}
	return rc;
}

/* A file in another form (commas) would read as "all rows are gone": nothing in it can be read,
 * and nowhere is there a tab. */
static int put_accounts(struct store *s, const struct lines *l, struct csv_report *r, struct err *e)
{
	uint64_t before = r->skipped;

	if (put_lines(s, &table_accounts, l, r, e) < 0)
		return -1;
	if (l->n > 0 && r->skipped - before >= l->n && str_find(l->text, '\t') < 0)
		return err_set(e, "no line of %s can be read (columns are separated by tabs, "
				  "see protobalance(8)); nothing was changed",
			       l->file);
	return 0;
}

static int apply(struct store *s, const struct lines *accounts, const struct lines *aliases,
		 struct csv_report *r, struct err *e)
{
	if (drop_gone(s, &table_aliases, aliases, r, e) < 0 ||
	    drop_gone(s, &table_accounts, accounts, r, e) < 0 ||
	    put_accounts(s, accounts, r, e) < 0 ||
	    put_lines(s, &table_aliases, aliases, r, e) < 0)
		return -1;
	return 0;
}

int csv_apply(struct store *s, struct csv_files *f, struct csv_report *r, struct csv_progress *p, struct err *e)
{
(void)p;const char *dir=f->dir;
	struct lines accounts = { 0 }, aliases = { 0 };
	int rc = -1;

	memset(r, 0, sizeof(*r));
	if (lines_open(&accounts, dir, "email.csv", e) < 0 ||
	    lines_open(&aliases, dir, "alias.csv", e) < 0)
		goto out;
	lines_split(&accounts, r);
	lines_split(&aliases, r);
	rc = apply(s, &accounts, &aliases, r, e);
out:
	lines_close(&accounts);
	lines_close(&aliases);
	return rc;
}
