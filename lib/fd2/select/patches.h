/* Mosaics of patches of real images, chosen as RDED chooses them (Sun et al. 2024; fd2-method(7),
 * SELECTION). Distillation can start from them, and they are RDED's result.
 *
 * Some square crops of each image of a class are drawn and padded with zeros to full size; the one
 * with the teacher's lowest cross-entropy is kept. Of the kept crops, in ascending order, a window
 * is used: the front (easy), the middle (medium) or the back (hard). */
#ifndef FD2_PATCHES_H
#define FD2_PATCHES_H
#include "lib/fd2/batch/batch.h"
#include "lib/fd2/teacher/teacher.h"

enum difficulty { DIFFICULTY_EASY, DIFFICULTY_MEDIUM, DIFFICULTY_HARD };
#define DIFFICULTY_CHOICES "easy|medium|hard"

struct patch {
	int item; /* index in the data set */
	struct box box;
	double score;
};

struct patch_rule {
	int ipc, factor;   /* mosaics per class, of factor x factor patches */
	int images, crops; /* most images of a class to use, and crops of each */
	enum difficulty difficulty;
	int side; /* of each crop, in pixels; 0: 8 to 100 % of the image's area */
};
/* Returns the number of patches per class, ipc * factor^2. */
int patches_in(const struct patch_rule *rule);
/* Returns the side of the largest patch in a mosaic of `size` pixels. */
int patches_side(int size, int factor);

/* Returns the number of crops that patches_choose scores, and counts as progress, for classes of
 * images[k] images. */
long patches_scored(const int *images, int classes, const struct patch_rule *rule);
/* Fills out [patches_in] with the patches of class k, in RDED's order: place q (row by row) of
 * mosaic i is patch q*ipc + i. An image gives a second crop only if there are fewer images than
 * patches. -1: fail_message, also if the class has no image. */
int patches_choose(struct patch *out, const struct teacher *t, const struct dataset *d, int k,
    const struct patch_rule *rule, uint64_t seed);
/* Returns mosaic i (0-based), size x size pixels; free it with image_free. */
struct image patches_mosaic(const struct patch *patches, const struct dataset *d,
    const struct patch_rule *rule, int i, int size);
#endif
