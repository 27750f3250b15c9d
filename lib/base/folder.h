/* An output that is a folder of files and appears under its name only when all of it is there.
 *
 * It is written to a hidden folder next to it; folder_close makes it durable and renames it. Until
 * then an error, the end of the program or SIGINT/SIGTERM/SIGHUP removes it. One can be written
 * at a time. */
#ifndef FD2_FOLDER_H
#define FD2_FOLDER_H
#include <stddef.h>

struct folder;

/* NULL: fail_message; also when something of that name already exists. */
struct folder *folder_create(const char *path);
/* The file "a/b/c" inside; its folders are made where they are missing. Not atomic for itself.
 * -1: fail_message. */
int folder_put(struct folder *f, const char *name, const void *data, size_t n);
/* Publishes, and frees f in both cases. -1: fail_message, and nothing is published. */
int folder_close(struct folder *f);
void folder_abandon(struct folder *f);
/* Removes what is not published. Safe in a signal handler. */
void folder_remove_unfinished(void);
#endif
