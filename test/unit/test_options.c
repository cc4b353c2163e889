/* Command lines and DIR/CMDLINE: what they mean, who wins, what is wrong with them. */
#include "cmd/options.c"

#include <check.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[64];
static struct options o;
static struct err e;

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void forget(void)
{
	char **texts[] = { &o.directory, &o.http_text, &o.user,	     &o.logfile,  &o.monthly,
			   &o.daily,	 &o.pidfile,   &o.http_cert, &o.http_key, &o.metrics_text };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		free(*texts[i]);
		*texts[i] = NULL;
	}
	ranges_free(&o.metrics);
}

static void setup(void)
{
	strcpy(dir, "/tmp/pb_options_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_ptr_nonnull(getcwd(dir, sizeof(dir)));
}

static void teardown(void)
{
	forget();
	unlink(path_of("CMDLINE"));
	ck_assert_int_eq(rmdir(dir), 0);
}

static void file(const char *text)
{
	FILE *f = fopen(path_of("CMDLINE"), "w");

	fputs(text, f);
	fclose(f);
}

/* Where the console listens, as text. */
static const char *http(void)
{
	static char text[ADDR_TEXT + 16], ip[ADDR_TEXT];

	ip_text(&o.http.ip, ip);
	snprintf(text, sizeof(text), strchr(ip, ':') ? "[%s]:%u" : "%s:%u", ip, o.http.port);
	return text;
}

/* Reads words separated by blanks behind "-directory DIR"; NULL: none in front. */
static int read_line(const char *line, bool with_dir)
{
	static char copy[8192];
	char *argv[300] = { "protobalance", "-directory", dir }, *p = copy, *word;
	int argc = with_dir ? 3 : 1;

	forget();
	str_copy(copy, sizeof(copy), str_z(line));
	while ((word = strsep(&p, " ")))
		if (*word)
			argv[argc++] = word;
	argv[argc] = NULL;
	e.text[0] = '\0';
	return options_read(&o, argc, argv, &e);
}

static void good(const char *line)
{
	ck_assert_msg(read_line(line, true) == 0, "%s: %s", line, e.text);
}

START_TEST(defaults)
{
	good("");
	ck_assert_str_eq(o.directory, dir);
	ck_assert_str_eq(http(), "127.0.0.1:8080");
	ck_assert_uint_eq(o.workers, 1);
	ck_assert(!o.shared && !o.watchdog && !o.daemon && !o.version && !o.help);
	ck_assert(!o.user && !o.logfile && !o.monthly && !o.daily && !o.pidfile);
	ck_assert(!o.http_cert && !o.http_key);
}
END_TEST

/* command line, CMDLINE, what comes of it: workers (0: a core each), shared, watchdog, http */
static const struct {
	const char *line, *file;
	unsigned workers;
	bool shared, watchdog;
	const char *http;
} lines[] = {
	{ "-workers 3", "", 3, true, false, "127.0.0.1:8080" },
	{ "--workers=3", "", 3, true, false, "127.0.0.1:8080" },
	{ "-workers=64", "", 64, true, false, "127.0.0.1:8080" },
	{ "-shared", "", 0, true, false, "127.0.0.1:8080" },
	{ "-shared=1", "", 0, true, false, "127.0.0.1:8080" },
	{ "-shared -shared=0", "", 1, false, false, "127.0.0.1:8080" },
	{ "-shared=0 -shared", "", 0, true, false, "127.0.0.1:8080" },
	{ "-http 8081", "", 1, false, false, "127.0.0.1:8081" },
	{ "-http 0.0.0.0:99", "", 1, false, false, "0.0.0.0:99" },
	{ "-http [::1]:99", "", 1, false, false, "[::1]:99" },
	{ "-http 10.0.0.1", "", 1, false, false, "10.0.0.1:8080" },
	{ "-http 1 -http 2", "", 1, false, false, "127.0.0.1:2" },
	{ "-watch", "", 1, false, true, "127.0.0.1:8080" }, /* enough of a name */
	/* the file: any number of lines, comments */
	{ "", "-workers 2", 2, true, false, "127.0.0.1:8080" },
	{ "", "# all\n-workers\t2 # two\r\n\n  -watchdog\n", 2, true, true, "127.0.0.1:8080" },
	{ "", "#-watchdog", 1, false, false, "127.0.0.1:8080" },
	{ "", "-http=99#-watchdog", 1, false, false, "127.0.0.1:99" },
	{ "", "", 1, false, false, "127.0.0.1:8080" },
	/* the command line wins, the rest of the file stays */
	{ "-workers 5", "-workers 2 -watchdog", 5, true, true, "127.0.0.1:8080" },
	{ "-shared=0", "-shared -watchdog", 1, false, true, "127.0.0.1:8080" },
	{ "-watchdog=0 -http 7", "-http 8 -watchdog", 1, false, false, "127.0.0.1:7" },
	{ "-shared=0", "-workers 2", 1, false, false, "127.0.0.1:8080" },
	{ "-shared=0 -workers 3", "-workers 2", 3, true, false, "127.0.0.1:8080" },
};

START_TEST(meanings)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned all = cores < MAX_WORKERS ? (unsigned)cores : MAX_WORKERS;

	file(lines[_i].file);
	good(lines[_i].line);
	ck_assert_uint_eq(o.workers, lines[_i].workers ? lines[_i].workers : all);
	ck_assert_int_eq(o.shared, lines[_i].shared);
	ck_assert_int_eq(o.watchdog, lines[_i].watchdog);
	ck_assert_str_eq(http(), lines[_i].http);
}
END_TEST

