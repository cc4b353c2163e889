/* io: one connection over memory, where every byte of window is chosen, and over sockets. */
#include "lib/net/io.c"

#include <stdlib.h>

#include "unit/property.h"
#include "unit/sockets.h"

static char trace[64]; /* one letter an event: Data, Eof, dRained, Failed */
static struct io *io;  /* allocated, so that a use after the end is seen */
static void (*act)(enum io_event what); /* what the owner does in its events */

static void event(struct io *x, enum io_event what)
{
	size_t n = strlen(trace);

	ck_assert_ptr_eq(x, io);
	must(n + 1 < sizeof(trace), "too many events");
	trace[n] = "DERF"[what];
	trace[n + 1] = '\0';
	if (act)
		act(what);
}

static void set_up(void)
{
	l = loop_new();
	io = mem_alloc(sizeof(*io));
	trace[0] = '\0';
	act = NULL;
}

static void memory_up(void)
{
	set_up();
	io_init_memory(io, l, 64, 64, event);
}

static void down(void)
{
	if (io)
		io_close(io);
	free(io);
	io = NULL;
	loop_free(&l);
}

static void turn(void)
{
	loop_turn(l);
}

static bool data_is(const char *want)
{
	return str_eq(io_data(io), str_z(want));
}

static bool written_is(const char *want)
{
	return str_eq(io_memory_written(io), str_z(want));
}

/* --- input over memory --- */

START_TEST(reading)
{
	ck_assert(io_is_open(io));
	ck_assert_ptr_null(io->in.mem);
	io_memory_feed(io, STR("abc"));
	ck_assert_str_eq(trace, ""); /* only from the loop */
	turn();
	ck_assert_str_eq(trace, "D");
	ck_assert(data_is("abc"));
	io_take(io, 1);
	io_memory_feed(io, STR("def"));
	turn();
	ck_assert_str_eq(trace, "DD");
	ck_assert(data_is("bcdef"));
	io_take(io, 5);
	turn();
	ck_assert_str_eq(trace, "DD");
	ck_assert(data_is(""));
	ck_assert_ptr_null(io->in.mem); /* an idle session holds none */
	ck_assert_uint_eq(io->bytes_in, 6);
}
END_TEST

static struct str slice;

static void take_all(enum io_event what)
{
	if (what != IO_DATA)
		return;
	slice = io_data(io);
	io_take(io, slice.n);
	ck_assert(data_is(""));
	ck_assert_int_eq(slice.p[0], 'a'); /* good to the end of the event */
}

START_TEST(slices_outlive_taking)
{
	act = take_all;
	io_memory_feed(io, STR("abc"));
	turn();
	ck_assert_str_eq(trace, "D");
	ck_assert_ptr_null(io->in.mem);
}
END_TEST

START_TEST(full_buffer_pauses)
{
	static const char hundred[] = "0123456789012345678901234567890123456789012345678"
				      "9012345678901234567890123456789012345678901234567890";

	io_memory_feed(io, (struct str){ hundred, 100 });
	turn();
	ck_assert_str_eq(trace, "D");
	ck_assert_uint_eq(io_data(io).n, 64);
	turn();
	ck_assert_str_eq(trace, "D");
	io_arrived(io, WATCH_READ); /* a transport that did not know: is not an end of the stream */
	ck_assert_str_eq(trace, "D");
	io_take(io, 10);
	turn();
	ck_assert_str_eq(trace, "DD");
	ck_assert(str_eq(io_data(io), (struct str){ hundred + 10, 64 }));
	io_take(io, 64);
	io_memory_feed_eof(io);
	turn();
	ck_assert_str_eq(trace, "DDDE");
	ck_assert(str_eq(io_data(io), (struct str){ hundred + 74, 26 }));
}
END_TEST

START_TEST(paused_by_the_owner)
{
	io_read(io, false);
	io_memory_feed(io, STR("abc"));
	io_memory_feed_eof(io);
	turn();
	io_arrived(io, WATCH_READ);
	ck_assert_str_eq(trace, "");
	io_read(io, true);
	ck_assert_str_eq(trace, "");
	io_read(io, false);
	io_read(io, true);
	turn();
	ck_assert_str_eq(trace, "DE");
}
END_TEST

