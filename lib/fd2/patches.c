#include "lib/fd2/patches.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/par.h"
#include "lib/base/rng.h"

enum { IMAGES_MAX = 300, BATCH = 64 };

enum difficulty difficulty_of(const char *name)
{
	return !strcmp(name, "easy") ? DIFFICULTY_EASY : !strcmp(name, "hard") ? DIFFICULTY_HARD : DIFFICULTY_MEDIUM;
}

/* --- scoring ---------------------------------------------------------------------------------------------------------------- */

struct padding {
	float *pixels; /* [n][size][size][3], zeros around the crop */
	const struct patch *patches;
	const struct dataset *d;
	const struct normal *normal;
	int size, side; /* of the crop */
};

static void pad_one(void *ctx, int i)
{
	struct padding *p = ctx;
	int side = p->side, at = (p->size - side) / 2;
	struct view v = {p->patches[i].box, false};
	float *crop = xcalloc(3 * (size_t)side * side, sizeof *crop);
	float *out = p->pixels + (size_t)i * 3 * p->size * p->size;
	const struct item *it = &p->d->v[p->patches[i].item];
	struct image im = item_image(it);
	view_render(crop, &im, &v, side, p->normal);
	item_release(it, &im);
	memset(out, 0, 3 * (size_t)p->size * p->size * sizeof *out);
	for (int y = 0; y < side; y++)
		memcpy(out + 3 * ((size_t)(at + y) * p->size + at), crop + 3 * (size_t)y * side, 3 * (size_t)side * sizeof *out);
	free(crop);
}

/* -log softmax(p_bb)[k] of each crop, padded. */
static void score(struct patch *patches, int n, const struct teacher *t, const struct dataset *d, int k, int factor)
{
	struct batch b;
	batch_init(&b, BATCH, t->size);
	for (int i = 0; i < n; i += BATCH) {
		int m = n - i < BATCH ? n - i : BATCH;
		float logp[BATCH];
		struct padding p = {b.pixels, patches + i, d, &t->normal, t->size, t->size / factor};
		par_for(m, pad_one, &p);
		tensor_scope_begin(NO_GRAD);
		struct pass pass = {.bn = BN_RUNNING};
		Tensor *F = backbone_features(&t->backbone, batch_images(&b, 0, m, arithmetic()), &pass);
		Tensor *l = tensor_log_softmax(backbone_logits(&t->backbone, F, &pass), 1);
		if (tensor_read(tensor_contiguous(tensor_narrow(l, 1, k, 1)), T_F32, logp, m) == 0)
			for (int j = 0; j < m; j++)
				patches[i + j].score = -logp[j];
		tensor_scope_end();
	}
	batch_free(&b);
}

/* --- choosing --------------------------------------------------------------------------------------------------------------- */

static int by_score(const void *a, const void *b)
{
	const struct patch *p = a, *q = b;
	if (p->score != q->score)
		return p->score < q->score ? -1 : 1;
	return p->item != q->item ? p->item - q->item : p->box.x - q->box.x;
}

/* Up to IMAGES_MAX images of class k, in random order. */
static int images_of(uint32_t *items, const struct dataset *d, int k, struct rng *r)
{
	uint32_t n = 0, *all = xcalloc((size_t)d->n, sizeof *all);
	for (int i = 0; i < d->n; i++)
		if (d->v[i].label == k)
			all[n++] = (uint32_t)i;
	rng_shuffle(r, all, n);
	if (n > IMAGES_MAX)
		n = IMAGES_MAX;
	memcpy(items, all, n * sizeof *all);
	free(all);
	return (int)n;
}

/* Sorts each image's crops, then rearranges to rounds: every image's best crop in ascending order, then every second best ... */
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

int patches_choose(struct patch *out, const struct teacher *t, const struct dataset *d, int k, int factor, int ipc, int crops,
    enum difficulty difficulty, uint64_t seed)
{
	struct rng r = rng_at(seed, RNG_PATCH, (uint64_t)k, 0, 0);
	uint32_t items[IMAGES_MAX];
	int images = images_of(items, d, k, &r), need = factor * factor * ipc;
	if (!images)
		return fail("class '%s' has no image to start from", t->class_names[k]);
	if (images * crops < need)
		crops = (need + images - 1) / images;
	struct patch *v = xcalloc((size_t)images * crops, sizeof *v);
	for (int i = 0; i < images * crops; i++) {
		const struct image *im = &d->v[items[i / crops]].image;
		v[i] = (struct patch){.item = (int)items[i / crops], .box = random_resized_crop(&r, im->w, im->h, 0.08, 1, 1, 1)};
	}
	score(v, images * crops, t, d, k, factor);
	rank(v, images, crops);
	int spare = images > need ? images - need : 0;
	int start = difficulty == DIFFICULTY_EASY ? 0 : difficulty == DIFFICULTY_HARD ? spare : spare / 2;
	memcpy(out, v + start, (size_t)need * sizeof *out);
	free(v);
	return tensor_error() ? fail("cannot score patches: %s", tensor_error()) : 0;
}

void patches_mosaic(float *out, const struct patch *patches, const struct dataset *d, int factor, int ipc, int i, int size,
    const struct normal *normal)
{
	/* cells that do not divide the size differ by a pixel: all are drawn at the largest side and cut */
	int side = (size + factor - 1) / factor;
	float *crop = xcalloc(3 * (size_t)side * side, sizeof *crop);
	for (int cell = 0; cell < factor * factor; cell++) {
		const struct patch *p = &patches[cell * ipc + i];
		struct view v = {p->box, false};
		int row = cell / factor, column = cell % factor;
		int y0 = row * size / factor, h = (row + 1) * size / factor - y0;
		int x0 = column * size / factor, w = (column + 1) * size / factor - x0;
		struct image im = item_image(&d->v[p->item]);
		view_render(crop, &im, &v, side, normal);
		item_release(&d->v[p->item], &im);
		for (int y = 0; y < h; y++)
			memcpy(out + 3 * ((size_t)(y0 + y) * size + x0), crop + 3 * (size_t)y * side, 3 * (size_t)w * sizeof *out);
	}
	free(crop);
}
