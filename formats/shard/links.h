/* Follows hard and symbolic links of an archive on disk. At the first link, the archive is read
 * once more for the names of its members; when the first linked file is needed, again for the bytes
 * of all linked files. */
#ifndef FD2_SHARD_LINKS_H
#define FD2_SHARD_LINKS_H
#include <stdbool.h>

#include "formats/shard/members.h"

struct links;

/* Reads the names of an archive's members. NULL: fail_message. */
struct links *links_open(const char *path);
/* Begins following the link of this name to a file, or to all files below a folder, also through
 * further links. False: it leads to nothing in the archive. */
bool links_follow(struct links *l, const char *name);
/* Goes to the next such file. 1: *name is its name through the link; 0: there are no more; -1:
 * fail_message, for example for a link to a folder that it is in. */
int links_next(struct links *l, const char **name);
/* Reads the bytes of that file. -1: fail_message. */
int links_read(struct links *l, struct blob *b);
void links_close(struct links *l);
#endif
