/* lib/base as a tool sees it: messages, random numbers, outputs, command lines, log, progress
 * and signals. What ends a process or writes to its standard files runs in a child. */
#include "lib/base/choice.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/out.h"
#include "lib/base/par.h"
#include "lib/base/progress.h"
#include "lib/base/rng.h"
#include "lib/base/start.h"
#include "lib/base/stop.h"
#include "test/c/check.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 16 << 10 };

static struct {
	int status, signal; /* exit status, or the signal that ended it */
	char out[TEXT], err[TEXT];
} child;

static void slurp(int fd, char *text)
{
	size_t n = 0;
	ssize_t got;

	while (n < TEXT - 1 && (got = read(fd, text + n, TEXT - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(fd);
}

static void slurp_file(const char *path, char *text)
{
	int fd = open(path, O_RDONLY);

	text[0] = '\0';
	if (fd >= 0)
		slurp(fd, text);
}

static void wait_for(pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	child.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	child.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static int redirect(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
}

/* Runs fn in a child whose standard output is the file `to`, or kept in child.out when that is
 * NULL. */
static void run_to(const char *to, int (*fn)(void *), void *arg)
{
	pid_t pid = fork();

	if (!pid) {
		/* a run under nohup, or in the background of a script, hands on ignored signals */
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		signal(SIGHUP, SIG_DFL);
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(redirect(to ? to : "stdout"), 1);
		dup2(redirect("stderr"), 2);
		exit(fn(arg));
	}
	wait_for(pid);
	slurp_file("stderr", child.err);
	if (!to)
		slurp_file("stdout", child.out);
	unlink("stdout");
	unlink("stderr");
}

static void run(int (*fn)(void *), void *arg)
{
	run_to(NULL, fn, arg);
}

/* In a child whose three standard files are a terminal; child.out is what that showed. */
static void run_on_terminal(int (*fn)(void *), void *arg)
{
	int master;
	pid_t pid = forkpty(&master, NULL, NULL, &(struct winsize){.ws_row = 24, .ws_col = 60});

	if (!pid) {
		setenv("TERM", "xterm", 1);
		exit(fn(arg));
	}
	slurp(master, child.out);
	wait_for(pid);
}

static bool has(const char *text, const char *part)
{
	bool found = strstr(text, part) != NULL;

	if (!found)
		printf("# '%s' is not in: %s\n", part, text);
	return found;
}

/* Entries of the working directory. */
static int files(void)
{
	DIR *d = opendir(".");
	int n = 0;

	for (struct dirent *e; (e = readdir(d));)
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return n;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

static void check_file(const char *path, const char *expected)
{
	static char text[TEXT];

	slurp_file(path, text);
	CHECK_STR(text, expected);
}

/* From kat_vectors of Random123. */
static void philox_gives_the_published_numbers(void)
{
	static const uint32_t v[3][10] = {
	    {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
	    {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
	    {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
	        0x94fdcceb, 0x5001e420, 0x24126ea1},
	};

	for (int i = 0; i < 3; i++) {
		uint32_t got[4];

		philox4x32(got, v[i], v[i] + 4);
		CHECK(memcmp(got, v[i] + 6, sizeof got) == 0);
	}
}

static uint64_t first64(uint64_t seed, enum rng_purpose purpose, uint64_t a, uint32_t b, uint32_t c)
{
	struct rng r = rng_at(seed, purpose, a, b, c);
	uint64_t hi = rng_u32(&r);

	return hi << 32 | rng_u32(&r);
}

/* Each argument matters, and its upper half too. */
static void streams_differ_in_every_argument(void)
{
	const uint64_t v[] = {first64(0, RNG_TEST, 0, 0, 0), first64(1, RNG_TEST, 0, 0, 0),
	    first64(1ull << 32, RNG_TEST, 0, 0, 0), first64(0, RNG_DRAW, 0, 0, 0),
	    first64(0, RNG_TEST, 1, 0, 0), first64(0, RNG_TEST, 1ull << 32, 0, 0),
	    first64(0, RNG_TEST, 0, 1, 0), first64(0, RNG_TEST, 0, 0, 1),
	    first64(0, RNG_TEST, 0, 0, 1u << 31)};
	int n = sizeof v / sizeof *v;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			CHECK(v[i] != v[j]);
	CHECK(first64(7, RNG_TEST, 1, 2, 3) == first64(7, RNG_TEST, 1, 2, 3));
}

/* Bounds are five standard errors of 1e5 draws. */
static void uniform_and_normal_have_their_moments(void)
{
	struct rng r = rng_at(3, RNG_TEST, 0, 0, 0);
	double u1 = 0, u2 = 0, n1 = 0, n2 = 0;
	int n = 100000, outside = 0;

	for (int i = 0; i < n; i++) {
		double u = rng_uniform(&r), x = rng_normal(&r), between = rng_between(&r, -2, 5);

		outside += u < 0 || u >= 1 || between < -2 || between >= 5;
		u1 += u / n;
		u2 += u * u / n;
		n1 += x / n;
		n2 += x * x / n;
	}
	CHECK(outside == 0);
	CHECK_NEAR(u1, 0.5, 0.0046);
	CHECK_NEAR(u2, 1.0 / 3, 0.0048);
	CHECK_NEAR(n1, 0, 0.016);
	CHECK_NEAR(n2, 1, 0.023);
}

/* Of 3 * 2^30 values a plain remainder would give half of the draws to the first third. */
static void below_is_unbiased(void)
{
	struct rng r = rng_at(4, RNG_TEST, 0, 0, 0);
	int n = 30000, thirds[3] = {0}, sides[6] = {0};

	for (int i = 0; i < n; i++) {
		thirds[rng_below(&r, 3u << 30) >> 30]++;
		sides[rng_below(&r, 6)]++;
		CHECK(rng_below(&r, 1) == 0);
	}
	for (int i = 0; i < 3; i++)
		CHECK_NEAR(thirds[i], 10000, 409);
	for (int i = 0; i < 6; i++)
		CHECK_NEAR(sides[i], 5000, 323);
}

static void order_is_a_fair_permutation(void)
{
	struct rng r = rng_at(5, RNG_TEST, 0, 0, 0);
	uint32_t v[1000] = {7}, seen[1000] = {0};
	int orders[3][3] = {{0}};

	rng_order(&r, v, 0);
	CHECK(v[0] == 7);
	rng_order(&r, v, 1);
	CHECK(v[0] == 0);
	rng_order(&r, v, 1000);
	for (int i = 0; i < 1000; i++)
		seen[v[i] % 1000]++;
	for (int i = 0; i < 1000; i++)
		CHECK(seen[i] == 1);
	for (int i = 0; i < 6000; i++) {
		uint32_t w[3];

		rng_order(&r, w, 3);
		orders[w[0]][w[1]]++;
	}
	for (int i = 0; i < 9; i++)
		CHECK_NEAR(orders[i / 3][i % 3], i / 3 == i % 3 ? 0 : 1000, 145);
}

static void hash_is_fnv_1a(void)
{
	CHECK(hash_bytes("", 0) == 0xcbf29ce484222325u);
	CHECK(hash_bytes("a", 1) == 0xaf63dc4c8601ec8cu);
	CHECK(hash_bytes("foobar", 6) == 0x85944171f73967e8u);
}

static void failures_nest(void)
{
	CHECK(fail("member '%s': not a JPEG", "x/1.jpg") == -1);
	CHECK(fail("cannot read '%s': %s", "a.tar", fail_message()) == -1);
	CHECK(fail_null("%s", fail_message()) == NULL);
	CHECK_STR(fail_message(), "cannot read 'a.tar': member 'x/1.jpg': not a JPEG");
	for (int i = 0; i < 200; i++)
		fail("a long way up, step %d: %s", i, fail_message());
	CHECK(has(fail_message(), "a long way up, step 199: a long way up, step 198: "));
}

static int talk(void *arg)
{
	prog_name = "fd2-x";
	verbosity = *(int *)arg;
	complain("complaint");
	warn("warning");
	say("saying");
	chat("chat");
	return 0;
}

static void verbosity_decides_what_is_said(void)
{
	const char *expected[] = {"fd2-x: complaint\n",
	    "fd2-x: complaint\nfd2-x: warning\nfd2-x: saying\n",
	    "fd2-x: complaint\nfd2-x: warning\nfd2-x: saying\nfd2-x: chat\n"};

	CHECK(!verbosity); /* so that the library is silent in other programs */
	for (int v = 0; v < 3; v++) {
		run(talk, &v);
		CHECK_STR(child.err, expected[v]);
		CHECK_STR(child.out, "");
	}
}

static int die_oddly(void *arg)
{
	prog_name = "fd2-x";
	die("cannot read '%s'", (const char *)arg);
}

static void a_message_is_one_clean_line(void)
{
	char *much = xmalloc(9000);

	run(die_oddly, "a\033[2J\r\n\x7f\t\xc3\xa9.tar");
	CHECK_STR(child.err, "fd2-x: cannot read 'a?[2J????\xc3\xa9.tar'\n");
	CHECK(child.status == EXIT_FAILED);
	memset(much, 'x', 8999);
	much[8999] = '\0';
	run(die_oddly, much);
	CHECK(strlen(child.err) > 1000 &&
	      strchr(child.err, '\n') == child.err + strlen(child.err) - 1);
	free(much);
}

/* Under the address sanitizer too, an allocation that cannot be is NULL and ends nothing by
 * itself. */
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void one_is_counted_in_the_singular(void)
{
	static const struct {
		long n;
		const char *plural, *text;
	} v[] = {{1, "images", "1 image"}, {0, "images", "0 images"}, {1, "classes", "1 class"},
	    {2, "classes", "2 classes"}, {1, "index batches", "1 index batch"},
	    {1, "phases", "1 phase"}};
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct counted c = counted(v[i].n, v[i].plural);
		CHECK_STR(c.text, v[i].text);
	}
}

static int multiply_too_far(void *arg)
{
	(void)arg;
	return xrealloc(NULL, SIZE_MAX / 2, 4) == NULL;
}

static void allocation_dies_rather_than_wraps(void)
{
	run(multiply_too_far, NULL);
	CHECK(child.status == EXIT_FAILED && has(child.err, "out of memory"));
}

static struct {
	const char *out, *view, *data;
	long ipc;
	double lambda, mean[3];
	bool plain, lf, parsed, instead;
	int preset;
	struct opt_list teachers;
	struct opt_range classes;
	long steps;
	double lr;
	struct opt_ints sizes;
	struct opt_numbers weights;
} job = {.ipc = 1,
    .lambda = 0.8,
    .mean = {0.5, 0.25, 1},
    .lf = true,
    .classes = {0, LONG_MAX},
    .steps = OPT_UNSET,
    .preset = -1,
    .lr = NAN};

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &job.out, "write to FILE", .unrecorded = true},
    {'n', "ipc", "N", OPT_INT, &job.ipc, "images per class", .min = 1, .max = 10000},
    {0, "lambda", "X", OPT_REAL, &job.lambda, "of Eq. 12", .min = 0, .max = 1},
    {0, "mean", "R,G,B", OPT_REALS, &job.mean, "a colour", .min = 0, .max = 1, .count = 3},
    {0, "weights", "W,W,...", OPT_NUMBERS, &job.weights, "weights", .min = 0, .max = 10},
    {0, "view", "VIEW", OPT_CHOICE, &job.view, "view", .choices = "plain|same|once"},
    {0, "plain", NULL, OPT_FLAG, &job.plain, "plain"},
    {0, "no-lf", NULL, OPT_FLAG, &job.lf, "no L_F", .off = true},
    {'t', "teacher", "FILE", OPT_LIST, &job.teachers, "the teacher"},
    {0, "classes", "A-B", OPT_RANGE, &job.classes, "only these"},
    {0, "data", "NAME", OPT_STRING, &job.data, "a name"},
    {0, "steps", "N", OPT_INT, &job.steps, "steps (default: as it fits)", .min = 0, .max = 100},
    {0, "rate", "X", OPT_REAL, &job.lr, "rate (default: as it fits)", .min = 0, .max = 1},
    {0, "sizes", "N,N,...", OPT_INTS, &job.sizes, "sizes (default: as it fits)", .min = 8,
        .max = 64},
    {0, "preset", "NAME", OPT_CHOICE, &job.preset, "a preset", .choices = "first|second",
        .unrecorded = true},
    {0, "instead", NULL, OPT_FLAG, &job.instead, "instead of the sizes", .unrecorded = true,
        .replaces = "sizes"},
    {0, "old-ipc", "N", OPT_INT, &job.ipc, "", .min = 1, .max = 10000, .hidden = true},
    {0},
};
static const struct preset presets[] = {
    {"first", "--plain --ipc 7"}, {"second", "--sizes 8,9 --lambda 0.5 --ipc 8 --view once"}};
static const struct tool tool = {
    "fd2-x", "[options] [SHARD...]", "Do a thing.", opts, true, .presets = presets, .n_presets = 2};

/* The words of a command line, the tool's name first, NULL last. */
static int start(void *words)
{
	char **argv = words;
	int argc = 0;

	while (argv[argc])
		argc++;
	int first = fd2_start(&tool, argc, argv);
	json_t *p = opts_provenance();

	printf("%d operands, out %s, device %d, %ld threads\n", argc - first,
	    job.out ? job.out : "-", common.device, common.threads);
	json_dumpf(json_object_get(p, "options"), stdout, JSON_COMPACT);
	json_decref(p);
	return fd2_finish(0);
}

#define START(...) run(start, ((char *[]){"fd2-x", __VA_ARGS__, NULL}))

static void options_are_read(void)
{
	START("a.tar", "-n3", "--lambda", "0.25", "--view=same", "b.tar", "--plain", "--no-lf",
	    "-t", "t1", "--teacher=t2", "-o", "-", "--classes", "3-5", "--seed", "9007199254740991",
	    "--threads", "2", "--", "-x");
	CHECK(child.status == 0);
	CHECK_STR(child.err, "");
	CHECK_STR(child.out, "3 operands, out -, device 0, 2 "
	                     "threads\n{\"ipc\":3,\"lambda\":0.25,\"mean\":[0.5,0.25,1.0],"
	                     "\"weights\":[],\"view\":\"same\",\"plain\":true,"
	                     "\"no-lf\":false,\"teacher\":[\"t1\",\"t2\"],\"classes\":[3,5],"
	                     "\"data\":null,\"steps\":null,"
	                     "\"rate\":null,\"sizes\":null,\"device\":\"cpu\",\"dtype\":\"auto\","
	                     "\"seed\":9007199254740991,\"threads\":2}");
	START("--lam", "1", "--classes", "4-");
	CHECK(child.status == 0 && has(child.out, "\"lambda\":1.0") &&
	      has(child.out, "\"classes\":[4,null]"));
	START("--weights", "9", "--weights", "1,0.5,2,0");
	CHECK(child.status == 0 && has(child.out, "\"weights\":[1.0,0.5,2.0,0.0]"));
	START("--mean", "0,0.125,5e-1");
	CHECK(child.status == 0 && has(child.out, "\"mean\":[0.0,0.125,0.5]"));
	START("--steps", "0", "--rate=0", "--sizes", "8");
	CHECK(child.status == 0 && has(child.out, "\"steps\":0,\"rate\":0.0,\"sizes\":[8]"));
	START("--sizes", "9,9", "--sizes", "64,8,63");
	CHECK(child.status == 0 && has(child.out, "\"sizes\":[64,8,63]"));
	START("--classes", "4", "--data", "caf\xe9");
	CHECK(child.status == 0 && has(child.out, "\"classes\":[4,4]") &&
	      has(child.out, "\"data\":\"caf%E9\""));
}

/* The preset that counts for a command line. */
static int name_preset(void *words)
{
	fd2_start(&tool, 5, words);
	char *text = opts_preset();
	printf("%s", text ? text : "none");
	free(text);
	return fd2_finish(0);
}

static void presets_give_way(void)
{
	char options[sizeof child.out];
	START("--preset", "second");
	CHECK(child.status == 0 && has(child.out, "\"ipc\":8,\"lambda\":0.5") &&
	      has(child.out, "\"view\":\"once\"") && has(child.out, "\"sizes\":[8,9]") &&
	      !strstr(child.out, "preset"));
	START("--preset", "second", "-n3", "--lambda=0.25");
	strcpy(options, child.out);
	CHECK(has(options, "\"ipc\":3,\"lambda\":0.25") && has(options, "\"sizes\":[8,9]"));
	START("--lambda=0.25", "-n", "3", "--preset=second");
	CHECK_STR(child.out, options);
	START("--instead", "--preset", "second");
	CHECK(has(child.out, "\"sizes\":null") && has(child.out, "\"lambda\":0.5"));
	START("--old-ipc", "2", "--preset", "first");
	CHECK(has(child.out, "\"ipc\":2") && has(child.out, "\"plain\":true"));
	START("--preset", "first", "--preset", "second");
	CHECK(has(child.out, "\"ipc\":8") && has(child.out, "\"plain\":false"));
	START("-n2");
	CHECK(has(child.out, "\"ipc\":2") && has(child.out, "\"sizes\":null"));
	run(name_preset, (char *[]){"fd2-x", "--preset", "second", "--view", "same", NULL});
	CHECK_STR(child.out, "second: --sizes 8,9 --lambda 0.5 --ipc 8");
	run(name_preset, (char *[]){"fd2-x", "-n", "2", "--view", "same", NULL});
	CHECK_STR(child.out, "none");
	START("--help");
	CHECK(has(child.out, "\npresets:\n  first      --plain --ipc 7\n"));
}

static void check_refused(char **words, const char *sentence)
{
	char *expected = xasprintf("fd2-x: %s\ntry 'fd2-x --help'\n", sentence);

	run(start, words);
	CHECK(child.status == EXIT_USAGE);
	CHECK_STR(child.err, expected);
	CHECK_STR(child.out, "");
	free(expected);
}

#define REFUSED(sentence, ...) check_refused((char *[]){"fd2-x", __VA_ARGS__, NULL}, sentence)

static void numbers_are_read_strictly(void)
{
	REFUSED("--ipc expects a whole number from 1 to 10000, not 'abc'", "--ipc", "abc");
	REFUSED("--ipc expects a whole number from 1 to 10000, not '0'", "--ipc=0");
	REFUSED("--ipc expects a whole number from 1 to 10000, not '10001'", "-n10001");
	REFUSED("--ipc expects a whole number from 1 to 10000, not ''", "--ipc", "");
	REFUSED("--ipc expects a whole number from 1 to 10000, not ' 1'", "--ipc", " 1");
	REFUSED("--ipc expects a whole number from 1 to 10000, not '1e2'", "--ipc", "1e2");
	REFUSED("--ipc expects a whole number from 1 to 10000, not '99999999999999999999'", "--ipc",
	    "99999999999999999999");
	REFUSED("--lambda expects a number from 0 to 1, not 'nan'", "--lambda", "nan");
	REFUSED("--lambda expects a number from 0 to 1, not 'inf'", "--lambda", "inf");
	REFUSED("--lambda expects a number from 0 to 1, not '-1'", "--lambda", "-1");
	REFUSED("--lambda expects a number from 0 to 1, not '0,5'", "--lambda", "0,5");
	REFUSED("--lambda expects a number from 0 to 1, not '0.5x'", "--lambda", "0.5x");
	REFUSED("--mean expects 3 numbers separated by commas, each from 0 to 1, not '0,1'",
	    "--mean", "0,1");
	REFUSED("--mean expects 3 numbers separated by commas, each from 0 to 1, not '0,1,0,1'",
	    "--mean", "0,1,0,1");
	REFUSED("--mean expects 3 numbers separated by commas, each from 0 to 1, not '0,2,1'",
	    "--mean", "0,2,1");
	REFUSED("--mean expects 3 numbers separated by commas, each from 0 to 1, not '0, 1,1'",
	    "--mean", "0, 1,1");
	REFUSED("--weights expects numbers separated by commas, each from 0 to 10, not '1,'",
	    "--weights", "1,");
	REFUSED("--weights expects numbers separated by commas, each from 0 to 10, not '1;2'",
	    "--weights", "1;2");
	REFUSED("--weights expects numbers separated by commas, each from 0 to 10, not '1,11'",
	    "--weights", "1,11");
	REFUSED("--weights expects numbers separated by commas, each from 0 to 10, not ''",
	    "--weights", "");
	REFUSED(
	    "--mean expects 3 numbers separated by commas, each from 0 to 1, not ''", "--mean", "");
	REFUSED("--sizes expects whole numbers separated by commas, each from 8 to 64, not '8,'",
	    "--sizes", "8,");
	REFUSED("--sizes expects whole numbers separated by commas, each from 8 to 64, not '8, 9'",
	    "--sizes", "8, 9");
	REFUSED("--sizes expects whole numbers separated by commas, each from 8 to 64, not ''",
	    "--sizes", "");
	REFUSED("--sizes expects whole numbers separated by commas, each from 8 to 64, not '9,7'",
	    "--sizes", "9,7");
	REFUSED("--sizes expects whole numbers separated by commas, each from 8 to 64, not "
	        "'8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8'",
	    "--sizes", "8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8");
	REFUSED(
	    "--seed expects a whole number from 0 to 9007199254740991, not '-1'", "--seed", "-1");
}

static void ranges_and_choices_are_read_strictly(void)
{
	REFUSED("--classes expects A-B, A- or A with A <= B, not '5-3'", "--classes", "5-3");
	REFUSED("--classes expects A-B, A- or A with A <= B, not '-3'", "--classes", "-3");
	REFUSED("--classes expects A-B, A- or A with A <= B, not '1-2-3'", "--classes", "1-2-3");
	REFUSED("--classes expects A-B, A- or A with A <= B, not '1- 2'", "--classes", "1- 2");
	REFUSED("--view expects one of plain|same|once, not 'plai'", "--view", "plai");
	REFUSED("--view expects one of plain|same|once, not 'plain|same'", "--view", "plain|same");
	REFUSED("--view expects one of plain|same|once, not 'same|once'", "--view", "same|once");
	REFUSED("--view expects one of plain|same|once, not ''", "--view", "");
	CHECK(choice_of("a|bc|d", "bc") == 1 && choice_of("a|bc|d", "b") == -1 &&
	      choice_of("a|bc|d", "d") == 2);
}

static void unknown_options_are_explained(void)
{
	REFUSED("unknown option '--lambad'; did you mean '--lambda'?", "--lambad=1");
	REFUSED("unknown option '--teachers'; did you mean '--teacher'?", "--teachers", "t");
	REFUSED("unknown option '--completely-else'", "--completely-else");
	REFUSED("unknown option '-Z'", "-qZ");
	REFUSED("option '--ipc' needs a value", "--ipc");
	REFUSED("option '-t' needs a value", "-qt");
	REFUSED("option '--plain' takes no value", "--plain=yes");
	REFUSED("option '--l' is short for '--lambda' and '--log'", "--l", "1");
}

static void help_fits_and_names_everything(void)
{
	START("--help");
	CHECK(child.status == 0);
	CHECK_STR(child.err, "");
	CHECK(strncmp(child.out, "usage: fd2-x [options] [SHARD...]\nDo a thing.\n", 46) == 0);
	CHECK(has(child.out, "  -n, --ipc N                 images per class (default 1)\n"));
	CHECK(has(child.out, "      --lambda X              of Eq. 12 (default 0.8)\n"));
	CHECK(has(child.out, "      --view plain|same|once  view (default plain)\n"));
	CHECK(has(child.out, "      --steps N               steps (default: as it fits)\n"));
	CHECK(has(child.out, "      --rate X                rate (default: as it fits)\n"));
	CHECK(has(child.out, "      --sizes N,N,...         sizes (default: as it fits)\n"));
	CHECK(has(child.out, "      --log FILE "));
	CHECK(has(child.out, "See fd2-x(1).\n"));
	for (char *line = strtok(child.out, "\n"); line; line = strtok(NULL, "\n"))
		CHECK_THAT(strlen(line) <= 80, "wider than 80: %s", line);
	START("--version");
	CHECK(child.status == 0 && strncmp(child.out, "fd2-x ", 6) == 0 &&
	      has(child.out, " (libtorch "));
	START("--list-options");
	CHECK(child.status == 0 && has(child.out, "--view\tplain|same|once\n") &&
	      has(child.out, "--ipc\n-n\n"));
	run_to("/dev/full", start, (char *[]){"fd2-x", "--help", NULL});
	CHECK(child.status == EXIT_FAILED);
	CHECK_STR(child.err, "fd2-x: cannot write standard output: No space left on device\n");
}

static void a_terminal_is_not_read(void)
{
	run_on_terminal(start, (char *[]){"fd2-x", NULL});
	CHECK(child.status == EXIT_USAGE && has(child.out, "try 'fd2-x --help'"));
	run_on_terminal(start, (char *[]){"fd2-x", "a.tar", NULL});
	CHECK(child.status == 0);
}

static void an_output_appears_whole(void)
{
	put("x", "old");
	struct out *o = out_open("x", 0);

	CHECK(o && out_write(o, "new", 3) == 0 && out_sync(o) == 0);
	CHECK(out_tell(o) == 3);
	CHECK_STR(out_name(o), "'x'");
	check_file("x", "old");
	CHECK(files() <= 2); /* 1 where files without a name can be had */
	CHECK(out_close(o) == 0);
	check_file("x", "new");
	o = out_open("x", 0);
	CHECK(o && out_write(o, "newer", 5) == 0);
	out_abandon(o);
	check_file("x", "new");
	CHECK(files() == 1);
	unlink("x");
}

static void large_outputs_are_whole(void)
{
	struct out *o = out_open("x", 0);
	uint32_t v[1000];
	struct rng r = rng_at(0, RNG_TEST, 0, 0, 0);
	uint64_t hash = 0;

	for (int i = 0; i < 300; i++) {
		for (int j = 0; j < 1000; j++)
			v[j] = rng_u32(&r);
		hash ^= hash_bytes(v, sizeof v) * (uint64_t)(2 * i + 1);
		CHECK(out_write(o, v, sizeof v) == 0);
	}
	CHECK(out_tell(o) == 300 * sizeof v && out_close(o) == 0);
	FILE *f = fopen("x", "rb");

	for (int i = 0; i < 300 && fread(v, sizeof v, 1, f) == 1; i++)
		hash ^= hash_bytes(v, sizeof v) * (uint64_t)(2 * i + 1);
	CHECK(hash == 0 && fgetc(f) == EOF);
	fclose(f);
	unlink("x");
}

static void places_that_cannot_be_written_are_named(void)
{
	mkdir("d", 0777);
	CHECK(!out_open("d", 0));
	CHECK_STR(fail_message(), "cannot write 'd': it is a directory");
	CHECK(!out_open("none/x", 0));
	CHECK_STR(fail_message(), "cannot write 'none/x': No such file or directory");
	CHECK(!out_resume("x", 0));
	CHECK_STR(fail_message(), "cannot continue 'x.part': No such file or directory");
	rmdir("d");
	CHECK(files() == 0);
}

static void devices_are_written_in_place(void)
{
	struct out *o = out_open("/dev/full", 0);
	struct stat st;

	CHECK(o && out_write(o, "x", 1) == 0 && out_close(o) < 0);
	CHECK_STR(fail_message(), "cannot write '/dev/full': No space left on device");
	o = out_open("/dev/null", OUT_KEEP);
	CHECK(o && out_write(o, "x", 1) == 0 && out_close(o) == 0);
	CHECK(!stat("/dev/null", &st) && S_ISCHR(st.st_mode));
	CHECK(files() == 0);
}

static void the_same_name_twice_is_refused(void)
{
	struct out *o = out_open("x", 0);

	CHECK(!out_open("x", 0));
	CHECK_STR(fail_message(), "two outputs cannot both be 'x'");
	CHECK(o && out_write(o, "1", 1) == 0 && out_close(o) == 0);
	check_file("x", "1");
	unlink("x");
}

/* A run that was killed had our process id: its leftover, or somebody's link of that name, is
 * replaced, not written through. */
static void a_leftover_is_replaced_not_followed(void)
{
	char *temp = xasprintf(".x.%ld.tmp", (long)getpid());

	put("victim", "precious");
	CHECK(symlink("victim", temp) == 0);
	struct out *o = out_open("x", 0);

	CHECK(o && out_write(o, "1", 1) == 0 && out_close(o) == 0);
	check_file("x", "1");
	check_file("victim", "precious");
	CHECK(files() == 2);
	unlink("x");
	unlink("victim");
	free(temp);
}

static void an_interrupted_output_goes_on(void)
{
	struct out *o = out_open("x", OUT_KEEP);
	char *part = out_part_name("x");

	CHECK(o && out_kept(o) && out_write(o, "whole|half", 10) == 0);
	out_abandon(o);
	check_file(part, "whole|half");
	CHECK(files() == 1);
	o = out_resume("x", 6);
	CHECK(o && out_kept(o) && out_tell(o) == 6 && out_write(o, "more", 4) == 0 &&
	      out_close(o) == 0);
	check_file("x", "whole|more");
	CHECK(files() == 1);
	unlink("x");
	put(part, "short");
	CHECK(!out_resume("x", 6));
	CHECK_STR(fail_message(), "cannot continue 'x.part': it has 5 bytes, fewer than 6");
	check_file(part, "short");
	unlink(part);
	free(part);
}

static void limit_file_size(rlim_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* What a failed write did write is not written again. */
static void a_full_disk_loses_and_doubles_nothing(void)
{
	struct out *o = out_open("x", 0);

	signal(SIGXFSZ, SIG_IGN);
	limit_file_size(4);
	CHECK(o && out_write(o, "123456789", 9) == 0 && out_sync(o) < 0);
	CHECK_STR(fail_message(), "cannot write 'x': File too large");
	limit_file_size(RLIM_INFINITY);
	CHECK(out_close(o) == 0);
	check_file("x", "123456789");
	unlink("x");
}

static int two_to_stdout(void *arg)
{
	struct out *a = out_open(arg, OUT_TEXT), *b = out_open(NULL, OUT_TEXT);

	if (b || out_write(a, "text\n", 5) < 0 || out_close(a) < 0)
		return 9;
	complain("%s", fail_message());
	return 0;
}

static void standard_output_has_one_writer(void)
{
	run(two_to_stdout, "-");
	CHECK(child.status == 0);
	CHECK_STR(child.out, "text\n");
	CHECK(has(child.err, "two outputs cannot both be standard output"));
}

static int open_binary(void *arg)
{
	(void)arg;
	return fd2_finish(out_open(NULL, 0) ? 0 : -1);
}

static void a_terminal_gets_no_binary(void)
{
	run_on_terminal(open_binary, NULL);
	CHECK(child.status == EXIT_FAILED &&
	      has(child.out, "binary data is not written to a terminal"));
}

static int write_to_closed_pipe(void *ignored)
{
	int ends[2];

	signal(SIGPIPE, *(bool *)ignored ? SIG_IGN : SIG_DFL);
	fd2_start(&tool, 2, (char *[]){"fd2-x", "a.tar", NULL});
	if (pipe(ends) || !out_open("x", 0))
		return 9;
	dup2(ends[1], 1);
	close(ends[0]);
	struct out *o = out_open(NULL, 0);

	out_write(o, "x", 1);
	out_close(o);
	return 9;
}

static void a_closed_pipe_ends_it_silently(void)
{
	for (int ignored = 0; ignored < 2; ignored++) {
		run(write_to_closed_pipe, &(bool){ignored});
		CHECK(child.signal == SIGPIPE);
		CHECK_STR(child.err, "");
		CHECK(files() == 0);
	}
}

static struct {
	int flags, signal;
	bool die;
} way; /* of ending */

static int end_somehow(void *words)
{
	fd2_start(&tool, 4, words);
	struct out *o = out_open("x", way.flags);

	out_write(o, "unfinished", 10);
	out_sync(o);
	if (way.signal)
		raise(way.signal);
	if (way.die)
		die("cannot go on");
	return fd2_finish(fail("cannot go on either"));
}

static void end_by(int flags, int signal, bool die)
{
	way.flags = flags;
	way.signal = signal;
	way.die = die;
	run(end_somehow, (char *[]){"fd2-x", "a.tar", "--log", "log", NULL});
}

static void signals_leave_nothing_behind(void)
{
	const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM};

	for (int i = 0; i < 7; i++) {
		end_by(0, signals[i], false);
		CHECK(child.signal == signals[i]);
		CHECK(files() == 1);
	}
	end_by(OUT_KEEP, SIGTERM, false);
	CHECK(child.signal == SIGTERM);
	check_file("x.part", "unfinished");
	unlink("x.part");
	unlink("log");
}

/* A stage that saves its state at the first signal, and is then asked once or twice more. */
static int stop_itself(void *words)
{
	struct timespec later = {.tv_nsec = 700000000};

	fd2_start(&tool, 2, words);
	struct out *o = out_open("x", 0);
	stop_defer();
	raise(SIGUSR1);
	raise(SIGTERM); /* to the group of the process: the same request */
	if (!o || !stop_asked())
		return 9;
	complain("saved");
	if (way.signal) {
		nanosleep(&later, NULL);
		raise(way.signal);
	}
	return fd2_finish(stop_fail("kept %d", 3));
}

static void a_stage_saves_its_state_and_ends_by_the_signal(void)
{
	char *words[] = {"fd2-x", "a.tar", NULL};

	way.signal = 0;
	run(stop_itself, words);
	CHECK(child.signal == SIGUSR1);
	CHECK_STR(child.err, "fd2-x: saved\nfd2-x: stopped by SIGUSR1: kept 3\n");
	way.signal = SIGINT;
	run(stop_itself, words);
	CHECK(child.signal == SIGINT);
	CHECK_STR(child.err, "fd2-x: saved\n");
	CHECK(files() == 0);
}

static void failures_leave_nothing_behind(void)
{
	end_by(0, 0, false);
	CHECK(child.status == EXIT_FAILED && files() == 1);
	CHECK_STR(child.err, "fd2-x: cannot go on either\n");
	end_by(0, 0, true);
	CHECK(child.status == EXIT_FAILED && files() == 1);
	CHECK_STR(child.err, "fd2-x: cannot go on\n");
	unlink("log");
}

static int start_without_files(void *ignored)
{
	(void)ignored;
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	fd2_start(&tool, 2, (char *[]){"fd2-x", "a.tar", NULL});
	struct out *o = out_open("x", 0);

	warn("a message");
	if (!o || out_write(o, "data", 4) < 0 || out_close(o) < 0)
		return 9;
	puts("text");
	return fd2_finish(0);
}

static void closed_standard_files_are_not_taken(void)
{
	run(start_without_files, NULL);
	CHECK(child.status == EXIT_FAILED);
	check_file("x", "data");
	unlink("x");
}

/* Line n of the log as JSON, or NULL. */
static json_t *log_line(int n)
{
	static char text[TEXT];
	char *line = text;

	slurp_file("log", text);
	while (n-- && line)
		line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
	return line ? json_loads(line, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

static void check_end_is_logged(int line)
{
	json_t *end = log_line(line);

	CHECK_STR(json_string_value(json_object_get(end, "event")), "end");
	CHECK(json_integer_value(json_object_get(end, "status")) == EXIT_FAILED);
	CHECK(json_real_value(json_object_get(end, "t")) >= 0);
	json_decref(end);
}

static void every_end_is_logged_once(void)
{
	end_by(0, 0, false);
	end_by(0, 0, true);
	json_t *first = log_line(0), *last = log_line(4);

	CHECK_STR(json_string_value(json_object_get(first, "event")), "start");
	CHECK_STR(json_string_value(json_object_get(first, "tool")), "fd2-x");
	check_end_is_logged(1);
	check_end_is_logged(3);
	CHECK(!last);
	json_decref(first);
	unlink("log");
}

static int log_oddly(void *words)
{
	fd2_start(&tool, 4, words);
	log_event(json_pack("{s:s, s:o, s:o}", "event", "step", "loss", json_real_or_null(0.1),
	    "nan", json_real_or_null(NAN)));
	return fd2_finish(0);
}

static void odd_bytes_and_numbers_stay_json(void)
{
	run(log_oddly, (char *[]){"fd2-x", "a\xff\xc3\xa9.tar", "--log", "log", NULL});
	json_t *start = log_line(0), *step = log_line(1);

	CHECK_STR(json_string_value(json_array_get(json_object_get(start, "argv"), 1)),
	    "a%FF\xc3\xa9.tar");
	CHECK_NEAR(json_real_value(json_object_get(step, "loss")), 0.1, 0);
	CHECK(json_is_null(json_object_get(step, "nan")));
	json_decref(start);
	json_decref(step);
	unlink("log");
}

static int show_progress(void *arg)
{
	elapsed();
	progress_start("work", "steps", 200);
	for (int i = 0; i < 3; i++) {
		progress_at(50 * (i + 1), "%s", (const char *)arg);
		progress_note("too early");
		usleep(120000);
	}
	warn("a message");
	usleep(1000000);
	progress_note("image 1");
	progress_start("score", "crops", 8);
	usleep(120000);
	progress_add(3, "class 'a'");
	usleep(2000000);
	progress_add(1, "class 'b'");
	progress_end();
	progress_at(170, "inner loops do not count");
	usleep(120000);
	progress_at(200, "loss 1");
	progress_end();
	progress_start("read", "images", 0);
	usleep(120000);
	progress_at(128, NULL);
	progress_end();
	return 0;
}

/* With what a tool that writes to a pipe has on its standard output. */
static int show_progress_in_a_pipe(void *arg)
{
	int ends[2];
	if (pipe(ends) || dup2(ends[1], STDOUT_FILENO) < 0)
		return 1;
	struct out *out = out_open(NULL, 0);
	show_progress(arg);
	out_abandon(out);
	return 0;
}

static void progress_is_one_redrawn_line(void)
{
	run_on_terminal(show_progress, "loss 2.31");
	CHECK(has(child.out, "\rwork  100/200 steps  ") &&
	      has(child.out, " steps/s  0:00 left  loss 2.31\033[K"));
	CHECK(has(child.out, "\r\033[Kfd2: a message\r\n"));
	CHECK(has(child.out, "\rwork  150/200 steps  ") && has(child.out, " left  image 1\033[K"));
	CHECK(!strstr(child.out, "too early"));
	CHECK(has(child.out, "\rscore  3/8 crops  ") && has(child.out, " crops/s  0:0"));
	CHECK(has(child.out, "\rscore  4/8 crops  ") && has(child.out, " left  class 'b'"));
	CHECK(has(child.out, "\rread  128 images  "));
	CHECK(strlen(child.out) > 3 && strcmp(child.out + strlen(child.out) - 4, "\r\033[K") == 0);
}

static void progress_is_left_to_the_last_tool_of_a_pipe(void)
{
	run_on_terminal(show_progress_in_a_pipe, "loss 2.31");
	CHECK_STR(child.out, "fd2: a message\r\n");
	verbosity = 2;
	run_on_terminal(show_progress_in_a_pipe, "loss 2.31");
	verbosity = 1;
	CHECK(has(child.out, "\rwork  100/200 steps  "));
}

/* Wider than the terminal's 60 columns a line would wrap, and could not be redrawn. */
static void progress_cannot_be_driven_by_names(void)
{
	run_on_terminal(show_progress,
	    "bad\033]0;name\a.jpg and so on and so on and so on and so on and so on and so on");
	CHECK(has(child.out, "bad?]0;name?"));
	for (char *line = strtok(child.out, "\r\n"); line; line = strtok(NULL, "\r\n"))
		CHECK_THAT(strcspn(line, "\033") < 60, "wraps: %s", line);
}

static void progress_is_silent_elsewhere(void)
{
	run(show_progress, "loss 2.31");
	CHECK_STR(child.err, "fd2: a message\n");
	CHECK_STR(child.out, "");
}

static void add_one(void *ctx, int i)
{
	((int *)ctx)[i]++;
}

static void a_loop_does_each_once(void)
{
	int done[1000] = {0};
	common.threads = 5;
	par_for(1000, add_one, done);
	for (int i = 0; i < 1000; i++)
		CHECK(done[i] == 1);
	par_for(0, add_one, NULL);
	common.threads = 0;
}

/* --threads, then OMP_NUM_THREADS up to the CPUs that the process may use. */
static void threads_are_asked_for_or_usable(void)
{
	cpu_set_t all, one;
	CHECK(!sched_getaffinity(0, sizeof all, &all));
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	unsetenv("OMP_NUM_THREADS");
	CHECK(par_threads() >= 1 && par_threads() <= CPU_COUNT(&all));
	CHECK(!sched_setaffinity(0, sizeof one, &one));
	CHECK(par_threads() == 1);
	CHECK(!sched_setaffinity(0, sizeof all, &all));
	setenv("OMP_NUM_THREADS", "1", 1);
	CHECK(par_threads() == 1);
	setenv("OMP_NUM_THREADS", "200", 1);
	CHECK(par_threads() == par_cpus() && par_cpus() <= CPU_COUNT(&all));
	common.threads = 4;
	CHECK(par_threads() == 4);
	common.threads = 0;
	setenv("OMP_NUM_THREADS", "none", 1);
	CHECK(par_threads() >= 1 && par_threads() <= CPU_COUNT(&all));
	unsetenv("OMP_NUM_THREADS");
}

int main(void)
{
	char folder[] = "/tmp/fd2-base-XXXXXX";

	if (!mkdtemp(folder) || chdir(folder))
		return 1;
	RUN(philox_gives_the_published_numbers);
	RUN(streams_differ_in_every_argument);
	RUN(uniform_and_normal_have_their_moments);
	RUN(below_is_unbiased);
	RUN(order_is_a_fair_permutation);
	RUN(hash_is_fnv_1a);
	RUN(failures_nest);
	RUN(verbosity_decides_what_is_said);
	RUN(a_message_is_one_clean_line);
	RUN(one_is_counted_in_the_singular);
	RUN(allocation_dies_rather_than_wraps);
	RUN(options_are_read);
	RUN(presets_give_way);
	RUN(numbers_are_read_strictly);
	RUN(ranges_and_choices_are_read_strictly);
	RUN(unknown_options_are_explained);
	RUN(help_fits_and_names_everything);
	RUN(a_terminal_is_not_read);
	RUN(an_output_appears_whole);
	RUN(large_outputs_are_whole);
	RUN(places_that_cannot_be_written_are_named);
	RUN(devices_are_written_in_place);
	RUN(the_same_name_twice_is_refused);
	RUN(a_leftover_is_replaced_not_followed);
	RUN(an_interrupted_output_goes_on);
	RUN(a_full_disk_loses_and_doubles_nothing);
	RUN(standard_output_has_one_writer);
	RUN(a_terminal_gets_no_binary);
	RUN(a_closed_pipe_ends_it_silently);
	RUN(signals_leave_nothing_behind);
	RUN(a_stage_saves_its_state_and_ends_by_the_signal);
	RUN(failures_leave_nothing_behind);
	RUN(closed_standard_files_are_not_taken);
	RUN(every_end_is_logged_once);
	RUN(odd_bytes_and_numbers_stay_json);
	verbosity = 1;
	RUN(progress_is_one_redrawn_line);
	RUN(progress_is_left_to_the_last_tool_of_a_pipe);
	RUN(progress_cannot_be_driven_by_names);
	RUN(progress_is_silent_elsewhere);
	RUN(a_loop_does_each_once);
	RUN(threads_are_asked_for_or_usable);
	int failed = check_done();
	return chdir("/") || rmdir(folder) || failed;
}
