/* Checks the files that a command line names: no output may replace an input of the same command,
 * by any path; no input may be given twice; and no two outputs may be the same file. */
#ifndef FD2_FILES_H
#define FD2_FILES_H
#include <stdbool.h>

/* Adds an input. list identifies the operands or the option that it belongs to: a file that occurs
 * twice in one list is refused. NULL: it may be repeated. A range "x-{000..009}.tar" adds each of
 * its files. */
void files_read(const char *path, const void *list);
/* Adds an output. option: the name of its option, for messages. */
void files_written(const char *path, const char *option);
/* Ends the program with a usage error that names both paths if two files conflict. Also checks
 * standard input and output. */
void files_check(void);
/* Returns whether every named file has an absolute path, so that no working folder is needed. */
bool files_absolute(void);
#endif
