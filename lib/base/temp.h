/* The file that an output is written to before it has its own name, in the same directory. Where
 * the file system has such files it has no name at all, so that not even kill -9 leaves it behind.
 */
#ifndef FD2_TEMP_H
#define FD2_TEMP_H
#include <stdbool.h>

/* The temporary file's name, of which the given one is a part: cut to 200 bytes and a hash where it
 * is longer. A new string. */
char *temp_name(const char *path);
/* A new file for `path`, open for writing: nameless where possible, else called `temp`,
 * which must not exist. Returns the descriptor, or -1 with errno. */
int temp_open(const char *path, const char *temp, bool *nameless);
/* Calls a nameless file `temp`. *fd becomes another one where the file must be copied for that.
 * -1 with errno. */
int temp_give_name(int *fd, const char *temp);
/* Makes the name of a file durable, which it is once its directory is. */
void temp_sync_directory(const char *path);
#endif
