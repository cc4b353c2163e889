#include "lib/store/csv_sort.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN_BYTES \
	(16u << 20) /* of a file that are sorted at once; their table is as large again */
#define RUN_LINES 400000
#define WRITE_BYTES (256u << 10)
#define READ_BYTES (64u << 10) /* of a run that is merged */

_Static_assert(RUN_BYTES > 2 * CSV_LINE_MAX, "the longest line fits");

/* A line as it stands in the sorted file, in front of its text. */
struct head {
	uint64_t number;
	uint32_t n, key_n;
	bool too_long;
};

/* A sorted piece of the file, while it is merged. */
struct run {
	off_t begin, end, at; /* in the sorted file; at: what is read next */
	struct buf b;
	struct csv_line line;
	size_t taken; /* bytes of b that line stands on */
};

struct csv_sort {
	char path[4096]; /* for errors */
	const char *file;
	int fd; /* of the sorted file */
	off_t end;
	uint64_t lines;
	struct run *run;
	struct run **heap; /* the runs that have a line, the least first */
	unsigned n_runs, n_heap;
	struct buf last; /* the key before */
	bool begun;	 /* last and the heap are filled */
};

/* --- order: bytes, shorter first; then as in the file --- */

static int key_order(struct str a, struct str b)
{
	return str_cmp(a, b);
}

/* --- one run: lines of a piece of the file --- */

struct entry {
	uint64_t prefix; /* of the key, so that most comparisons end here */
	uint32_t at, n, key_n;
	uint32_t number; /* from the first of the run */
};

struct reader {
	struct csv_sort *s;
	int fd;
	char *mem; /* RUN_BYTES */
	size_t n;
	bool ended, skips; /* skips: the rest of a line that is too long */
	uint64_t number;   /* of lines before the run */
	struct entry *v;
	uint32_t n_v, seen; /* seen: lines of the run, empty ones included */
	struct buf out;
};

static uint64_t prefix_of(const char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < sizeof(v); i++)
		v = v << 8 | (i < n ? (uint8_t)p[i] : 0);
	return v;
}

static int entry_order(const void *pa, const void *pb, void *mem)
{
	const struct entry *a = pa, *b = pb;
	const char *p = mem;
	int d;

	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	d = key_order((struct str){ p + a->at, a->key_n }, (struct str){ p + b->at, b->key_n });
	return d ? d : (a->number > b->number) - (a->number < b->number);
}

static void add_line(struct reader *r, struct str line)
{
	ptrdiff_t tab = str_find(line, '\t');
	size_t key_n = tab < 0 ? line.n : (size_t)tab;
	bool too_long = line.n > CSV_LINE_MAX;
	char *p = r->mem + (line.p - r->mem);

	if (too_long && key_n > KEY_MAX)
		key_n = KEY_MAX;
	str_lower(p, (struct str){ p, key_n });
	r->s->lines++;
	r->v[r->n_v++] = (struct entry){ prefix_of(p, key_n), (uint32_t)(p - r->mem),
					 (uint32_t)line.n, (uint32_t)key_n, r->seen };
}

/* A line without its end: counted, and kept unless it is empty. */
static void see_line(struct reader *r, struct str line)
{
	bool skipped = r->skips;

	r->skips = false;
	if (skipped)
		return; /* was seen when it began */
	r->seen++;
	if (line.n > 0 && line.p[line.n - 1] == '\r') /* files of other systems */
		line.n--;
	if (line.n > 0)
		add_line(r, line);
}

/* Takes the lines of what was read, as many as a run may have; returns the bytes taken. The
 * last line of the file may have no end. */
static size_t split(struct reader *r)
{
	struct str rest = { r->mem, r->n };

	r->n_v = r->seen = 0;
	while (rest.n > 0 && r->n_v < RUN_LINES) {
		ptrdiff_t end = str_find(rest, '\n');

		if (end < 0 && !r->ended)
			break;
		end = end < 0 ? (ptrdiff_t)rest.n : end;
		see_line(r, (struct str){ rest.p, (size_t)end });
		rest = str_skip(rest, (size_t)end + 1);
	}
	if (rest.n > 0 && r->n_v < RUN_LINES && (r->skips || rest.n > CSV_LINE_MAX + 1)) {
		see_line(r, rest); /* it has no end yet and is too long by now */
		r->skips = true;
		rest.n = 0;
	}
	return r->n - rest.n;
}

/* As much as there is room for. */
static int fill(struct reader *r, struct err *e)
{
	while (!r->ended && r->n < RUN_BYTES) {
		ssize_t n = read(r->fd, r->mem + r->n, RUN_BYTES - r->n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "%s", r->s->path);
		r->ended = n == 0;
		r->n += (size_t)n;
	}
	return 0;
}

