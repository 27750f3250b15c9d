/* The face of lib/base: what every program needs, whatever its purpose.
 *
 * A main fills an option table (opts.h; opt-value.h and choice.h read the values) and calls
 * fd2_start, which sets up messages (err.h), signals (stop.h) and the log (log.h), parses the
 * command line and checks the files that it names (files.h). The main then does its work and ends
 * with fd2_finish. Work writes to outputs that appear when they are complete (out.h, into a file
 * of temp.h until then; folder.h for many files; claim.h keeps other runs away), reports progress
 * (progress.h), and divides loops over threads (par.h, fast.h). rng.h has random numbers, io.h and
 * paths.h support reading and writing, names.h has lists of names, provenance.h compares the
 * settings of two runs, and libtorch.h finds the libtorch that lib/torch runs with.
 *
 * Only this folder holds state of the whole process: the shared options, the message of the last
 * failure, the log, unfinished outputs. fd2_finish and signals clean it up. The caller owns what a
 * function returns unless its comment says otherwise. Running out of memory ends the program
 * (err.h). */
#ifndef FD2_START_H
#define FD2_START_H
#include "lib/base/opts.h"

/* Starts every main: sets the locale, signals and prog_name, parses argv, opens --log. Handles
 * --help, --version (stdout, exit 0) and usage errors (stderr, exit 2) itself. Returns the index
 * in argv of the first operand. */
int fd2_start(const struct tool *tool, int argc, char **argv);

/* Ends every main: flushes and checks stdout, writes the log's last line, removes unfinished
 * outputs. Returns the exit code: `status` < 0 prints fail_message() and gives 1. If a signal
 * stopped a stage (stop.h), the process ends here by that signal. */
int fd2_finish(int status);
#endif
