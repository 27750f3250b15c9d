/* A batch as a GPU renders it, beside the CPU's: the parcel that is sent, and the arithmetic of its passes in the order of
 * lib/cuda's kernels. With FD2_TEST_DEVICE=cuda the kernels themselves. */
#include <math.h>
#include <string.h>

#include "lib/fd2/parcel.h"
#include "test/c/check.h"
#include "test/c/tensors.h"

enum { N = 7, S = 19, PIXELS = 3 * S * S };

static const struct normal normal = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};

/* Photographs of no sense, of many sides. */
static void draw_items(struct item *items, struct rng *r)
{
	for (int i = 0; i < N; i++) {
		struct image im = image_new(5 + (int)rng_below(r, 40), 5 + (int)rng_below(r, 40));
		for (int k = 0; k < 3 * im.w * im.h; k++)
			im.rgb[k] = (uint8_t)rng_below(r, 256);
		items[i] = (struct item){.label = i, .image = im};
	}
}

static void fill(struct batch *b, const struct item *items, const struct augment *how, enum mix_kind kind, uint64_t seed)
{
	uint32_t with[N];
	batch_clear(b);
	for (int i = 0; i < N; i++) {
		struct view v = view_random(&items[i].image, S, how, seed, 3, i);
		batch_add(b, &items[i], &v);
	}
	struct mix mix = mix_random(kind, with, N, S, seed, 3, 0);
	batch_mix(b, &mix, with);
}

/* --- the kernels, one loop for each ------------------------------------------------------------------------------------------- */

static void resample(const struct shot *shots, const struct look *l, float *rgb)
{
	for (int i = 0; i < N; i++)
		for (int y = 0; y < S; y++)
			for (int x = 0; x < S; x++) {
				const struct shot *s = &shots[i];
				int to = s->flip ? S - 1 - x : x;
				shot_pixel(rgb + i * PIXELS + 3 * (y * S + to), (const uint8_t *)shots + s->at, s, l->size, x, y);
			}
}

static void recolour(const struct shot *shots, const struct look *l, float *rgb)
{
	for (int i = 0; i < N; i++)
		for (int k = 0; k < JITTERS; k++) {
			int kind = shots[i].jitter.order[k];
			double sum = 0;
			if (!(l->range.amount[kind] > 0))
				continue;
			for (int p = 0; p < S * S; p++)
				sum += colour_grey(rgb + i * PIXELS + 3 * p);
			for (int p = 0; p < S * S; p++)
				colour_change(
				    rgb + i * PIXELS + 3 * p, kind, (float)shots[i].jitter.value[kind], (float)(sum / (S * S)));
		}
}

static float finished(const struct shot *shots, const struct look *l, const float *rgb, int i, int x, int y, int c)
{
	int with = shots[i].with, own = shot_is_cut(&l->mix, x, y) ? with : i;
	float value = shot_value(rgb + own * PIXELS, &shots[own], l, x, y, c);
	if (l->mix.kind == MIX_MIXUP)
		value = l->mix.lambda * value + (1 - l->mix.lambda) * shot_value(rgb + with * PIXELS, &shots[with], l, x, y, c);
	return value;
}

static void render(float *out, struct batch *b)
{
	static float rgb[N * PIXELS];
	Tensor *parcel = batch_parcel(b);
	const struct shot *shots = (const struct shot *)tensor_bytes(parcel);
	struct look l = batch_look(b, &normal);
	resample(shots, &l, rgb);
	recolour(shots, &l, rgb);
	for (int k = 0; k < N * PIXELS; k++)
		out[k] = finished(shots, &l, rgb, k / PIXELS, k / 3 % S, k / (3 * S) % S, k % 3);
}

/* --- cases -------------------------------------------------------------------------------------------------------------------- */

static const struct augment augments[] = {
    {.crop = CROP_RESIZED, .min_scale = 0.08},
    {.crop = CROP_PLAIN},
    {.crop = CROP_RESIZED, .min_scale = 0.3, .shuffle = true},
    {.crop = CROP_RESIZED, .min_scale = 0.3, .jitter = {.amount = {0.4, 0.4, 0.4, 0.2}}},
    {.crop = CROP_RESIZED, .min_scale = 0.3, .jitter = {.amount = {[CONTRAST] = 0.8}, .degrees = 40}},
};

/* f is given every kind of batch and its pixels as the CPU makes them. */
static void each_batch(void (*f)(struct batch *b))
{
	struct rng r = rng_at(11, RNG_TEST, 1, 0, 0);
	struct item items[N];
	struct batch b;
	draw_items(items, &r);
	batch_init(&b, N, S);
	for (size_t k = 0; k < sizeof augments / sizeof *augments; k++)
		for (enum mix_kind kind = MIX_NONE; kind <= MIX_MIXUP; kind++)
			for (uint64_t seed = 0; seed < 8; seed++) {
				tensor_scope_begin(NO_GRAD);
				fill(&b, items, &augments[k], kind, seed);
				batch_render_here(&b, &normal);
				f(&b);
				tensor_scope_end();
			}
	batch_free(&b);
	for (int i = 0; i < N; i++)
		image_free(&items[i].image);
}

static void check_same(const struct batch *b, const float *out)
{
	int off = 0;
	double most = 0;
	for (int k = 0; k < N * PIXELS; k++) {
		off += fabs(out[k] - b->pixels[k]) > 1e-5;
		most = fmax(most, fabs(out[k] - b->pixels[k]));
	}
	CHECK_THAT(!off, "%d of %d values, by up to %g", off, N * PIXELS, most);
}

static void passes(struct batch *b)
{
	static float out[N * PIXELS];
	render(out, b);
	check_same(b, out);
}

static void as_on_the_cpu(void)
{
	each_batch(passes);
}

/* Whatever the device is, and whatever part of it is asked for. */
static void on_the_device(struct batch *b)
{
	enum { FIRST = 2, SOME = 4 };
	static float out[N * PIXELS], some[SOME * PIXELS];
	batch_render(b, &normal);
	Tensor *all = tensor_permute(batch_images(b, 0, N, T_F32), 4, (int[]){0, 2, 3, 1});
	Tensor *few = tensor_permute(batch_images(b, FIRST, SOME, T_F32), 4, (int[]){0, 2, 3, 1});
	CHECK(tensor_read(all, T_F32, out, N * PIXELS) == 0 && tensor_read(few, T_F32, some, SOME * PIXELS) == 0);
	CHECK(!memcmp(some, out + FIRST * PIXELS, sizeof some));
	check_same(b, out);
	CHECK(!torch_on_gpu() == !b->seen);
}

static void wherever_it_is(void)
{
	each_batch(on_the_device);
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	RUN(as_on_the_cpu);
	RUN(wherever_it_is);
	return check_done();
}
