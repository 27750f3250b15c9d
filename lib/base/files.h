/* The files that a command line names. No output may replace an input of the same command, by any
 * path; no input is given twice; and two outputs are not one file. */
#ifndef FD2_FILES_H
#define FD2_FILES_H
#include <stdbool.h>

/* list: the operands, or an option: a file that comes twice in one list is refused. NULL: it may
 * come again. A range "x-{000..009}.tar" is its files. */
void files_read(const char *path, const void *list);
/* option: its name, for messages. */
void files_written(const char *path, const char *option);
/* Ends the program with a usage error that names both paths. Also looks at standard input and
 * output. */
void files_check(void);
/* Whether every named file has an absolute path, so that no working folder is needed. */
bool files_absolute(void);
#endif
