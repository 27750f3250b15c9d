/* Command lines as tables: one table per tool defines the parser (getopt_long), the --help text,
 * the shell completion and the record of settings that goes into every output. The options that all
 * tools share are declared once, here.
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
	OPT_NUMBERS, /* struct opt_numbers: like OPT_REALS, but any number of them */
	OPT_STRING,  /* const char * */
	OPT_CHOICE,  /* an enum: min + the argument's index in .choices, "a|b|c"; less than min: not
	                given */
	OPT_LIST,    /* struct opt_list: repeatable; each is one of .choices, if those are set */
	OPT_RANGE,   /* struct opt_range: "A-B", "A-" or "A": two longs, 0-based, both included */
	OPT_INTS,    /* struct opt_ints: "N,N,...", each as OPT_INT */
};

/* The value before parsing of an OPT_INT whose default depends on other options; for OPT_REAL it is
 * NAN, for OPT_INTS an empty list. --help then leaves the default to the help text, and the record
 * has null. */
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
	int count; /* OPT_REALS: how many */
	bool off;  /* OPT_FLAG: set false */
	/* OPT_STRING, OPT_LIST: whether it names files (files.h) */
	enum { NO_FILE, FILE_READ, FILE_WRITTEN } file;
	bool unrecorded; /* leave out of the recorded settings: paths and the like, which do not
	                    change the result */
	/* An old name of another option: it works, but is neither shown nor recorded. */
	bool hidden;
	/* "a b": options that a preset does not set if this one is given; "preset": it turns off
	 * the default preset. */
	const char *replaces;
};

/* A named set of options for --preset, none of them an OPT_STRING or OPT_LIST. Options that are
 * given override it, wherever they stand on the command line. */
struct preset {
	const char *name;
	const char *options; /* "--lr 0.05 --plain": long names, each followed by its value */
};

/* --device --dtype --seed --threads --quiet --verbose --log, the same in every tool. */
struct common {
	enum { DEVICE_CPU, DEVICE_CUDA } device;
	enum { DTYPE_AUTO, DTYPE_F32, DTYPE_BF16 } dtype; /* arithmetic of convolutions */
	long seed;                                        /* >= 0 */
	long threads;                                     /* 0: as many as par_threads finds */
	const char *log; /* JSON lines are appended here; NULL: none */
};
extern struct common common;

struct tool {
	const char *name;     /* "fd2-distill" */
	const char *synopsis; /* "[options] -t TEACHER [SHARD...]" */
	const char *purpose;  /* one line */
	const struct opt *opts;
	bool wants_stdin;    /* reads standard input if no argument is given: refuses a terminal
	                        there */
	int words;           /* number of operands before those that are files */
	const char *choices; /* "a|b|c": choices of the first operand, for the shell completion */
	const char *without; /* "device dtype": the shared options that it does not have */
	/* In the order of the choices of --preset, an OPT_CHOICE in which -1 means none; NULL: no
	 * presets. */
	const struct preset *presets;
	int n_presets;
};

/* Parses argv, for fd2_start. Returns the index of the first operand; -1 if --help, --version or
 * --list-options was answered on standard output. A usage error ends the program with status 2. */
int opts_parse(const struct tool *tool, int argc, char **argv);

/* Returns the settings of this run as JSON, a new reference, for the provenance of outputs:
 * {"tool", "version", "options": {name: value, ...}} with every recorded option's final value. It
 * names no path, so the same work gives the same bytes. */
json_t *opts_provenance(void);
/* Sets an option's value in every opts_provenance from here on: what the program chose for it
 * (auto, 0, a default that depends on others), or what a stage limited it to. Steals v. */
void opt_resolved(const char *option, json_t *v);
/* Returns the preset and those of its options that are in effect, "best: --lr 0.05 ...", to be
 * freed; NULL: none is. */
char *opts_preset(void);
/* Returns whether an option has its default value. */
bool opt_is_default(const char *option);
/* Return whether an option was given on the command line, not by a preset; and for opt_changed,
 * with another value than its default. */
bool opt_given(const char *option);
bool opt_changed(const char *option);
/* Ends with a usage error if an option was changed that would be ignored: "--fkd-seed is for
 * --order fkd". `applies`: it is not ignored. */
void opt_needs(const char *option, bool applies, const char *what);
/* Like opt_needs, for several options; NULL ends them. */
void opts_need(const char *const *options, bool applies, const char *what);
/* Ends with a usage error for --resume unless the output is a file. */
void resume_needs_file(bool is_file);
/* Ends with a usage error if one of the options was changed that another one makes useless:
 * "--import trains nothing: remove --lr" */
void opts_exclude(const char *const *options, const char *why);
/* Returns the original command line, for the log, a new reference. */
json_t *opts_argv(void);
extern const char fd2_version[];
#endif
