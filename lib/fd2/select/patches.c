#include "lib/fd2/select/patches.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/par.h"
#include "lib/base/progress.h"
#include "lib/base/rng.h"

enum { BATCH = 64 };

struct padding {
	float *pixels; /* [n][size][size][3], zeros around the crop */
	const struct patch *patches;
	const struct dataset *d;
	const struct normal *normal;
	int size, side; /* sides of the whole and of the crop */
};

static void pad_one(void *ctx, int i)
{
	struct padding *p = ctx;
	int side = p->side, at = (p->size - side) / 2;
	struct view v = {.box = p->patches[i].box};
	float *crop = xcalloc(3 * (size_t)side * side, sizeof *crop);
	float *out = p->pixels + (size_t)i * 3 * p->size * p->size;
	const struct item *it = &p->d->v[p->patches[i].item];
	struct image im = item_image(it);
	view_render(crop, &im, &v, side, p->normal);
	item_release(it, &im);
	memset(out, 0, 3 * (size_t)p->size * p->size * sizeof *out);
	for (int y = 0; y < side; y++)
		memcpy(out + 3 * ((size_t)(at + y) * p->size + at), crop + 3 * (size_t)y * side,
		    3 * (size_t)side * sizeof *out);
	free(crop);
}

/* Sets the score of each padded crop: -log softmax(p_bb)[k]. */
static int score(
    struct patch *patches, int n, const struct teacher *t, const struct dataset *d, int k, int side)
{
	float *pixels = xcalloc(BATCH, 3 * (size_t)t->size * t->size * sizeof *pixels);
	int err = 0;
	for (int i = 0; i < n && !err; i += BATCH) {
		int m = n - i < BATCH ? n - i : BATCH;
		float logp[BATCH];
		struct padding p = {pixels, patches + i, d, &t->normal, t->size, side};
		par_for(m, pad_one, &p);
		tensor_scope_begin(NO_GRAD);
		struct pass pass = {.bn = BN_RUNNING};
		Tensor *F = backbone_features(
		    &t->backbone, images_from(pixels, m, t->size, arithmetic()), &pass);
		Tensor *l = tensor_log_softmax(backbone_logits(&t->backbone, F, &pass), 1);
		err = tensor_read(tensor_contiguous(tensor_narrow(l, 1, k, 1)), T_F32, logp, m);
		tensor_scope_end();
		if (err)
			fail("cannot score patches: %s", tensor_error());
		for (int j = 0; j < m && !err; j++) {
			patches[i + j].score = -logp[j];
			if (!isfinite(logp[j]))
				err = fail("the teacher's confidences of '%s' are not finite",
				    d->v[patches[i + j].item].key);
		}
		progress_add(m, "class '%s'", t->class_names[k]);
	}
	free(pixels);
	return err;
}

static int by_score(const void *a, const void *b)
{
	const struct patch *p = a, *q = b;
	if (p->score != q->score)
		return p->score < q->score ? -1 : 1;
	return p->item != q->item ? p->item - q->item : p->box.x - q->box.x;
}

/* Sets *items to a new list of images of class k in random order. Returns how many of them to use,
 * up to `most`. */
static int images_of(uint32_t **items, const struct dataset *d, int k, int most, struct rng *r)
{
	uint32_t n = 0, *all = *items = xcalloc((size_t)d->n, sizeof *all);
	for (int i = 0; i < d->n; i++)
		if (d->v[i].label == k)
			all[n++] = (uint32_t)i;
	rng_shuffle(r, all, n);
	return n < (uint32_t)most ? (int)n : most;
}

/* Sorts each image's crops, then rearranges them in rounds: the best crop of every image in
 * ascending order, then every second best ... */
static void rank(struct patch *v, int images, int crops)
{
	struct patch *rounds = xcalloc((size_t)images * crops, sizeof *rounds);
	for (int i = 0; i < images; i++)
		qsort(v + (size_t)i * crops, (size_t)crops, sizeof *v, by_score);
	for (int c = 0; c < crops; c++) {
		for (int i = 0; i < images; i++)
			rounds[c * images + i] = v[i * crops + c];
		qsort(rounds + (size_t)c * images, (size_t)images, sizeof *rounds, by_score);
	}
	memcpy(v, rounds, (size_t)images * crops * sizeof *v);
	free(rounds);
}

