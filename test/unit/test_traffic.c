/* The traffic log: file names and their turn, lines that nobody can forge or mix, files that are
 * moved away, directories that are not there. */
#include "lib/session/traffic.c"

#include <sys/stat.h>

#include "unit/child.h"
#include "unit/virtual_time.h"

#define NOV_23 INT64_C(1795435200000) /* 2026-11-23 12:00:00 GMT, a Monday */
#define DAY INT64_C(86400000)

static char dir[64], month_dir[80], day_dir[80];
static struct traffic *t;
static struct err e;
static struct ipaddr client;

static void setup(void)
{
	strcpy(dir, "/tmp/pb_traffic_XXXXXX");
	must(mkdtemp(dir) != NULL, "mkdtemp");
	snprintf(month_dir, sizeof(month_dir), "%s/m", dir);
	snprintf(day_dir, sizeof(day_dir), "%s/d", dir);
	must(mkdir(month_dir, 0700) == 0 && mkdir(day_dir, 0700) == 0, "mkdir");
	ck_assert_int_eq(ip_parse(STR("10.11.12.13"), &client, &e), 0);
	ck_assert_int_eq(traffic_open(&t, month_dir, day_dir, &e), 0);
}

static void teardown(void)
{
	char command[100];

	traffic_close(&t);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	must(system(command) == 0, "rm");
}