/* --- writing a run --- */

static int flush_out(struct reader *r, struct err *e)
{
	struct str s = buf_str(&r->out);

	while (s.n > 0) {
		ssize_t n = write(r->s->fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(e, "%s: sorting", r->s->path);
		s = str_skip(s, (size_t)n);
		r->s->end += n;
	}
	buf_consume(&r->out, buf_len(&r->out));
	return 0;
}

static int write_entry(struct reader *r, const struct entry *x, struct err *e)
{
	bool too_long = x->n > CSV_LINE_MAX;
	struct head h;
	struct str text = { r->mem + x->at, too_long ? x->key_n : x->n };

	memset(&h, 0, sizeof(h)); /* padding, too */
	h.number = r->number + x->number;
	h.n = (uint32_t)text.n;
	h.key_n = x->key_n;
	h.too_long = too_long;
	if (buf_room(&r->out) < sizeof(h) + text.n && flush_out(r, e) < 0)
		return -1;
	if (buf_add(&r->out, (struct str){ (const char *)&h, sizeof(h) }) < 0 ||
	    buf_add(&r->out, text) < 0)
		bug("a line of %zu bytes", text.n);
	return 0;
}

static int write_run(struct reader *r, struct csv_progress *p, struct err *e)
{
	struct csv_sort *s = r->s;
	off_t begin = s->end;

	if (r->n_v > 0)
		qsort_r(r->v, r->n_v, sizeof(*r->v), entry_order, r->mem);
	for (uint32_t i = 0; i < r->n_v; i++)
		if (write_entry(r, &r->v[i], e) < 0)
			return -1;
	if (flush_out(r, e) < 0)
		return -1;
	r->number += r->seen;
	if (p)
		atomic_fetch_add(&p->of, r->n_v);
	if (r->n_v > 0) {
		s->run = mem_realloc(s->run, (s->n_runs + 1) * sizeof(*s->run));
		s->run[s->n_runs] = (struct run){ .begin = begin, .end = s->end };
		buf_init(&s->run[s->n_runs++].b, sizeof(struct head) + CSV_LINE_MAX + READ_BYTES);
	}
	return 0;
}

static void drop_mark(struct reader *r)
{
	static const struct str bom = STR_INIT("\xef\xbb\xbf");

	if (!str_starts((struct str){ r->mem, r->n }, bom))
		return;
	r->n -= bom.n;
	memmove(r->mem, r->mem + bom.n, r->n);
}

static int read_all(struct reader *r, struct csv_progress *p, struct err *e)
{
	size_t taken;

	if (fill(r, e) < 0)
		return -1;
	drop_mark(r);
	for (;;) {
		taken = split(r);
		if (write_run(r, p, e) < 0)
			return -1;
		r->n -= taken;
		memmove(r->mem, r->mem + taken, r->n);
		if (r->n == 0 && r->ended)
			return 0;
		if (fill(r, e) < 0)
			return -1;
	}
}

/* --- opening --- */

static int open_source(const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_errno(e, "%s", path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) /* /dev/null is no empty file */
		return fd;
	close(fd);
	return err_set(e, "%s is not a file", path);
}

/* Gone with its last descriptor, however that ends. */
static int open_nameless(const char *path, struct err *e)
{
	char name[4096 + 16];
	int fd;

	snprintf(name, sizeof(name), "%s.sort-XXXXXX", path);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "%s", name);
	unlink(name);
	return fd;
}

static int sort(struct csv_sort *s, struct csv_progress *p, struct err *e)
{
	struct reader r = { .s = s, .fd = open_source(s->path, e) };
	int rc = -1;

	if (r.fd < 0)
		return -1;
	s->fd = open_nameless(s->path, e);
	if (s->fd >= 0) {
		r.mem = mem_alloc(RUN_BYTES);
		r.v = mem_alloc(RUN_LINES * sizeof(*r.v));
		buf_init(&r.out, CSV_LINE_MAX + WRITE_BYTES);
		rc = read_all(&r, p, e);
		buf_release(&r.out);
		free(r.v);
		free(r.mem);
	}
	close(r.fd);
	return rc;
}

int csv_sort_open(struct csv_sort **out, const char *dir, const char *file,
		  struct csv_progress *p, struct err *e)
{
	struct csv_sort *s = mem_zalloc(sizeof(*s));

	*out = NULL;
	s->file = file;
	s->fd = -1;
	buf_init(&s->last, CSV_LINE_MAX);
	snprintf(s->path, sizeof(s->path), "%s/%s", dir, file);
	if (sort(s, p, e) < 0) {
		csv_sort_close(&s);
		return -1;
	}
	s->heap = mem_alloc((s->n_runs + 1) * sizeof(struct run *));
	*out = s;
	return 0;
}

