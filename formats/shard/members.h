/* The files of a sequence of tar archives and folders, one after another. */
#ifndef FD2_MEMBERS_H
#define FD2_MEMBERS_H
#include <stdbool.h>
#include <stddef.h>

#include "formats/blob.h"

enum { MEMBER_END = 0, MEMBER_FILE, MEMBER_FOLDER, MEMBER_PATH_END };

struct member {
	char name[1025]; /* normal (member-name.h); SHARD_NAME_MAX and the end */
	struct blob data;
};

struct members;

/* Whether a file's bytes are needed, by its normalised name: 1, 0, or -1 with fail_message. */
typedef int member_needed(void *ctx, const char *shard, const char *name);
/* paths: as fd2_shard_open's. */
struct members *members_open(char *const *paths, int n, member_needed *needed, void *ctx);
/* MEMBER_FILE: the next needed regular file in *m, whose buffer is reused. MEMBER_FOLDER: the name
 * of a folder in *m, before what is in it. MEMBER_PATH_END: one path is done and whole. MEMBER_END.
 * -1: fail_message. */
int members_next(struct members *ms, struct member *m);
/* The path that the last member came from. */
const char *members_path(const struct members *ms);
/* It is a folder, not an archive. */
bool members_in_folder(const struct members *ms);
void members_close(struct members *ms);
#endif
