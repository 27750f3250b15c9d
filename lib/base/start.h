/* How every tool starts and ends. */
#ifndef FD2_START_H
#define FD2_START_H
#include "lib/base/opts.h"

/* Start of every main: sets the locale, signals and prog_name, parses argv, opens --log. Handles
 * --help, --version (stdout, exit 0) and usage errors (stderr, exit 2) itself. Returns the index
 * in argv of the first operand. */
int fd2_start(const struct tool *tool, int argc, char **argv);

/* End of every main: flushes and checks stdout, writes the log's last line, removes unfinished
 * outputs. Returns the exit code: `status` < 0 prints fail_message() and gives 1. A stage that a
 * signal stopped (stop.h) ends here by that signal. */
int fd2_finish(int status);
#endif
