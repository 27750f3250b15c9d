/* Reads the entries of one tar archive in order, in any compression that libarchive itself can
 * unpack. */
#ifndef FD2_SHARD_TAR_H
#define FD2_SHARD_TAR_H
#include "formats/shard/member-name.h"
#include "formats/shard/members.h"

enum tar_kind { TAR_FILE, TAR_FOLDER, TAR_LINK, TAR_OTHER };

struct tar_entry {
	enum tar_kind kind;
	char name[MEMBER_NAME_MAX + 1];
	char target[MEMBER_NAME_MAX + 1]; /* of a link; "": it is outside of the archive */
	int64_t size;                     /* from its header */
};

struct tar;

/* Opens an archive. NULL: fail_message. */
struct tar *tar_open(const char *path);
/* Returns the archive's path, for messages. */
const char *tar_path(const struct tar *t);
/* Reads the next entry. 1: it is in *e; 0: the end of a complete archive; -1: fail_message. */
int tar_next(struct tar *t, struct tar_entry *e);
/* Reads the bytes of the last entry, a file. -1: fail_message. */
int tar_read(struct tar *t, struct blob *b);
void tar_close(struct tar *t);
#endif
