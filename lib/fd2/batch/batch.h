/* From images to tensors: a batch of views, rendered by all threads, or by the GPU. */
#ifndef FD2_BATCH_H
#define FD2_BATCH_H
#include "lib/data/dataset.h"
#include "lib/image/view.h"
#include "lib/nn/layers.h"

struct batch {
	int n, size, cap;
	float *pixels; /* [n][size][size][3], normalised; on a GPU batch_render leaves them alone */
	int64_t *labels; /* [n] */
	struct view *views;
	const struct item **items;
	struct mix mix; /* of the samples among themselves, sample i with with[i] */
	uint32_t *with;
	bool there;   /* the GPU rendered it: */
	Tensor *seen; /* [n,3,size,size], or NULL when it could not; otherwise `pixels` are what is
	                 seen */
};

/* Room for `cap` images of size x size. */
void batch_init(struct batch *b, int cap, int size);
void batch_free(struct batch *b);
void batch_clear(struct batch *b);
/* Adds one image (borrowed) with its view; nothing is rendered yet. */
void batch_add(struct batch *b, const struct item *it, const struct view *v);
/* Mixes all samples when they are rendered; `with` [n]. */
void batch_mix(struct batch *b, const struct mix *m, const uint32_t *with);
void batch_render(struct batch *b, const struct normal *normal);
/* The same with the pixels in the host's memory wherever the device is. */
void batch_render_here(struct batch *b, const struct normal *normal);

/* Images first..first+n-1 as [n,3,size,size], channels-last, in `type`; their labels as i64 [n]. */
Tensor *batch_images(const struct batch *b, int first, int n, enum scalar type);
Tensor *batch_labels(const struct batch *b, int first, int n);

/* A batch of n is looked at in two halves, the first of which is never the larger, or whole
 * (parts 1): their sizes. */
int half_size(int n, int parts, int half);

/* The type that convolutions compute in: --dtype, where "auto" is bf16 if the device is built
 * for it. */
enum scalar arithmetic(void);
#endif
