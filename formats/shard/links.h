/* Hard and symbolic links of an archive on disk. When the first link comes, the archive is read
 * once more for the names of its members, and when a file behind a link is needed, again for the
 * bytes of all such files. */
#ifndef FD2_SHARD_LINKS_H
#define FD2_SHARD_LINKS_H
#include <stdbool.h>

#include "formats/shard/members.h"

struct links;

/* NULL: fail_message. */
struct links *links_open(const char *path);
/* Begins with the link of this name, which leads to a file or to all files below a folder, through
 * further links, too. False: to nothing in the archive. */
bool links_follow(struct links *l, const char *name);
/* 1: the name that the next such file has through the link is in *name; 0: there are no more. -1:
 * fail_message, for example of a link to a folder that it is in. */
int links_next(struct links *l, const char **name);
/* The bytes of that file. -1: fail_message. */
int links_read(struct links *l, struct blob *b);
void links_close(struct links *l);
#endif