START_TEST(ends)
{
	io_memory_feed(io, STR("abc"));
	io_memory_feed_eof(io);
	turn();
	ck_assert_str_eq(trace, "DE");
	ck_assert(data_is("abc"));
	ck_assert(io->eof);
	io_take(io, 3);
	io_read(io, false);
	io_read(io, true);
	ck_assert_int_eq(io_put(io, STR("still")), 0); /* the other direction lives */
	turn();
	turn();
	ck_assert_str_eq(trace, "DE");
	ck_assert(written_is("still"));
	ck_assert_ptr_null(io->in.mem);
}
END_TEST

START_TEST(fails_while_reading)
{
	io_memory_feed(io, STR("abc"));
	ck_assert_int_eq(io_put(io, STR("x")), 0);
	io_memory_fail(io, ECONNRESET);
	turn();
	turn();
	ck_assert_ptr_nonnull(strchr(trace, 'F'));
	ck_assert_int_eq(io->error, ECONNRESET);
	slice.n = strlen(trace);
	ck_assert_int_eq(io_put(io, STR("y")), 0);
	ck_assert_int_eq(io_putf(io, "%d", 1), 0);
	ck_assert_int_eq((int)io_send(io, STR("z")), -1);
	ck_assert_int_eq(io_flush(io), -1);
	io_take(io, io_data(io).n);
	io_read(io, false);
	io_read(io, true);
	io_shutdown(io);
	turn();
	turn();
	ck_assert_uint_eq(strlen(trace), slice.n); /* nothing more comes */
	ck_assert_int_eq(trace[slice.n - 1], 'F');
}
END_TEST

/* Reads ask for more while they bring all they asked for. */
START_TEST(reads_grow)
{
	static char big[1 << 20];

	io_close(io);
	io_init_memory(io, l, 65536, 64, event);
	act = take_all;
	memset(big, 'a', sizeof(big));
	io_memory_feed(io, (struct str){ big, sizeof(big) });
	for (int i = 0; i < 50; i++)
		turn();
	ck_assert_uint_eq(io->bytes_in, sizeof(big));
	ck_assert_uint_le(strlen(trace), sizeof(big) / 65536 + 3);
	ck_assert_ptr_null(io->in.mem);
}
END_TEST

/* --- output over memory --- */

START_TEST(putting)
{
	ck_assert_int_eq(io_put(io, STR("220 hello\r\n")), 0);
	ck_assert_int_eq(io_putf(io, "%d %s", 250, "ok"), 0);
	ck_assert_int_eq(io_putf(io, "%s", ""), 0);
	ck_assert(written_is("")); /* once, at the end of the turn */
	ck_assert_uint_eq(io_pending(io), 17);
	turn();
	ck_assert(written_is("220 hello\r\n250 ok"));
	ck_assert_uint_eq(io_pending(io), 0);
	ck_assert_ptr_null(io->out.mem);
	ck_assert_str_eq(trace, ""); /* nothing had to wait */
	ck_assert_uint_eq(io->bytes_out, 17);
	ck_assert_int_eq(io_put(io, STR("now")), 0);
	ck_assert_int_eq(io_flush(io), 0);
	io_memory_clear(io);
	ck_assert(written_is(""));
	turn();
	ck_assert(written_is(""));
}
END_TEST

START_TEST(out_limit)
{
	io_memory_window(io, 0);
	ck_assert_int_eq(io_putf(io, "%060d", 1), 0);
	ck_assert_int_eq(io_put(io, STR("12345")), -1);
	ck_assert_int_eq(io_putf(io, "%d", 12345), -1);
	ck_assert_int_eq(io_put(io, STR("1234")), 0);
	turn();
	ck_assert_uint_eq(io_pending(io), 64);
	ck_assert_int_eq(io_put(io, STR("x")), -1);
	io_memory_window(io, 64);
	turn();
	ck_assert_uint_eq(io_pending(io), 0);
	ck_assert_str_eq(trace, "R");
	io_close(io);
	io_init_memory(io, l, 64, 100000, event);
	ck_assert_int_eq(io_putf(io, "%050000d", 1), 0);
	turn();
	ck_assert_uint_eq(io_memory_written(io).n, 50000);
}
END_TEST

