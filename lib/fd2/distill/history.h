/* Group history: the finished images of each class and their attention maps, which L_S compares
 * with (Eq. 10, Algorithm 1, lines 6-10).
 *
 * Image i of a class is in group (i-1) / N_S, and the images before it in that group are its
 * history. Images are kept as they were stored, decoded from the JPEG, so that it makes no
 * difference which process made them; and only while later ones are compared with them. */
#ifndef FD2_HISTORY_H
#define FD2_HISTORY_H
#include "lib/fd2/distill/distill-teachers.h"
#include "lib/fd2/distill/index-batch.h"

enum { GROUP_MAX = 64 };

struct past_image {
	bool stored;        /* in this run's output */
	struct image image; /* empty when only maps are known, or nothing is needed */
	float **maps;       /* [teachers] -> [M][h][w]; NULL until needed */
};

struct history {
	const struct distill_teachers *teachers;
	int classes, ipc, group;
	bool compares; /* images with earlier ones */
	struct map_shape {
		int maps, h, w; /* zeros until a map is known */
	} shape[TEACHERS_MAX];
	struct past_image *v; /* [classes][ipc] */
	json_t *inputs;       /* what it was read from: {"attn": [digests], "previous": digest} */
};

/* The number that a sample is called by, 7 for "cat/0007". 0: it is not called by one. */
int image_number(const char *key);

void history_init(
    struct history *h, const struct distill_teachers *teachers, int ipc, int group, bool compares);
void history_free(struct history *h);

/* Adds image `id`, from 1, of class k of this run's output. -1: it is not a JPEG. */
int history_add(struct history *h, int k, int id, const void *jpeg, size_t size);
/* Whether it was added. */
bool history_has(const struct history *h, int k, int id);
/* The images of an index batch are there: forgets what those of groups that end with it were
 * compared with. */
void history_end(struct history *h, const struct index_batch *of);
/* Reads maps that fd2-attn wrote ("class/id" names) with one of the teachers, or images that
 * another fd2-distill made. -1: fail_message. */
int history_read_maps(struct history *h, const char *path);
int history_read_images(struct history *h, const char *path);

/* The number J of images before `id` in its group. */
int history_length(const struct history *h, int id);
/* Of one of the indices of an index batch. history_check returns -1 if one of the images is
 * missing, or, unless `images` are needed, the image and its maps. */
int history_check(const struct history *h, const struct index_batch *of, int index, bool images);
/* The images, normalised and resized: [J*n,3,size,size] f32, image by image. */
Tensor *history_images(const struct history *h, const struct index_batch *of, int index, int size);
/* Their maps by a teacher, as they are stored: [J,n,M,h,w] f32. NULL: fail_message. */
Tensor *history_maps(struct history *h, int teacher, const struct index_batch *of, int index);
#endif
