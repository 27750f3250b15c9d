/* Command lines as tables: one table per tool is the parser (getopt_long), the --help text, the
 * shell completion and the record of settings that goes into every output. The options all tools
 * share are declared once, here.
 *
 *     struct job { const char *out; long ipc; enum view view; } job = {.ipc = 1};
 *     const struct opt opts[] = {
 *         {'o', "output", "FILE", OPT_STRING, &job.out, "write to FILE"},
 *         {'n', "ipc", "N", OPT_INT, &job.ipc, "images per class", .min = 1, .max = 9999},
 *         {0, "view", "VIEW", OPT_CHOICE, &job.view, "what is compared", .choices = "plain|same"},
 *         {0},
 *     };
 *
 * Defaults are what the destinations hold before parsing; --help prints them. */
#ifndef FD2_OPTS_H
#define FD2_OPTS_H
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum opt_kind {
	OPT_FLAG,    /* bool: --x sets true. With .off set, sets false instead (--no-lf). */
	OPT_INT,     /* long, within [min, max] */
	OPT_REAL,    /* double, within [min, max], finite */
	OPT_REALS,   /* double[count], "X,Y,Z", each as OPT_REAL */
	OPT_NUMBERS, /* struct opt_numbers: as OPT_REALS, as many as are given */
	OPT_STRING,  /* const char * */
	OPT_CHOICE, /* an enum: min + the place of the argument in .choices, "a|b|c"; less than min:
	               not given */
	OPT_LIST,   /* struct opt_list: repeatable, each one of .choices where there are any */
	OPT_RANGE,  /* struct opt_range: "A-B", "A-" or "A": two longs, 0-based, both included */
	OPT_INTS,   /* struct opt_ints: "N,N,...", each as OPT_INT */
};

/* What an OPT_INT whose default depends on others holds before parsing; for OPT_REAL this is
 * NAN, for OPT_INTS no number at all. --help then leaves the default to the help text, and the
 * record has null. */
#define OPT_UNSET LONG_MIN

struct opt_list {
	const char **v;
	int n;
};

enum { OPT_INTS_MAX = 16 };
struct opt_ints {
	long v[OPT_INTS_MAX];
	int n;
};

struct opt_numbers {
	double *v;
	int n;
};

struct opt_range {
	long first, last; /* default {0, LONG_MAX} = everything */
};

struct opt {
	char letter;      /* 0: none */
	const char *name; /* long name; NULL ends the table */
	const char *arg;  /* name of the argument in --help; NULL for flags */
	enum opt_kind kind;
	void *to;
	const char *help; /* one short line */
	double min, max;  /* OPT_INT, OPT_REAL and lists of them; both 0 = no limit. OPT_CHOICE: min
	                     is the first choice's value */
	const char *choices;
	int count; /* OPT_REALS */
	bool off;  /* OPT_FLAG: set false */
	/* OPT_STRING, OPT_LIST: it names files (files.h) */
	enum { NO_FILE, FILE_READ, FILE_WRITTEN } file;
	bool unrecorded; /* leave out of the recorded settings: paths and the like, which do not
	                    change the result */
	/* An old name of another option: it works, but is neither shown nor recorded. */
	bool hidden;
	/* "a b": options that a preset does not set where this one is given; "preset": the default
	 * preset, which then does not count. */
	const char *replaces;
};

/* A name for some options, none of them an OPT_STRING or OPT_LIST: what --preset stands for.
 * Options that are given win, wherever they stand on the command line. */
struct preset {
	const char *name;
	const char *options; /* "--lr 0.05 --plain": long names, each followed by its value */
};

/* --device --dtype --seed --threads --quiet --verbose --log, the same in every tool. */
struct common {
	enum { DEVICE_CPU, DEVICE_CUDA } device;
	enum { DTYPE_AUTO, DTYPE_F32, DTYPE_BF16 } dtype; /* arithmetic of convolutions */
	long seed;                                        /* >= 0 */
	long threads;                                     /* 0: as many as the machine gives us */
	const char *log; /* JSON lines are appended here; NULL: none */
};
extern struct common common;

struct tool {
	const char *name;     /* "fd2-distill" */
	const char *synopsis; /* "[options] -t TEACHER [SHARD...]" */
	const char *purpose;  /* one line */
	const struct opt *opts;
	bool wants_stdin;    /* reads standard input when no argument is given: refuses a terminal
	                        there */
	int words;           /* operands before those that are files */
	const char *choices; /* "a|b|c": the first of them, for the shell completion */
	const char *without; /* "device dtype": the shared options that it does not have */
	/* In the order of the choices of --preset, an OPT_CHOICE of which -1 means none; NULL: no
	 * presets. */
	const struct preset *presets;
	int n_presets;
};

/* The index in argv of the first operand; -1 when --help, --version or --list-options was
 * answered on standard output. A usage error ends the program with status 2. For fd2_start. */
int opts_parse(const struct tool *tool, int argc, char **argv);

/* The settings of this run as JSON: {"tool", "version", "options": {name: value, ...}} with
 * every recorded option's final value, for the provenance of outputs. It names no path, so the
 * same work gives the same bytes. A new reference. */
json_t *fd2_provenance(void);
/* What an option became that was left to the program (auto, 0, a default that depends on others),
 * or that a stage cut to what there is: its value in every fd2_provenance from here on. v is
 * stolen. */
void fd2_resolved(const char *option, json_t *v);
/* The preset and those of its options that count: "best: --lr 0.05 ...", to be freed; NULL: none
 * counts. */
char *fd2_preset(void);
/* Whether an option is what it is when it is not given. */
bool fd2_has_default(const char *option);
/* Whether it was given on the command line, not by a preset; and with another value than its
 * default. */
bool opt_given(const char *option);
bool opt_changed(const char *option);
/* A usage error where an option that would be ignored was changed: "--fkd-seed is for --order fkd".
 * `applies`: it would not be. */
void opt_needs(const char *option, bool applies, const char *what);
/* The same of several; NULL ends them. */
void opts_need(const char *const *options, bool applies, const char *what);
/* A usage error of --resume where the output is not a file. */
void resume_needs_file(bool is_file);
/* The same where another option leaves them out: "--import trains nothing: remove --lr" */
void opts_exclude(const char *const *options, const char *why);
/* The command line as it was given, for the log. A new reference. */
json_t *fd2_argv(void);
extern const char fd2_version[];
#endif
