/* What the files of opts.h share: the table of the tool that runs. */
#ifndef FD2_OPTS_TABLE_H
#define FD2_OPTS_TABLE_H
#include "lib/base/err.h"
#include "lib/base/opts.h"

extern const struct tool *opts_tool;
/* The i-th option of the tool's table and then the shared one; NULL after the last. */
const struct opt *opts_at(int i);

/* Answers to --help and --list-options, on standard output. */
void opts_print_help(void);
void opts_print_list(void);
/* The usage error for an option that there is not, as the user wrote it; one that is near is
 * suggested. */
NO_RETURN void opts_refuse_unknown(const char *name);
#endif
