/* Initial images: 2x2 mosaics of real-image patches, chosen as RDED chooses them (Sun et al. 2024; spec, section 5).
 *
 * Of each of a class's images (at most 300) some square crops are drawn, scored by the teacher's cross-entropy of the crop
 * zero-padded to full size, and the lowest kept. The class's crops in ascending order are cut to a window by difficulty: easy at
 * the front, hard at the back, medium in the middle. */
#ifndef FD2_PATCHES_H
#define FD2_PATCHES_H
#include "lib/fd2/batch.h"
#include "lib/fd2/teacher.h"

enum difficulty { DIFFICULTY_EASY, DIFFICULTY_MEDIUM, DIFFICULTY_HARD };
enum difficulty difficulty_of(const char *name); /* "easy|medium|hard" */

struct patch {
	int item; /* index in the data set */
	struct box box;
	double score;
};

/* The 4*ipc patches of class k, in RDED's order: quadrant q (top left, top right, bottom left, bottom right) of image i is
 * patch q*ipc + i. An image gives a second crop only when the class has fewer than 4*ipc images. -1: the class has none. */
int patches_choose(struct patch *out, const struct teacher *t, const struct dataset *d, int k, int ipc, int crops,
    enum difficulty difficulty, uint64_t seed);
/* Image i (0-based) as normalised pixels [size][size][3]. */
void patches_mosaic(
    float *out, const struct patch *patches, const struct dataset *d, int ipc, int i, int size, const struct normal *normal);
#endif
