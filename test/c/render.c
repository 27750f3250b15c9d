/* A batch as a GPU renders it, beside the CPU's: the staging buffer that is sent, and lib/cuda's
 * kernels, run by test/cuda/emulated; with FD2_TEST_DEVICE=cuda on the GPU. */
#include <math.h>
#include <string.h>

#include "lib/cuda/engine.h"
#include "lib/fd2/batch/batch.h"
#include "lib/fd2/batch/staging.h"
#include "lib/torch/start.h"
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

static void fill(struct batch *b, const struct item *items, const struct augment *how,
    enum mix_kind kind, uint64_t seed)
{
	struct view views[N];
	for (int i = 0; i < N; i++)
		views[i] = view_random(&items[i].image, S, how, seed, 3, i);
	struct mix mix = mix_random(kind, views, N, S, seed, 3, 0);
	batch_clear(b);
	for (int i = 0; i < N; i++)
		if (i % 2)
			batch_add(b, items, &views[i]);
		else
			batch_add_image(b, &items[i].image, i, &views[i]);
	batch_mix(b, &mix);
}

static const struct augment augments[] = {
    {.crop = CROP_RESIZED, .min_scale = 0.08},
    {.crop = CROP_PLAIN},
    {.crop = CROP_RESIZED, .min_scale = 0.3, .shuffle = true},
    {.crop = CROP_RESIZED, .min_scale = 0.3, .jitter = {.amount = {0.4, 0.4, 0.4, 0.2}}},
    {.crop = CROP_RESIZED,
        .min_scale = 0.3,
        .jitter = {.amount = {[CONTRAST] = 0.8}, .degrees = 40}},
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
				batch_render_on_cpu(&b, &normal);
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

/* The threads' order differs from run to run. */
static void emulated(struct batch *b)
{
	static float workspace[N * PIXELS], out[N * PIXELS], before[N * PIXELS];
	struct rendering how = {S, normal, b->mix};
	const void *staging = tensor_bytes(staging_fill(b->items, b->views, N));
	for (int i = 0; i < 3; i++) {
		memset(out, 0xff, sizeof out);
		CHECK_STR(fd2_cuda_engine()->render(staging, N, &how, workspace, out, NULL), NULL);
		CHECK(!i || !memcmp(out, before, sizeof out));
		memcpy(before, out, sizeof out);
	}
	check_same(b, out);
}

static void the_kernels(void)
{
	each_batch(emulated);
}

/* Whatever the device is, and whatever part of it is asked for. */
static void on_the_device(struct batch *b)
{
	enum { FIRST = 2, SOME = 4 };
	static float out[N * PIXELS], some[SOME * PIXELS];
	batch_render(b, &normal);
	Tensor *all = tensor_permute(batch_images(b, 0, N, T_F32), 4, (int[]){0, 2, 3, 1});
	Tensor *few = tensor_permute(batch_images(b, FIRST, SOME, T_F32), 4, (int[]){0, 2, 3, 1});
	CHECK(tensor_read(all, T_F32, out, N * PIXELS) == 0 &&
	      tensor_read(few, T_F32, some, SOME * PIXELS) == 0);
	CHECK(!memcmp(some, out + FIRST * PIXELS, sizeof some));
	check_same(b, out);
	CHECK(!torch_on_gpu() == !b->on_device);
}

static void the_device(void)
{
	each_batch(on_the_device);
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	RUN(the_kernels);
	RUN(the_device);
	return check_done();
}