START_TEST(partial_writes)
{
	io_memory_window(io, 4);
	ck_assert_int_eq(io_put(io, STR("0123456789")), 0);
	turn();
	turn();
	ck_assert(written_is("0123"));
	ck_assert_uint_eq(io_pending(io), 6);
	ck_assert_int_eq(io_put(io, STR("ab")), 0); /* joins the queue */
	ck_assert_int_eq(io_flush(io), 0); /* waits as well */
	io_memory_window(io, 1);
	turn();
	ck_assert(written_is("01234"));
	ck_assert_str_eq(trace, "");
	io_memory_window(io, 100);
	turn();
	turn();
	ck_assert(written_is("0123456789ab"));
	ck_assert_str_eq(trace, "R"); /* once */
	ck_assert_ptr_null(io->out.mem);
}
END_TEST

static const struct {
	const char *queued, *sent;
	size_t window;
	int want;	      /* of io_send */
	const char *written; /* at once */
} sends[] = {
	{ "", "abcdef", 100, 6, "abcdef" },
	{ "", "abcdef", 6, 6, "abcdef" },
	{ "", "abcdef", 2, 2, "ab" },
	{ "", "abcdef", 0, 0, "" },
	{ "123", "abcdef", 100, 6, "123abcdef" },
	{ "123", "abcdef", 9, 6, "123abcdef" },
	{ "123", "abcdef", 5, 2, "123ab" },
	{ "123", "abcdef", 3, 0, "123" },
	{ "123", "abcdef", 2, 0, "12" },
	{ "123", "abcdef", 0, 0, "" },
	{ "123", "", 100, 0, "123" },
	{ "", "", 0, 0, "" },
};

START_TEST(sending)
{
	size_t all = strlen(sends[_i].queued) + strlen(sends[_i].sent);
	bool waits = sends[_i].window < all;
	ptrdiff_t n;

	io_memory_window(io, sends[_i].window);
	ck_assert_int_eq(io_put(io, str_z(sends[_i].queued)), 0);
	n = io_send(io, str_z(sends[_i].sent));
	ck_assert_int_eq((int)n, sends[_i].want);
	ck_assert(written_is(sends[_i].written));
	ck_assert_str_eq(trace, "");
	if (waits) {
		ck_assert_int_eq((int)io_send(io, STR("more")), 0);
		turn();
		ck_assert_str_eq(trace, "");
		ck_assert(written_is(sends[_i].written));
	}
	io_memory_window(io, 1000);
	turn();
	ck_assert_str_eq(trace, waits ? "R" : "");
	ck_assert_int_eq((int)io_send(io, str_skip(str_z(sends[_i].sent), (size_t)n)),
			 (int)strlen(sends[_i].sent) - (int)n);
	ck_assert_uint_eq(io_memory_written(io).n, all);
	turn();
	ck_assert_str_eq(trace, waits ? "R" : "");
}
END_TEST

START_TEST(send_fails)
{
	io_read(io, false);
	io_memory_fail(io, EPIPE);
	ck_assert_int_eq((int)io_send(io, STR("x")), -1);
	ck_assert_str_eq(trace, ""); /* told from the loop, never from inside the call */
	ck_assert_int_eq((int)io_send(io, STR("x")), -1);
	ck_assert_int_eq(io_put(io, STR("x")), 0); /* its failure is on the way */
	turn();
	turn();
	ck_assert_str_eq(trace, "F");
	ck_assert_int_eq(io->error, EPIPE);
}
END_TEST

START_TEST(flush_fails)
{
	io_read(io, false);
	ck_assert_int_eq(io_put(io, STR("x")), 0);
	io_memory_fail(io, EPIPE);
	if (_i)
		ck_assert_int_eq(io_flush(io), -1);
	ck_assert_str_eq(trace, "");
	turn();
	turn();
	ck_assert_str_eq(trace, "F");
}
END_TEST

/* It fails while it waits for room. */
START_TEST(waiting_fails)
{
	io_read(io, _i);
	io_memory_window(io, 1);
	ck_assert_int_eq(io_put(io, STR("xyz")), 0);
	turn();
	io_memory_fail(io, ECONNRESET);
	turn();
	turn();
	ck_assert_str_eq(trace, "F");
}
END_TEST

/* --- the end --- */

