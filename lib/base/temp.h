/* The temporary file that an output is written to, in the same directory. It has no name if the
 * file system supports that, so that not even kill -9 leaves it behind. */
#ifndef FD2_TEMP_H
#define FD2_TEMP_H
#include <stdbool.h>

/* Returns the temporary file's name, a new string that contains the given name; a long one is cut
 * to 200 bytes and a hash. */
char *temp_name(const char *path);
/* Opens a new file for `path` for writing: unnamed if possible, else called `temp`, which must not
 * exist. Returns the descriptor, or -1 with errno. */
int temp_open(const char *path, const char *temp, bool *nameless);
/* Names an unnamed file `temp`. Replaces *fd if the file must be copied for that. -1 with errno. */
int temp_give_name(int *fd, const char *temp);
/* Makes a file's name durable by syncing its directory. */
void temp_sync_directory(const char *path);
#endif