/* option, who may read, who may not */
static const struct {
	const char *line, *in, *out;
} readers[] = {
	{ "", "127.0.0.1", "10.0.0.1" },
	{ "", "127.255.255.255", "128.0.0.1" },
	{ "", "::1", "::2" },
	{ "-metrics 10.0.0.0/8,192.0.2.1", "10.1.2.3", "127.0.0.1" },
	{ "-metrics 10.0.0.0/8,192.0.2.1", "192.0.2.1", "192.0.2.2" },
	{ "-metrics none", NULL, "127.0.0.1" },
	{ "-metrics none -metrics ::/0", "::1", NULL },
};

START_TEST(metrics)
{
	struct ipaddr ip;

	good(readers[_i].line);
	if (readers[_i].in) {
		ck_assert_int_eq(ip_parse(str_z(readers[_i].in), &ip, &e), 0);
		ck_assert(ranges_contain(&o.metrics, &ip));
	}
	if (readers[_i].out) {
		ck_assert_int_eq(ip_parse(str_z(readers[_i].out), &ip, &e), 0);
		ck_assert(!ranges_contain(&o.metrics, &ip));
	}
}
END_TEST

/* One may stand in the file, the other on the command line. */
START_TEST(certificate_and_key)
{
	file("-http-key k");
	good("-http-cert c");
	ck_assert(o.http_cert && o.http_key);
}
END_TEST

/* Daemons change their directory: names are whole from the start. */
START_TEST(paths)
{
	char want[128];

	good("-logfile log/x -monthly m -daily /d -pidfile ./pid -user nobody -http-cert c "
	     "-http-key k/k");
	snprintf(want, sizeof(want), "%s/c", dir);
	ck_assert_str_eq(o.http_cert, want);
	snprintf(want, sizeof(want), "%s/k/k", dir);
	ck_assert_str_eq(o.http_key, want);
	snprintf(want, sizeof(want), "%s/log/x", dir);
	ck_assert_str_eq(o.logfile, want);
	snprintf(want, sizeof(want), "%s/m", dir);
	ck_assert_str_eq(o.monthly, want);
	ck_assert_str_eq(o.daily, "/d");
	snprintf(want, sizeof(want), "%s/./pid", dir);
	ck_assert_str_eq(o.pidfile, want);
	ck_assert_str_eq(o.user, "nobody");
	file("-daily x");
	ck_assert_int_eq(read_line("-directory .", false), 0);
	snprintf(want, sizeof(want), "%s/.", dir);
	ck_assert_str_eq(o.directory, want);
	snprintf(want, sizeof(want), "%s/x", dir);
	ck_assert_str_eq(o.daily, want);
}
END_TEST

/* What is wrong, where: the error names it. */
static const struct {
	const char *line, *file, *error;
} faults[] = {
	{ "-workers 0", "", "-workers 0: a number from 1 to 64 is wanted" },
	{ "-workers 65", "", "-workers 65: a number" },
	{ "-workers x", "", "-workers x: a number" },
	{ "-workers -1", "", "-workers -1: a number" },
	{ "-workers", "", "-workers needs an argument; see -help" },
	{ "-http", "", "-http needs an argument" },
	{ "-http x", "", "-http x" },
	{ "-http 1.2.3.4:99999", "", "-http 1.2.3.4:99999" },
	{ "-http 0", "", "-http 0" },
	{ "-shared=yes", "", "-shared is a switch: -shared, -shared=1 or -shared=0" },
	{ "-shared=", "", "-shared is a switch" },
	{ "-logfile=", "", "path is empty or too long" },
	{ "-metrics x", "", "-metrics x: " },
	{ "-metrics", "", "-metrics needs an argument" },
	{ "-http-cert c", "", "-http-cert and -http-key belong together: -http-key is missing" },
	{ "-http-key k", "", "belong together: -http-cert is missing" },
	{ "-http-cert c", "-http-cert c", "-http-key is missing" },
	{ "-nonsense", "", "no such option: -nonsense; see -help" },
	{ "-da", "", "no such option: -da" }, /* daemon or daily? */
	{ "-x", "", "no such option: -x" },
	{ "word", "", "no such argument: word; see -help" },
	{ "-shared 0", "", "no such argument: 0" },
	{ "-- word", "", "no such argument: word" },
	{ "-", "", "no such argument: -" },
	{ "", "-nonsense", "CMDLINE: no such option: -nonsense" },
	{ "", "-shared\nword", "CMDLINE: no such argument: word" },
	{ "", "-workers", "CMDLINE: -workers needs an argument" },
	{ "", "-workers 0", "CMDLINE: : -workers 0: a number" },
	{ "-workers 3", "-workers 0", "a number" }, /* also where it would not count */
};