/* What a file holds; "-" when it is not there. */
static const char *held(const char *in, const char *name)
{
	static char text[20000];
	char path[200];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", in, name);
	f = fopen(path, "r");
	if (!f)
		return "-";
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

START_TEST(a_line)
{
	static const char *const want = "2026-11-23 Mon 12:00:00.123: 10.11.12.13: 1-4f2a connected cluster=MX\n";

	traffic_line(t, NOV_23 + 123, &client, "%s connected cluster=%s", "1-4f2a", "MX");
	ck_assert_str_eq(held(month_dir, "2026-11"), want);
	ck_assert_str_eq(held(day_dir, "2026-11-23"), want);
}
END_TEST

START_TEST(ipv6)
{
	ck_assert_int_eq(ip_parse(STR("2001:db8::1"), &client, &e), 0);
	traffic_line(t, NOV_23, &client, "x");
	ck_assert_str_eq(held(day_dir, "2026-11-23"), "2026-11-23 Mon 12:00:00.000: 2001:db8::1: x\n");
}
END_TEST

/* Days and months are those of GMT, wherever the machine stands. */
START_TEST(turns)
{
	int64_t midnight = NOV_23 + DAY / 2, december = NOV_23 + 7 * DAY + DAY / 2;

	setenv("TZ", _i ? "Pacific/Auckland" : "America/Los_Angeles", 1);
	tzset();
	traffic_line(t, midnight - 1, &client, "last");
	traffic_line(t, midnight, &client, "first");
	traffic_line(t, december - 1, &client, "end");
	traffic_line(t, december, &client, "begin");
	ck_assert_str_eq(held(day_dir, "2026-11-23"), "2026-11-23 Mon 23:59:59.999: 10.11.12.13: last\n");
	ck_assert_str_eq(held(day_dir, "2026-11-24"), "2026-11-24 Tue 00:00:00.000: 10.11.12.13: first\n");
	ck_assert_str_eq(held(day_dir, "2026-11-30"), "2026-11-30 Mon 23:59:59.999: 10.11.12.13: end\n");
	ck_assert_str_eq(held(day_dir, "2026-12-01"), "2026-12-01 Tue 00:00:00.000: 10.11.12.13: begin\n");
	ck_assert_str_eq(held(month_dir, "2026-12"), "2026-12-01 Tue 00:00:00.000: 10.11.12.13: begin\n");
	ck_assert_uint_eq(strlen(held(month_dir, "2026-11")), 47 + 48 + 46);
}
END_TEST

/* A clock that is set back writes on where those lines belong. */
START_TEST(clock_set_back)
{
	traffic_line(t, NOV_23, &client, "a");
	traffic_line(t, NOV_23 + DAY, &client, "b");
	traffic_line(t, NOV_23, &client, "c");
	ck_assert_str_eq(held(day_dir, "2026-11-23"),
			 "2026-11-23 Mon 12:00:00.000: 10.11.12.13: a\n"
			 "2026-11-23 Mon 12:00:00.000: 10.11.12.13: c\n");
}
END_TEST

/* The year alone may change: the day is the same. */
START_TEST(next_year)
{
	traffic_line(t, NOV_23, &client, "a");
	traffic_line(t, NOV_23 + 365 * DAY, &client, "b");
	ck_assert_str_ne(held(day_dir, "2027-11-23"), "-");
	ck_assert_str_ne(held(month_dir, "2027-11"), "-");
}
END_TEST

START_TEST(one_of_both)
{
	traffic_close(&t);
	ck_assert_ptr_null(t);
	ck_assert_int_eq(traffic_open(&t, _i ? month_dir : NULL, _i ? NULL : day_dir, &e), 0);
	traffic_line(t, NOV_23, &client, "x");
	ck_assert_int_eq(strcmp(held(month_dir, "2026-11"), "-") != 0, _i);
	ck_assert_int_eq(strcmp(held(day_dir, "2026-11-23"), "-") == 0, _i);
}
END_TEST

START_TEST(none)
{
	struct traffic *no = NULL;

	traffic_line(NULL, NOV_23, &client, "x");
	traffic_reopen(NULL);
	traffic_close(&no);
}
END_TEST

/* Whatever clients send, a line stays a line. */
START_TEST(escapes)
{
	traffic_line(t, NOV_23, &client, "a\r\nb\x1b[31m\t\\\x7f \xc3\xbc");
	ck_assert_str_eq(held(day_dir, "2026-11-23"),
			 "2026-11-23 Mon 12:00:00.000: 10.11.12.13: "
			 "a\\x0d\\x0ab\\x1b[31m\\x09\\x5c\\x7f \xc3\xbc\n");
}
END_TEST

/* Cut at 4 KiB, also where escapes make it longer; the line's end stays. */
START_TEST(long_lines)
{
	char big[10000];
	const char *got;

	memset(big, _i ? '\n' : 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	traffic_line(t, NOV_23, &client, "%s", big);
	got = held(day_dir, "2026-11-23");
	ck_assert_uint_le(strlen(got), 4096);
	ck_assert_uint_gt(strlen(got), 4000);
	ck_assert_ptr_eq(strchr(got, '\n'), got + strlen(got) - 1);
	traffic_line(t, NOV_23, &client, "next");
	ck_assert_ptr_nonnull(strstr(held(day_dir, "2026-11-23"), "\n2026-11-23 Mon 12:00:00.000: "
								  "10.11.12.13: next\n"));
}
END_TEST

/* --- several processes --- */

#define LINES 300

static bool writes_lines(void *arg)
{
	char text[3000], letter = *(char *)arg;

	memset(text, letter, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < LINES; i++)
		traffic_line(t, NOV_23, &client, "%.*s", i * 9 + 1, text);
	return true;
}

/* Line after line of one letter alone, none missing. */
START_TEST(never_mixed)
{
	char letters[] = "abc", path[200], line[5000];
	pid_t pids[3];
	int n = 0, counts[3] = { 0 };
	FILE *f;

	for (int i = 0; i < 3; i++)
		pids[i] = child_start(writes_lines, &letters[i]);
	for (int i = 0; i < 3; i++)
		must(child_ended_well(pids[i]), "child");
	snprintf(path, sizeof(path), "%s/2026-11-23", day_dir);
	f = fopen(path, "r");
	for (; fgets(line, sizeof(line), f); n++) {
		char *text = line + strlen("2026-11-23 Mon 12:00:00.000: 10.11.12.13: "),
		     *end = line + strlen(line) - 1;
		int letter = text[0] - 'a';

		must(letter >= 0 && letter < 3 && *end == '\n', "a whole line");
		must(strspn(text, (char[]){ text[0], '\0' }) == (size_t)(end - text), "one letter");
		must((int)(end - text) == counts[letter]++ * 9 + 1, "in its order");
	}
	fclose(f);
	ck_assert_int_eq(n, 3 * LINES);
}
END_TEST

/* --- files that go --- */

/* logrotate moves the file and sends HUP; until then lines follow the moved file. */
START_TEST(reopened)
{
	char from[200], to[200];

	snprintf(from, sizeof(from), "%s/2026-11-23", day_dir);
	snprintf(to, sizeof(to), "%s/old", day_dir);
	traffic_line(t, NOV_23, &client, "1");
	must(rename(from, to) == 0, "rename");
	traffic_line(t, NOV_23, &client, "2");
	ck_assert_str_eq(held(day_dir, "2026-11-23"), "-");
	traffic_reopen(t);
	traffic_line(t, NOV_23, &client, "3");
	ck_assert_str_eq(held(day_dir, "2026-11-23"), "2026-11-23 Mon 12:00:00.000: 10.11.12.13: 3\n");
	ck_assert_ptr_nonnull(strstr(held(day_dir, "old"), ": 2\n"));
}
END_TEST

/* Others may not read who writes to whom; children do not inherit it. */
START_TEST(private)
{
	char path[200];
	struct stat st;

	umask(0);
	traffic_line(t, NOV_23, &client, "x");
	snprintf(path, sizeof(path), "%s/2026-11-23", day_dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0640);
	ck_assert(fcntl(t->channels[0].fd, F_GETFD) & FD_CLOEXEC);
	ck_assert(fcntl(t->channels[1].fd, F_GETFD) & FD_CLOEXEC);
}
END_TEST

static int lines_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* A line that cannot be written is told once a minute; the other file goes on, and so does this
 * one when it can be written again. */
START_TEST(lost_directory)
{
	char log[200];

	snprintf(log, sizeof(log), "%s/log", dir);
	ck_assert_int_eq(log_open(log, &e), 0);
	must(rmdir(day_dir) == 0, "rmdir");
	for (int i = 0; i < 5; i++)
		traffic_line(t, NOV_23, &client, "x");
	ck_assert_int_eq(lines_of(held(dir, "log")), 1);
	ck_assert_ptr_nonnull(strstr(held(dir, "log"), "d/2026-11-23: No such file or directory\n"));
	pass(COMPLAIN_MS + AGE);
	traffic_line(t, NOV_23, &client, "x");
	traffic_line(t, NOV_23, &client, "x");
	ck_assert_int_eq(lines_of(held(dir, "log")), 2);
	ck_assert_int_eq(lines_of(held(month_dir, "2026-11")), 7);
	must(mkdir(day_dir, 0700) == 0, "mkdir");
	traffic_line(t, NOV_23, &client, "x");
	ck_assert_int_eq(lines_of(held(day_dir, "2026-11-23")), 1);
}
END_TEST

/* --- opening --- */

static bool is_refused(void *arg)
{
	struct traffic *no = NULL;

	if (geteuid() == 0 && setuid(65534) < 0)
		return false;
	return traffic_open(&no, NULL, arg, &e) < 0 && !no && strstr(e.text, arg) &&
	       strstr(e.text, "-user");
}

/* Missing, a file, or not to be written by the user that we run as. */
START_TEST(bad_directories)
{
	char missing[100], file[100], closed[100];

	snprintf(missing, sizeof(missing), "%s/missing", dir);
	snprintf(file, sizeof(file), "%s/file", dir);
	snprintf(closed, sizeof(closed), "%s/closed", dir);
	must(chmod(dir, 0755) == 0, "chmod");
	must(mkdir(closed, 0555) == 0 && close(open(file, O_WRONLY | O_CREAT, 0777)) == 0, "made");
	must(chmod(file, 0777) == 0, "chmod");
	ck_assert(child_ended_well(child_start(is_refused, missing)));
	ck_assert(child_ended_well(child_start(is_refused, closed)));
	ck_assert(child_ended_well(child_start(is_refused, file)));
	ck_assert_int_eq(traffic_open(&(struct traffic *){ NULL }, month_dir, missing, &e), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("traffic");
	TCase *tc = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_line);
	tcase_add_test(tc, ipv6);
	tcase_add_loop_test(tc, turns, 0, 2);
	tcase_add_test(tc, clock_set_back);
	tcase_add_test(tc, next_year);
	tcase_add_loop_test(tc, one_of_both, 0, 2);
	tcase_add_test(tc, none);
	tcase_add_test(tc, escapes);
	tcase_add_loop_test(tc, long_lines, 0, 2);
	tcase_add_test(tc, never_mixed);
	tcase_add_test(tc, reopened);
	tcase_add_test(tc, private);
	tcase_add_test(tc, lost_directory);
	tcase_add_test(tc, bad_directories);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
