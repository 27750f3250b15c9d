/* Mosaics of patches of real images, chosen as RDED chooses them (Sun et al. 2024; fd2-method(7),
 * SELECTION): images that distillation starts from, and RDED's own.
 *
 * Some square crops of each image of a class are drawn and padded with zeros to full size; the one
 * with the teacher's lowest cross-entropy is kept. Of these crops, in ascending order, a window is
 * used: the front (easy), the middle (medium) or the back (hard). */
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
	int images, crops; /* images of the class that are used, at most, and crops of each */
	enum difficulty difficulty;
	int side; /* of each crop, in pixels; 0: 8 to 100 % of the image's area */
};
int patches_in(const struct patch_rule *rule); /* per class: ipc * factor^2 */
/* Of the largest patch in a mosaic of `size` pixels. */
int patches_side(int size, int factor);

/* The crops that patches_choose scores for classes of so many images each: what it counts for the
 * progress. */
long patches_scored(const int *images, int classes, const struct patch_rule *rule);
/* The patches of class k, in RDED's order: place q (row by row) of mosaic i is patch q*ipc + i.
 * An image gives a second crop only if there are fewer images than patches. -1: the class has no
 * image. */
int patches_choose(struct patch *out, const struct teacher *t, const struct dataset *d, int k,
    const struct patch_rule *rule, uint64_t seed);
/* Mosaic i (0-based), size x size pixels. */
struct image patches_mosaic(const struct patch *patches, const struct dataset *d,
    const struct patch_rule *rule, int i, int size);
#endif