START_TEST(closing)
{
	ck_assert_int_eq(io_put(io, STR("bye")), 0);
	io_memory_feed(io, STR("never read"));
	io_close(io);
	ck_assert(!io_is_open(io));
	io_close(io);
	io_abort(io);
	ck_assert_int_eq(io_put(io, STR("x")), 0);
	ck_assert_int_eq(io_putf(io, "%d", 1), 0);
	ck_assert_int_eq((int)io_send(io, STR("x")), -1);
	ck_assert_int_eq(io_flush(io), -1);
	io_read(io, false);
	io_read(io, true);
	io_take(io, 0);
	io_shutdown(io);
	ck_assert_uint_eq(io_data(io).n + io_pending(io), 0);
	turn();
	ck_assert_str_eq(trace, "");
}
END_TEST

static enum io_event last;

static void close_and_free(enum io_event what)
{
	if (what != last)
		return;
	ck_assert_int_eq(io_put(io, STR("last words")), 0);
	io_close(io);
	memset(io, 0xff, sizeof(*io));
	free(io);
	io = NULL;
}

/* The owner ends it, and itself, in its own event of each kind. */
START_TEST(closed_in_its_event)
{
	last = (enum io_event)_i;
	act = close_and_free;
	io_memory_window(io, 0);
	ck_assert_int_eq(io_put(io, STR("x")), 0);
	turn();
	io_memory_window(io, 100);
	turn();
	if (io)
		io_memory_feed(io, STR("abc"));
	turn();
	if (io && last == IO_EOF)
		io_memory_feed_eof(io);
	else if (io)
		io_memory_fail(io, ECONNRESET);
	for (int i = 0; i < 3; i++)
		turn();
	ck_assert_ptr_null(io);
}
END_TEST

/* --- sockets --- */

static int fd[2]; /* fd[0] is the io's, fd[1] the peer's */

static void socket_up(void)
{
	set_up();
	tcp_pair(fd, 0);
	io_init_socket(io, l, fd[0], 65536, 65536, event);
}

static void socket_down(void)
{
	down();
	if (fd[1] >= 0)
		close(fd[1]);
}

/* What the peer has: waits for n bytes. */
static struct str peer_reads(size_t n)
{
	static char mem[1 << 16];
	size_t got = 0;

	ck_assert_uint_le(n, sizeof(mem));
	for (int i = 0; got < n; i++) {
		ssize_t part = read(fd[1], mem + got, n - got);

		ck_assert_msg(i < 200000, "the peer gets nothing");
		if (part > 0)
			got += (size_t)part;
		turn();
	}
	return (struct str){ mem, got };
}

static bool peer_sees_end(void)
{
	char c;

	return read(fd[1], &c, 1) == 0;
}

START_TEST(socket_talk)
{
	ck_assert_int_eq(write(fd[1], "hello", 5), 5);
	until(io_data(io).n == 5);
	ck_assert(data_is("hello"));
	io_take(io, 5);
	turn();
	ck_assert_ptr_null(io->in.mem);
	ck_assert_int_eq(io_put(io, STR("good ")), 0);
	ck_assert_int_eq((int)io_send(io, STR("day")), 3);
	ck_assert(str_eq(peer_reads(8), STR("good day")));
	ck_assert_str_eq(trace, "D");
}
END_TEST

START_TEST(socket_half_close)
{
	ck_assert_int_eq(write(fd[1], "last", 4), 4);
	ck_assert_int_eq(shutdown(fd[1], SHUT_WR), 0);
	until(io->eof);
	ck_assert(data_is("last"));
	ck_assert_int_eq(io_put(io, STR("reply")), 0);
	ck_assert(str_eq(peer_reads(5), STR("reply")));
	ck_assert(!peer_sees_end());
	io_shutdown(io);
	io_shutdown(io);
	until(peer_sees_end());
	ck_assert_str_eq(trace, "DE");
}
END_TEST

START_TEST(socket_we_end_first)
{
	ck_assert_int_eq(io_put(io, STR("QUIT")), 0);
	ck_assert_int_eq(io_flush(io), 0);
	io_shutdown(io);
	ck_assert(str_eq(peer_reads(4), STR("QUIT")));
	until(peer_sees_end());
	ck_assert_int_eq(write(fd[1], "bye", 3), 3);
	until(io_data(io).n == 3);
	close(fd[1]);
	fd[1] = -1;
	until(io->eof);
	ck_assert_str_eq(trace, "DE");
}
END_TEST

START_TEST(socket_reset)
{
	reset(fd[1]);
	fd[1] = -1;
	until(io->failed);
	turn();
	ck_assert_str_eq(trace, "F");
	ck_assert_int_eq(io->error, ECONNRESET);
}
END_TEST