int patches_in(const struct patch_rule *rule)
{
	return rule->ipc * rule->factor * rule->factor;
}

int patches_side(int size, int factor)
{
	return (size + factor - 1) / factor;
}

/* Returns rule->crops, or more for a class with too few images. */
static int crops_of_each(const struct patch_rule *rule, int images)
{
	int need = patches_in(rule);
	return images * rule->crops < need ? (need + images - 1) / images : rule->crops;
}

long patches_scored(const int *images, int classes, const struct patch_rule *rule)
{
	long crops = 0;
	for (int k = 0; k < classes; k++) {
		int n = images[k] < rule->images ? images[k] : rule->images;
		crops += n ? (long)n * crops_of_each(rule, n) : 0;
	}
	return crops;
}

static struct box draw_box(const struct image *im, int side, struct rng *r)
{
	int most = im->w < im->h ? im->w : im->h;
	if (!side)
		return random_resized_crop(r, im->w, im->h, 0.08, 1, 1, 1);
	if (side > most)
		side = most;
	int x = (int)rng_below(r, (uint32_t)(im->w - side + 1)),
	    y = (int)rng_below(r, (uint32_t)(im->h - side + 1));
	return (struct box){x, y, side, side};
}

static int choose(struct patch *out, const struct teacher *t, const struct dataset *d, int k,
    const struct patch_rule *rule, const uint32_t *items, int images, struct rng *r)
{
	int need = patches_in(rule), crops = crops_of_each(rule, images);
	struct patch *v = xcalloc((size_t)images * crops, sizeof *v);
	for (int i = 0; i < images * crops; i++) {
		const struct image *im = &d->v[items[i / crops]].image;
		v[i] = (struct patch){
		    .item = (int)items[i / crops], .box = draw_box(im, rule->side, r)};
	}
	int err = score(v, images * crops, t, d, k, t->size / rule->factor);
	if (!err)
		rank(v, images, crops);
	int spare = images > need ? images - need : 0;
	int start = rule->difficulty == DIFFICULTY_EASY   ? 0
	            : rule->difficulty == DIFFICULTY_HARD ? spare
	                                                  : spare / 2;
	memcpy(out, v + start, (size_t)need * sizeof *out);
	free(v);
	return err;
}

int patches_choose(struct patch *out, const struct teacher *t, const struct dataset *d, int k,
    const struct patch_rule *rule, uint64_t seed)
{
	struct rng r = rng_at(seed, RNG_PATCH, (uint64_t)k, 0, 0);
	uint32_t *items;
	int images = images_of(&items, d, k, rule->images, &r);
	int err = images ? choose(out, t, d, k, rule, items, images, &r)
	                 : fail("class '%s' has no image", t->class_names[k]);
	free(items);
	return err;
}

/* If the size is not a multiple of the factor, the sides of cells differ by a pixel: patches are
 * all rendered at the larger size and cropped. */
struct image patches_mosaic(const struct patch *patches, const struct dataset *d,
    const struct patch_rule *rule, int i, int size)
{
	int f = rule->factor, side = patches_side(size, f);
	struct image out = image_new(size, size), crop;
	for (int q = 0; q < f * f; q++) {
		const struct patch *p = &patches[q * rule->ipc + i];
		int row = q / f, column = q % f;
		int y0 = row * size / f, h = (row + 1) * size / f - y0, x0 = column * size / f,
		    w = (column + 1) * size / f - x0;
		struct image im = item_image(&d->v[p->item]);
		image_resample(
		    &crop, &im, p->box.x, p->box.y, p->box.w, p->box.h, side, side, true);
		item_release(&d->v[p->item], &im);
		for (int y = 0; y < h; y++)
			memcpy(out.rgb + 3 * ((size_t)(y0 + y) * size + x0),
			    crop.rgb + 3 * (size_t)y * side, 3 * (size_t)w);
		image_free(&crop);
	}
	return out;
}
