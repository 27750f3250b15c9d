/* Computes what the teacher sees in a finished image: its attention maps and its representation.
 *
 * Always in f32 and one image at a time, so that the numbers do not depend on which images are
 * computed together. This is why the group loop inside fd2-distill and a chain of fd2-distill and
 * fd2-attn processes agree bit for bit. */
#ifndef FD2_ATTENTION_H
#define FD2_ATTENTION_H
#include "lib/fd2/teacher/teacher.h"
#include "lib/image/image.h"

struct attention {
	int maps, h, w;
	float *A; /* [maps][h][w] */
	int features;
	float *z; /* [features] = [maps * C], unit norm */
};
/* Takes the image as it is if it has the teacher's size, else its central square resampled to that.
 * cut: share of the square to leave out on each side (view_inner). -1: fail_message. */
int attention_of(struct attention *a, const struct teacher *t, const struct image *im, double cut);
void attention_free(struct attention *a);
#endif
