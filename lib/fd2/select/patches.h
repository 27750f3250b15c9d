/* Mosaics of real-image patches, chosen as RDED chooses them (Sun et al. 2024; fd2-method(7),
 * SELECTION): images that distillation starts from, and RDED's own.
 *
 * Of each of a class's images (at most so many) some square crops are drawn, scored by the
 * teacher's cross-entropy of the crop zero-padded to full size, and the lowest kept. The class's
 * crops in ascending order are cut to a window by difficulty: easy at the front, hard at the
 * back, medium in the middle. */
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
	int ipc, factor;   /* mosaics a class, of factor x factor patches */
	int images, crops; /* images of the class that are looked at, at most, and crops of each */
	enum difficulty difficulty;
};
int patches_in(const struct patch_rule *rule); /* of a class: ipc * factor^2 */

/* The patches of class k, in RDED's order: place q (row by row) of mosaic i is patch q*ipc + i.
 * An image gives a second crop only when fewer images than patches are looked at. -1: the class
 * has none. */
int patches_choose(struct patch *out, const struct teacher *t, const struct dataset *d, int k,
    const struct patch_rule *rule, uint64_t seed);
/* Mosaic i (0-based), size x size pixels. */
struct image patches_mosaic(const struct patch *patches, const struct dataset *d,
    const struct patch_rule *rule, int i, int size);
#endif
