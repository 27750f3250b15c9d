/* Shared by reading and writing image shards: the parts of a sample and the names of members. */
#ifndef FD2_SAMPLE_H
#define FD2_SAMPLE_H
#include "formats/digest.h"
#include "formats/shard/members.h"
#include "formats/shard/shard.h"

#define SHARD_START "__start__"
#define SHARD_END "__fd2__"
enum { SHARD_VERSION = 2 };

enum part { PART_IMAGE, PART_CLS, PART_NPY, PART_JSON, PARTS, PART_NONE = -1, PART_FOREIGN = -2 };
extern const char *const part_names[PARTS]; /* "jpg" ... */

/* Returns whether a name is a hidden file or folder, or one that webdataset skips: a first
 * component like __this__. */
bool is_hidden(const char *name);
/* Returns which part of a sample a member is, by its extension, and sets the sample's key.
 * PART_FOREIGN: an image that is not a JPEG; PART_NONE: not part of a sample. */
enum part part_of(const char *name, char key[SHARD_NAME_MAX + 1]);

/* The parts of a sample being collected. */
struct group {
	bool open;
	char key[SHARD_NAME_MAX + 1], folder[SHARD_NAME_MAX + 1]; /* folder "": none */
	char last[SHARD_NAME_MAX + 1];                            /* name of the last member */
	char names[PARTS][SHARD_NAME_MAX + 1];                    /* members' names by part */
	bool has[PARTS];
	struct blob parts[PARTS];
};
/* Takes the data of m, and gives it an old buffer instead. -1: fail_message, the sample has that
 * part already. */
int group_take(struct group *g, const char *shard, enum part p, const char *key, struct member *m);
/* Fills *s. -1: fail_message, the .cls is not a number. */
int group_sample(struct group *g, const char *shard, struct sample *s);
void group_close(struct group *g);
void group_free(struct group *g);

/* A sample's contribution to the digest of its set: the lines of its parts (digest_line), each
 * named KEY.EXT. */
struct sample_sum {
	size_t n;
	char lines[PARTS * (DIGEST_HEX + 2 + SHARD_NAME_MAX + 8)];
};
void sample_sum(struct sample_sum *sum, const struct sample *s);
uint64_t digest_v1_add_sample(uint64_t h, const struct sample *s);
#endif