START_TEST(wrong)
{
	file(faults[_i].file);
	ck_assert_int_eq(read_line(faults[_i].line, true), -1);
	ck_assert_msg(strstr(e.text, faults[_i].error) != NULL, "\"%s\": %s", faults[_i].line, e.text);
}
END_TEST

START_TEST(long_paths)
{
	char line[PATH_MAX + 100] = "-logfile ";

	memset(line + 9, 'x', PATH_MAX);
	line[9 + PATH_MAX] = '\0';
	ck_assert_int_eq(read_line(line, true), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "too long"));
}
END_TEST

static void repeat(const char *word, int n)
{
	FILE *f = fopen(path_of("CMDLINE"), "w");

	while (n-- > 0)
		fputs(word, f);
	fclose(f);
}

/* As many words as there may be; more are refused, not dropped. */
START_TEST(long_files)
{
	repeat("-shared ", MOST_WORDS);
	good("");
	repeat("-shared ", MOST_WORDS + 1);
	ck_assert_int_eq(read_line("", true), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "CMDLINE: too long"));
	repeat("# comment\n", 10000);
	ck_assert_int_eq(read_line("", true), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "CMDLINE: too long"));
}
END_TEST

START_TEST(unreadable_file)
{
	ck_assert_int_eq(symlink("CMDLINE", path_of("CMDLINE")), 0);
	ck_assert_int_eq(read_line("", true), -1);
	ck_assert_ptr_nonnull(strstr(e.text, path_of("CMDLINE")));
}
END_TEST

/* Whoever may write it would tell root what to do. */
START_TEST(untrusted_file)
{
	bool root = geteuid() == 0;

	file("-watchdog");
	ck_assert_int_eq(chmod(path_of("CMDLINE"), _i ? 0664 : 0646), 0);
	ck_assert_int_eq(read_line("", true), root ? -1 : 0);
	ck_assert_int_eq(chmod(path_of("CMDLINE"), 0644), 0);
	good("");
	ck_assert_int_eq(chown(path_of("CMDLINE"), root ? 1 : geteuid(), getegid()), 0);
	ck_assert_int_eq(read_line("", true), root ? -1 : 0);
}
END_TEST

/* It cannot say where it is. */
START_TEST(directory_in_file)
{
	file(_i ? "-directory /tmp" : "-directory /var"); /* a parent is another, too */
	ck_assert_int_eq(read_line("", true), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "-directory cannot stand there"));
}
END_TEST

/* A directory of that name opens, but gives no words. */
START_TEST(file_is_no_file)
{
	ck_assert_int_eq(mkdir(path_of("CMDLINE"), 0700), 0);
	ck_assert_int_eq(read_line("", true), -1);
	ck_assert_int_eq(rmdir(path_of("CMDLINE")), 0);
}
END_TEST

/* Help needs no sound file. */
START_TEST(help_and_version)
{
	file("-nonsense");
	good("-help");
	ck_assert(o.help);
	good("-version");
	ck_assert(o.version && !o.help);
}
END_TEST

/* Every option stands in -help, with its argument. */
START_TEST(help_text)
{
	char text[8192];
	int fds[2];
	size_t n;
	FILE *in;

	ck_assert_int_eq(pipe(fds), 0);
	if (fork() == 0) {
		dup2(fds[1], STDOUT_FILENO);
		options_help();
		fflush(stdout);
		_exit(0);
	}
	close(fds[1]);
	in = fdopen(fds[0], "r");
	n = fread(text, 1, sizeof(text) - 1, in);
	text[n] = '\0';
	fclose(in);
	wait(NULL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char left[64];

		snprintf(left, sizeof(left), "\n  -%s%s%s ", rows[i].name,
			 rows[i].arg ? " " : "", rows[i].arg ? rows[i].arg : "");
		ck_assert_msg(strstr(text, left) != NULL, "%s", left);
		ck_assert_ptr_nonnull(strstr(text, rows[i].help));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("options");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, defaults);
	tcase_add_loop_test(t, meanings, 0, (int)ARRAY_LEN(lines));
	tcase_add_loop_test(t, metrics, 0, (int)ARRAY_LEN(readers));
	tcase_add_test(t, certificate_and_key);
	tcase_add_test(t, paths);
	tcase_add_loop_test(t, wrong, 0, (int)ARRAY_LEN(faults));
	tcase_add_test(t, long_paths);
	tcase_add_test(t, long_files);
	tcase_add_test(t, unreadable_file);
	tcase_add_loop_test(t, untrusted_file, 0, 2);
	tcase_add_loop_test(t, directory_in_file, 0, 2);
	tcase_add_test(t, file_is_no_file);
	tcase_add_test(t, help_and_version);
	tcase_add_test(t, help_text);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
