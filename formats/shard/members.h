/* Reads the files of a sequence of tar archives and folders. */
#ifndef FD2_MEMBERS_H
#define FD2_MEMBERS_H
#include <stdbool.h>
#include <stddef.h>

#include "formats/blob.h"

enum { MEMBER_END = 0, MEMBER_FILE, MEMBER_FOLDER, MEMBER_PATH_END };

struct member {
	char name[1025]; /* normalised (member-name.h); SHARD_NAME_MAX and the final 0 */
	struct blob data;
};

struct members;

/* Returns whether a file's bytes are needed, by its normalised name: 1, 0, or -1: fail_message. */
typedef int member_needed(void *ctx, const char *shard, const char *name);
/* Opens the paths, which are as for fd2_shard_open. */
struct members *members_open(char *const *paths, int n, member_needed *needed, void *ctx);
/* Goes to the next member. MEMBER_FILE: *m, whose buffer is reused, has the next needed regular
 * file. MEMBER_FOLDER: *m has the name of a folder, before its files. MEMBER_PATH_END: one path is
 * done and complete. MEMBER_END: all are. -1: fail_message. */
int members_next(struct members *ms, struct member *m);
/* Returns the path that the last member came from. */
const char *members_path(const struct members *ms);
/* Returns whether that path is a folder, not an archive. */
bool members_in_folder(const struct members *ms);
void members_close(struct members *ms);
#endif
