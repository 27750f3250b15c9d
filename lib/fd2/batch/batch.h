/* The face of lib/fd2/batch: renders images into tensors.
 *
 * A batch is a list of views: batch_clear empties it; batch_add, batch_add_center and
 * batch_add_image add one view each; batch_mix sets how they are mixed with each other.
 * batch_render then makes the pixels, on all threads or on the GPU, and batch_images and
 * batch_labels return tensors of all or some of them. One batch is filled and rendered many times.
 *
 * validate.h runs a network over a data set in batches, late.h reads a batch's results while the
 * next one runs, and measures.h turns logits into metrics. */
#ifndef FD2_BATCH_H
#define FD2_BATCH_H
#include "lib/data/dataset.h"
#include "lib/image/view.h"
#include "lib/nn/layers.h"

struct batch {
	int n, size, cap;
	const struct item **items; /* [n], borrowed or in `own` */
	struct item *own;          /* [cap]: those of batch_add_image */
	struct view *views;        /* [n] */
	int64_t *labels;           /* [n] */
	struct mix mix;
	float *pixels;     /* [n][size][size][3], normalised and mixed, if the CPU rendered it */
	bool on_gpu;       /* the GPU rendered it, into on_device */
	Tensor *on_device; /* [n,3,size,size]; NULL after an error */
};

/* Allocates memory for `cap` images of size x size. */
void batch_init(struct batch *b, int cap, int size);
void batch_free(struct batch *b);
void batch_clear(struct batch *b);
/* Adds a view of items[v->image], which stay the caller's; nothing is rendered yet. */
void batch_add(struct batch *b, const struct item *items, const struct view *v);
/* Adds the item's central view. */
void batch_add_center(struct batch *b, const struct item *item);
/* Adds a view of an image in memory, which stays the caller's until the batch is rendered. */
void batch_add_image(struct batch *b, const struct image *im, int label, const struct view *v);
/* Sets how the views are mixed when rendered, each with the view that its `with` names. */
void batch_mix(struct batch *b, const struct mix *m);
void batch_render(struct batch *b, const struct normal *normal);
/* Like batch_render, but into `pixels` on every device. */
void batch_render_on_cpu(struct batch *b, const struct normal *normal);

/* Return images first..first+n-1 as [n,3,size,size], channels-last, in `type`, and their labels as
 * i64 [n]. */
Tensor *batch_images(const struct batch *b, int first, int n, enum scalar type);
Tensor *batch_labels(const struct batch *b, int first, int n);

/* Copies pixels [n][size][size][3] into [n,3,size,size], channels-last, in `type`. */
Tensor *images_from(const float *pixels, int n, int size, enum scalar type);
/* Renders one view of an image in memory as [1,3,size,size]. */
Tensor *image_tensor(const struct image *im, const struct view *v, int size,
    const struct normal *normal, enum scalar type);

/* Returns the size of a half of a batch of n, which networks see whole (parts 1) or in two halves
 * (parts 2). The first half is never the larger. */
int half_size(int n, int parts, int half);

/* Returns the type that convolutions compute in: --dtype, where "auto" means bf16 if the device is
 * built for it. */
enum scalar arithmetic(void);
#endif
