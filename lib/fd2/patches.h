/* Initial images: mosaics of f x f real-image patches, chosen as RDED chooses them (Sun et al. 2024; spec, section 5); f = 1 is a
 * single crop.
 *
 * Of each of a class's images (at most 300) some square crops are drawn, scored by the teacher's cross-entropy of the crop, 1/f as
 * wide as the image and zero-padded to full size, and the lowest kept. The class's crops in ascending order are cut to a window by
 * difficulty: easy at the front, hard at the back, medium in the middle. */
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

/* The f*f*ipc patches of class k, in RDED's order: cell c (row by row) of image i is patch c*ipc + i. An image gives a second crop
 * only when the class has fewer than f*f*ipc images. -1: the class has none. */
int patches_choose(struct patch *out, const struct teacher *t, const struct dataset *d, int k, int factor, int ipc, int crops,
    enum difficulty difficulty, uint64_t seed);
/* Image i (0-based) as normalised pixels [size][size][3]. */
void patches_mosaic(float *out, const struct patch *patches, const struct dataset *d, int factor, int ipc, int i, int size,
    const struct normal *normal);
#endif
