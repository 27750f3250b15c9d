/* Group history: the finished images of each class and their attention maps, which L_S compares
 * with (Eq. 10, Algorithm 1, lines 6-10).
 *
 * Image i of a class is in group (i-1) / N_S, and the images before it in that group are its
 * history. Images are kept as decoded from the stored JPEG, so that it makes no difference which
 * process made them, and only as long as later ones are compared with them. */
#ifndef FD2_HISTORY_H
#define FD2_HISTORY_H
#include "lib/fd2/distill/distill-teachers.h"
#include "lib/fd2/distill/index-batch.h"

enum { GROUP_MAX = 64 };

struct past_image {
	bool stored;        /* in this run's output */
	struct image image; /* empty if only maps are known, or it is not needed */
	float **maps;       /* [teachers] -> [M][h][w]; each NULL until needed */
};

struct history {
	const struct distill_teachers *teachers;
	int classes, ipc, group;
	bool compares; /* L_S is on: images are compared with earlier ones */
	struct map_shape {
		int maps, h, w; /* zeros until a map is known */
	} shape[TEACHERS_MAX];
	struct past_image *v; /* [classes][ipc] */
	json_t *inputs;       /* files it was read from: {"attn": [digests], "previous": digest} */
};

/* Returns the number in a sample's key, such as 7 for "cat/0007". 0: the key has none. */
int image_number(const char *key);

void history_init(
    struct history *h, const struct distill_teachers *teachers, int ipc, int group, bool compares);
void history_free(struct history *h);

/* Adds image `id`, from 1, of class k of this run's output. -1: fail_message; it is not a JPEG. */
int history_add(struct history *h, int k, int id, const void *jpeg, size_t size);
/* Returns whether history_add got that image. */
bool history_has(const struct history *h, int k, int id);
/* Frees the history of groups that end with this index batch, whose images are all stored. */
void history_end(struct history *h, const struct index_batch *of);
/* Read maps that fd2-attn wrote ("class/id" names) with one of the teachers, or images that another
 * fd2-distill made. -1: fail_message. */
int history_read_maps(struct history *h, const char *path);
int history_read_images(struct history *h, const char *path);

/* Returns J, the number of images before `id` in its group. */
int history_length(const struct history *h, int id);
/* The following take the history of one index of an index batch: of->ids[index]. */

/* Checks that its images are known or, unless `images` are needed, their maps. -1: fail_message. */
int history_check(const struct history *h, const struct index_batch *of, int index, bool images);
/* Returns its images, normalised and resized: [J*n,3,size,size] f32, the n classes of the first
 * image, then those of the next. */
Tensor *history_images(const struct history *h, const struct index_batch *of, int index, int size);
/* Returns a teacher's maps of its images as stored, computed if needed: [J,n,M,h,w] f32. NULL:
 * fail_message. */
Tensor *history_maps(struct history *h, int teacher, const struct index_batch *of, int index);
#endif