/* Writing to who has gone: an event, not a signal. */
START_TEST(socket_broken_pipe)
{
	io_read(io, false);
	close(fd[1]);
	fd[1] = -1;
	for (int i = 0; i < 1000 && !io->failed; i++) {
		ck_assert_int_eq(io_put(io, STR("x")), 0);
		turn();
	}
	ck_assert_str_eq(trace, "F");
	ck_assert(io->error == EPIPE || io->error == ECONNRESET);
}
END_TEST

START_TEST(socket_close_and_abort)
{
	char c;

	ck_assert_int_eq(io_put(io, STR("bye")), 0);
	if (_i)
		io_abort(io);
	else
		io_close(io);
	ck_assert_int_eq(fcntl(fd[0], F_GETFD), -1);
	if (_i) {
		until(read(fd[1], &c, 1) == -1 && errno == ECONNRESET);
		return;
	}
	ck_assert(str_eq(peer_reads(3), STR("bye")));
	until(peer_sees_end());
}
END_TEST

static void fill_it(enum io_event what)
{
	(void)what;
	io->in.max = buf_len(&io->in); /* as one who makes text longer in place */
}

/* An owner that fills the buffer by itself is not called on and on for bytes that wait. */
START_TEST(socket_filled_by_the_owner)
{
	act = fill_it;
	ck_assert_int_eq(write(fd[1], "ab", 2), 2);
	until(io_data(io).n == 2);
	ck_assert_int_eq(write(fd[1], "cd", 2), 2);
	until(io->watch.want == 0);
	act = NULL;
	io_take(io, 2);
	io->in.max = 64;
	until(io_data(io).n == 2);
	ck_assert_str_eq(trace, "DD");
}
END_TEST

/* A peer that does not read: what io_send takes stops at the kernel's buffers, the rest after
 * IO_DRAINED; every byte arrives once. */
START_TEST(socket_backpressure)
{
	enum { ALL = 2 << 20 };
	static char big[ALL], back[ALL];
	size_t sent = 0, got = 0, waits;

	down();
	close(fd[1]);
	set_up();
	tcp_pair(fd, 8192);
	io_init_socket(io, l, fd[0], 65536, 65536, event);
	for (size_t i = 0; i < ALL; i++)
		big[i] = (char)(i ^ i >> 8 ^ i >> 16);
	for (int i = 0; got < ALL; i++) {
		ssize_t n = sent < ALL ? io_send(io, (struct str){ big + sent, ALL - sent }) : 0;

		ck_assert_int_ge((int)n, 0);
		must(i < 2000000, "moves on");
		must(sent == ALL || (n == 0) == (i > 0 && !strchr(trace, 'R')), "waits for IO_DRAINED");
		trace[0] = '\0';
		sent += (size_t)n;
		n = read(fd[1], back + got, rnd(3) ? rnd(20000) + 1 : ALL - got);
		got += n > 0 ? (size_t)n : 0;
		waits = sent < ALL;
		turn();
		must(!io->out.mem, "io_send keeps nothing");
	}
	ck_assert_uint_eq(waits, 0);
	ck_assert(memcmp(big, back, ALL) == 0);
	ck_assert_uint_eq(io->bytes_out, ALL);
}
END_TEST

START_TEST(socket_closed_in_its_event)
{
	static const enum io_event kinds[] = { IO_DATA, IO_EOF, IO_FAILED };

	last = kinds[_i];
	act = close_and_free;
	ck_assert_int_eq(write(fd[1], "abc", 3), 3);
	if (last == IO_EOF)
		ck_assert_int_eq(shutdown(fd[1], SHUT_WR), 0);
	if (last == IO_FAILED) {
		until(io->bytes_in == 3);
		reset(fd[1]);
		fd[1] = -1;
	}
	until(!io);
	turn();
	ck_assert_int_eq(fcntl(fd[0], F_GETFD), -1);
}
END_TEST

/* --- both directions at random against the streams they are --- */

struct end {
	struct io io;
	uint64_t put, taken; /* bytes of the streams */
	uint64_t of, from;   /* their seeds */
	bool may_send;
};

static char stream(uint64_t seed, uint64_t at)
{
	return (char)((at * 31 + at / 251 + seed) & 255);
}

