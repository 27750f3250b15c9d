/* How an image is looked at: crop, flip, normalise; and how a batch is mixed. Everything is a
 * function of seeds, so a view can be drawn again, or written down and followed by another
 * program. */
#ifndef FD2_VIEW_H
#define FD2_VIEW_H
#include "lib/image/image.h"
#include "lib/image/jitter.h"
#include <stdbool.h>
#include <stdint.h>

struct view {
	struct box box;
	bool flip;     /* left to right, after the crop */
	bool shuffled; /* the image's quarters are put in this order before the crop, as
	                  image_quarters does */
	uint8_t quarters[4];
	struct jitter jitter; /* after that, within `range` */
	struct jitter_range range;
};

struct normal {
	double mean[3], std[3];
};

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

/* The view of image `index` in `epoch`. */
struct view view_random(const struct image *im, int size, const struct augment *how, uint64_t seed,
    long epoch, long index);
/* The central size x size pixels. */
struct view view_center(const struct image *im, int size);
/* The central square, as large as it can be. */
struct view view_square(const struct image *im);

/* out [size][size][3]: the quarters shuffled, the box resampled (antialiased), flipped, scaled
 * to [0,1], jittered and normalised. */
void view_render(float *out, const struct image *im, const struct view *v, int size,
    const struct normal *normal);

/* How the samples of a batch are mixed, sample i with sample with[i] and one lambda for all.
 * CutMix (Yun et al. 2019): the rectangle [y0,y1) x [x0,x1) comes from the other.
 * MixUp (Zhang et al. 2018): lambda times the own pixels and 1 - lambda times the other's. */
enum mix_kind { MIX_NONE, MIX_CUTMIX, MIX_MIXUP };
#define MIX_CHOICES "none|cutmix|mixup"
const char *mix_name(enum mix_kind kind); /* "none", "cutmix", "mixup" */
/* The enum mix_kind of that name, or -1. */
int mix_of(const char *name);

struct mix {
	enum mix_kind kind;
	float lambda; /* share of the own image that was drawn; CutMix's box has area (1 - lambda)
	                 before clipping */
	int x0, y0, x1, y1;
};
/* lambda from Beta(1,1), with: a permutation of 0..n-1; 1 and themselves for MIX_NONE. */
struct mix mix_random(
    enum mix_kind kind, uint32_t *with, int n, int size, uint64_t seed, long epoch, long batch);
/* In place on a batch [n][size][size][3]. */
void mix_apply(float *batch, int n, int size, const struct mix *m, const uint32_t *with);
#endif
