/* Views: which part of which image a network sees, and how; and how the views of a batch are
 * mixed.
 *
 * A view is drawn from seeds by view_random, or is one of the fixed ones (view_center,
 * view_square). struct view is the only form that it has from there to the pixels: a label
 * stream stores its fields, view_render follows it on the CPU, and a GPU gets the struct itself
 * (lib/image/view-pixel.h). The views of a batch are rendered first and then mixed among
 * themselves. */
#ifndef FD2_VIEW_H
#define FD2_VIEW_H
#include "lib/image/image.h"
#include "lib/image/jitter.h"
#include <stdbool.h>
#include <stdint.h>

/* In the order in which it is applied: the quarters, crop and resize, flip, jitter, mix. */
struct view {
	struct box box; /* the crop, in the image's pixels */
	bool flip;      /* left to right */
	bool shuffled;  /* the quarters are put in the order `quarters`, see image_quarters */
	uint8_t quarters[4];
	int32_t image; /* the image's place in the set that the view belongs to */
	int32_t with;  /* the view of the same batch that this one is mixed with */
	struct jitter jitter;
};

struct normal {
	double mean[3], std[3];
};
#define IMAGENET_MEAN 0.485, 0.456, 0.406
#define IMAGENET_STD 0.229, 0.224, 0.225

enum crop_kind {
	CROP_RESIZED, /* RandomResizedCrop(min_scale..1) and flip */
	CROP_PLAIN,   /* size x size cut out of the image as it is, and flip */
};
#define CROP_CHOICES "rrc|crop"

struct augment {
	enum crop_kind crop;
	double min_scale;
	bool shuffle; /* the quarters, in any of the 24 orders */
	struct jitter_range jitter;
};

/* The view of image `index` of a set in `epoch`. */
struct view view_random(const struct image *im, int size, const struct augment *how, uint64_t seed,
    long epoch, long index);
/* The central size x size pixels. */
struct view view_center(const struct image *im, int size);
/* All of it, whatever its aspect. */
struct view view_entire(const struct image *im);
/* The central square, as large as it can be; and without the share `cut` of its side, below 0.5,
 * on each side. */
struct view view_square(const struct image *im);
struct view view_inner(const struct image *im, double cut);

/* out [size][size][3]: the quarters shuffled, the box resampled (antialiased), flipped, scaled
 * to [0,1], jittered and normalised. */
void view_render(float *out, const struct image *im, const struct view *v, int size,
    const struct normal *normal);

/* CutMix (Yun et al. 2019): the rectangle [y0,y1) x [x0,x1) comes from the other view.
 * MixUp (Zhang et al. 2018): lambda times the own pixels and 1 - lambda times the other's. */
enum mix_kind { MIX_NONE, MIX_CUTMIX, MIX_MIXUP };
#define MIX_CHOICES "none|cutmix|mixup"
const char *mix_name(enum mix_kind kind); /* "none", "cutmix", "mixup" */
/* The enum mix_kind of that name, or -1. */
int mix_of(const char *name);

/* How a batch is mixed. */
struct mix {
	enum mix_kind kind;
	float lambda; /* share of the own image that was drawn; CutMix's box has area (1 - lambda)
	                 before clipping */
	int x0, y0, x1, y1;
};
/* Draws lambda from Beta(1,1), and a permutation into `with` of the n views; 1 and each view
 * itself for MIX_NONE. */
struct mix mix_random(
    enum mix_kind kind, struct view *views, int n, int size, uint64_t seed, long epoch, long batch);
/* Mixes the rendered views [n][size][size][3] in place. */
void mix_apply(float *pixels, int n, int size, const struct mix *m, const struct view *views);

/* What the views of a batch have in common when they are rendered. */
struct rendering {
	int size; /* of the result: size x size pixels */
	struct normal normal;
	struct mix mix;
};
#endif