static void end_event(struct io *x, enum io_event what)
{
	struct end *e = container_of(x, struct end, io);

	must(what == IO_DATA || what == IO_DRAINED, "no end, no failure");
	if (what == IO_DRAINED)
		e->may_send = true;
}

static void end_sends(struct end *e)
{
	char piece[5000];
	size_t n = rnd(rnd(2) ? 10 : sizeof(piece));
	struct str s = { piece, n };

	for (size_t i = 0; i < n; i++)
		piece[i] = stream(e->of, e->put + i);
	if (rnd(2)) {
		if (io_put(&e->io, s) == 0)
			e->put += n;
		else
			must(n > e->io.out.max - io_pending(&e->io), "room");
	} else if (e->may_send && n > 0) {
		ptrdiff_t went = io_send(&e->io, s);

		must(went >= 0, "io_send");
		e->put += (uint64_t)went;
		e->may_send = (size_t)went == n;
	}
}

static void end_reads(struct end *e)
{
	struct str s = io_data(&e->io);
	size_t n = rnd((unsigned)s.n + 1);

	if (rnd(4) == 0)
		n = s.n;
	for (size_t i = 0; i < n; i++)
		must(s.p[i] == stream(e->from, e->taken + i), "the stream");
	io_take(&e->io, n);
	e->taken += n;
	io_read(&e->io, rnd(3) > 0);
}

static void streams(int pair[2])
{
	struct end e[2] = { { .of = 1, .from = 2, .may_send = true },
			    { .of = 2, .from = 1, .may_send = true } };

	for (int i = 0; i < 2; i++)
		io_init_socket(&e[i].io, l, pair[i], 3000 + 30000 * (size_t)i, 4000, end_event);
	for (int i = 0; i < 20000; i++) {
		end_sends(&e[rnd(2)]);
		end_reads(&e[rnd(2)]);
		if (rnd(3) == 0)
			loop_turn(l);
	}
	for (int i = 0; i < 2; i++)
		until((io_read(&e[i].io, true), end_reads(&e[i]), io_read(&e[i].io, true),
		       end_reads(&e[!i]), e[i].taken == e[!i].put));
	loop_turn(l);
	for (int i = 0; i < 2; i++) {
		must(e[i].put > 1000000 && !e[i].io.in.mem && !e[i].io.out.mem, "nothing is held");
		io_close(&e[i].io);
	}
}

START_TEST(random_streams)
{
	int pair[2];

	if (_i)
		tcp_pair(pair, 4096);
	else
		unix_pair(pair);
	streams(pair);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("io");
	TCase *t = tcase_create("memory");
	SRunner *r = srunner_create(s);
	int failed;

	printf("seed %llu\n", (unsigned long long)property_seed);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, memory_up, down);
	tcase_add_test(t, reading);
	tcase_add_test(t, slices_outlive_taking);
	tcase_add_test(t, full_buffer_pauses);
	tcase_add_test(t, paused_by_the_owner);
	tcase_add_test(t, ends);
	tcase_add_test(t, fails_while_reading);
	tcase_add_test(t, reads_grow);
	tcase_add_test(t, putting);
	tcase_add_test(t, out_limit);
	tcase_add_test(t, partial_writes);
	tcase_add_loop_test(t, sending, 0, (int)ARRAY_LEN(sends));
	tcase_add_test(t, send_fails);
	tcase_add_loop_test(t, flush_fails, 0, 2);
	tcase_add_loop_test(t, waiting_fails, 0, 2);
	tcase_add_test(t, closing);
	tcase_add_loop_test(t, closed_in_its_event, IO_DATA, IO_FAILED + 1);
	t = tcase_create("socket");
	suite_add_tcase(s, t);
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, socket_up, socket_down);
	tcase_add_test(t, socket_talk);
	tcase_add_test(t, socket_half_close);
	tcase_add_test(t, socket_we_end_first);
	tcase_add_test(t, socket_reset);
	tcase_add_test(t, socket_broken_pipe);
	tcase_add_loop_test(t, socket_close_and_abort, 0, 2);
	tcase_add_test(t, socket_filled_by_the_owner);
	tcase_add_test(t, socket_backpressure);
	tcase_add_loop_test(t, socket_closed_in_its_event, 0, 3);
	tcase_add_loop_test(t, random_streams, 0, 2);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