void csv_sort_close(struct csv_sort **sp)
{
	struct csv_sort *s = *sp;

	*sp = NULL;
	if (!s)
		return;
	for (unsigned i = 0; i < s->n_runs; i++)
		buf_release(&s->run[i].b);
	buf_release(&s->last);
	free(s->run);
	free(s->heap);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

uint64_t csv_sort_lines(const struct csv_sort *s)
{
	return s->lines;
}

const char *csv_sort_file(const struct csv_sort *s)
{
	return s->file;
}

/* --- reading a run back --- */

/* At least want bytes in the buffer. */
static int run_need(struct csv_sort *s, struct run *r, size_t want, struct err *e)
{
	while (buf_len(&r->b) < want) {
		size_t left = (size_t)(r->end - r->at);
		size_t room = left < READ_BYTES ? left : READ_BYTES;
		char *p = buf_space(&r->b, room);
		ssize_t n = p ? pread(s->fd, p, room, r->at) : -1;

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; /* shorter than it was written */
		if (n <= 0)
			return err_errno(e, "%s: reading what was sorted", s->path);
		buf_added(&r->b, (size_t)n);
		r->at += n;
	}
	return 0;
}

/* 0, STORE_NONE: the run is at its end, or -1. */
static int run_next(struct csv_sort *s, struct run *r, struct err *e)
{
	struct head h;

	buf_consume(&r->b, r->taken);
	r->taken = 0;
	if (buf_len(&r->b) == 0 && r->at == r->end)
		return STORE_NONE;
	if (run_need(s, r, sizeof(h), e) < 0)
		return -1;
	memcpy(&h, buf_str(&r->b).p, sizeof(h));
	r->taken = sizeof(h) + h.n;
	if (run_need(s, r, r->taken, e) < 0)
		return -1;
	r->line = (struct csv_line){ .text = { buf_str(&r->b).p + sizeof(h), h.n },
				     .key_n = h.key_n,
				     .number = h.number,
				     .too_long = h.too_long };
	return 0;
}

/* --- merging --- */

static struct str line_key(const struct csv_line *l)
{
	return (struct str){ l->text.p, l->key_n };
}

static bool run_before(const struct run *a, const struct run *b)
{
	int d = key_order(line_key(&a->line), line_key(&b->line));

	return d ? d < 0 : a->line.number < b->line.number;
}

/* The run at i goes down to where both below are behind it. */
static void sift(struct csv_sort *s, unsigned i)
{
	for (;;) {
		unsigned least = i, child = 2 * i + 1;
		struct run *r;

		for (unsigned c = child; c < child + 2 && c < s->n_heap; c++)
			if (run_before(s->heap[c], s->heap[least]))
				least = c;
		if (least == i)
			return;
		r = s->heap[i];
		s->heap[i] = s->heap[least];
		s->heap[least] = r;
		i = least;
	}
}

static int begin(struct csv_sort *s, struct err *e)
{
	s->begun = true;
	for (unsigned i = 0; i < s->n_runs; i++) {
		if (run_next(s, &s->run[i], e) < 0)
			return -1;
		s->heap[s->n_heap++] = &s->run[i];
	}
	for (unsigned i = s->n_heap / 2 + 1; i-- > 0;)
		sift(s, i);
	return 0;
}

/* Past the line that was given out last. */
static int advance(struct csv_sort *s, struct err *e)
{
	struct str key = line_key(&s->heap[0]->line);
	int rc;

	buf_consume(&s->last, buf_len(&s->last));
	if (buf_add(&s->last, key) < 0)
		bug("a key of %zu bytes", key.n);
	rc = run_next(s, s->heap[0], e);
	if (rc == STORE_NONE)
		s->heap[0] = s->heap[--s->n_heap];
	if (rc >= 0)
		sift(s, 0);
	return rc < 0 ? -1 : 0;
}

void csv_sort_rewind(struct csv_sort *s)
{
	for (unsigned i = 0; i < s->n_runs; i++) {
		struct run *r = &s->run[i];

		buf_consume(&r->b, buf_len(&r->b));
		r->at = r->begin;
		r->taken = 0;
	}
	s->n_heap = 0;
	s->begun = false;
}

int csv_sort_next(struct csv_sort *s, struct csv_line *out, struct err *e)
{
	bool first = !s->begun;

	if (first)
		csv_sort_rewind(s);
	if ((first ? begin(s, e) : s->n_heap ? advance(s, e) : 0) < 0)
		return -1;
	if (s->n_heap == 0)
		return STORE_NONE;
	*out = s->heap[0]->line;
	out->again = !first && str_eq(line_key(out), buf_str(&s->last));
	return 0;
}
