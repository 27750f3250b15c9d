/* What the files that implement opts.h share: the option table of the running tool. */
#ifndef FD2_OPTS_TABLE_H
#define FD2_OPTS_TABLE_H
#include "lib/base/err.h"
#include "lib/base/opts.h"

extern const struct tool *opts_tool;
/* Returns the i-th option, counting through the tool's table and then the shared one; NULL after
 * the last. */
const struct opt *opts_at(int i);

/* Print the answers to --help and --list-options on standard output. */
void opts_print_help(void);
void opts_print_list(void);
/* Ends with the usage error for an unknown option, named as the user wrote it; suggests a similar
 * one. */
NO_RETURN void opts_refuse_unknown(const char *name);
#endif
