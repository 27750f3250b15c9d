/* Views: which part of which image a network sees, and how; and how the views of a batch are
 * mixed.
 *
 * view_random draws a view from a seed; others are fixed (view_center, view_square). struct view is
 * its only form until it becomes pixels: a label stream stores its fields, view_render renders it
 * on the CPU, and a GPU gets the struct itself (lib/image/view-pixel.h). The views of a batch are
 * first rendered and then mixed among themselves. */
#ifndef FD2_VIEW_H
#define FD2_VIEW_H
#include "lib/image/image.h"
#include "lib/image/jitter.h"
#include <stdbool.h>
#include <stdint.h>

/* Applied in this order: the quarters, crop and resize, flip, jitter, mix. */
struct view {
	struct box box; /* the crop, in the image's pixels */
	bool flip;      /* left to right */
	bool shuffled;  /* reorder the quarters by `quarters`, see image_quarters */
	uint8_t quarters[4];
	int32_t image; /* the image's index in its set */
	int32_t with;  /* index in the batch of the view to mix with */
	struct jitter jitter;
};

struct normal {
	double mean[3], std[3];
};
#define IMAGENET_MEAN 0.485, 0.456, 0.406
#define IMAGENET_STD 0.229, 0.224, 0.225

enum crop_kind {
	CROP_RESIZED, /* RandomResizedCrop(min_scale..1) and flip */
	CROP_PLAIN,   /* size x size pixels of the unresized image, and flip */
};
#define CROP_CHOICES "rrc|crop"

struct augment {
	enum crop_kind crop;
	double min_scale;
	bool shuffle; /* put the quarters in any of the 24 orders */
	struct jitter_range jitter;
};

/* Draws the view of image `index` of a set in `epoch`. */
struct view view_random(const struct image *im, int size, const struct augment *how, uint64_t seed,
    long epoch, long index);
/* Returns the central size x size pixels. */
struct view view_center(const struct image *im, int size);
/* Returns the whole image, whatever its aspect. */
struct view view_entire(const struct image *im);
/* Return the largest central square; view_inner without the share `cut` < 0.5 of its side at each
 * edge. */
struct view view_square(const struct image *im);
struct view view_inner(const struct image *im, double cut);

/* Renders a view to out [size][size][3]: shuffles the quarters, resamples the box (antialiased),
 * flips, scales to [0,1], jitters and normalises. */
void view_render(float *out, const struct image *im, const struct view *v, int size,
    const struct normal *normal);

/* CutMix (Yun et al. 2019): takes the rectangle [y0,y1) x [x0,x1) from the other view.
 * MixUp (Zhang et al. 2018): lambda times the view's pixels plus 1 - lambda times the other's. */
enum mix_kind { MIX_NONE, MIX_CUTMIX, MIX_MIXUP };
#define MIX_CHOICES "none|cutmix|mixup"
const char *mix_name(enum mix_kind kind); /* "none", "cutmix", "mixup" */
/* Returns the enum mix_kind of that name, or -1. */
int mix_of(const char *name);

/* How a batch is mixed. */
struct mix {
	enum mix_kind kind;
	float lambda; /* drawn share of the view itself; CutMix's box has area (1 - lambda) before
	                 clipping */
	int x0, y0, x1, y1;
};
/* Draws lambda from Beta(1,1), and a permutation into `with` of the n views. For MIX_NONE, lambda
 * is 1 and each view is with itself. */
struct mix mix_random(
    enum mix_kind kind, struct view *views, int n, int size, uint64_t seed, long epoch, long batch);
/* Mixes the rendered views [n][size][size][3] in place. */
void mix_apply(float *pixels, int n, int size, const struct mix *m, const struct view *views);

/* How to render all views of a batch. */
struct rendering {
	int size; /* of the result: size x size pixels */
	struct normal normal;
	struct mix mix;
};
#endif
