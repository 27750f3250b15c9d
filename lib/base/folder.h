/* An output that is a folder of files and appears under its name only when it is complete.
 *
 * It is written to a hidden folder next to it; folder_close makes it durable and renames it. Until
 * then an error, the end of the program or SIGINT/SIGTERM/SIGHUP removes it. Only one can be
 * written at a time. */
#ifndef FD2_FOLDER_H
#define FD2_FOLDER_H
#include <stddef.h>

struct folder;

/* Begins a folder. NULL: fail_message, also if something of that name already exists. */
struct folder *folder_create(const char *path);
/* Writes the file "a/b/c" inside, creating missing folders. The single file is not written
 * atomically. -1: fail_message. */
int folder_put(struct folder *f, const char *name, const void *data, size_t n);
/* Publishes the folder. -1: fail_message, and nothing is published. Frees f in both cases. */
int folder_close(struct folder *f);
void folder_abandon(struct folder *f);
/* Removes an unpublished folder. Safe in a signal handler. */
void folder_remove_unfinished(void);
#endif
