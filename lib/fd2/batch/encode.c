#include "lib/fd2/batch/encode.h"

#include <math.h>
#include <stdlib.h>

#include "formats/npy.h"
#include "lib/base/err.h"

/* Converts [3][S][S] to the 8-bit image that is stored. */
static struct image to_image(const float *rgb, int S)
{
	struct image im = image_new(S, S);
	for (int c = 0; c < 3; c++)
		for (int i = 0; i < S * S; i++)
			im.rgb[3 * i + c] =
			    (uint8_t)lrintf(255 * fminf(fmaxf(rgb[(size_t)c * S * S + i], 0), 1));
	return im;
}

/* Reads x, denormalised, into rgb and, unless it is NULL, into f16. */
static int read_pixels(
    const Tensor *x, const struct normal *normal, float *rgb, uint16_t *f16, int64_t n)
{
	int64_t shape[] = {1, 3, 1, 1};
	tensor_scope_begin(NO_GRAD);
	Tensor *std = tensor_to(tensor_from(normal->std, T_F64, 4, shape), T_F32);
	Tensor *mean = tensor_to(tensor_from(normal->mean, T_F64, 4, shape), T_F32);
	Tensor *pixels = tensor_add(tensor_mul(x, std), mean);
	int err = tensor_read(pixels, T_F32, rgb, n);
	if (!err && f16)
		err = tensor_read(pixels, T_F16, f16, n);
	tensor_scope_end();
	return err < 0 ? fail("cannot read the images: %s", tensor_error()) : 0;
}

int encode_image(struct encoded *f, const Tensor *x, const struct normal *normal,
    enum pixels pixels, int quality)
{
	int S = (int)tensor_size(x, 2);
	size_t n = (size_t)3 * S * S;
	float *rgb = xcalloc(n, sizeof *rgb);
	uint16_t *f16 = pixels == PIXELS_F16 ? xcalloc(n, sizeof *f16) : NULL;
	*f = (struct encoded){0};
	int err = read_pixels(x, normal, rgb, f16, (int64_t)n);
	if (!err) {
		struct image im = to_image(rgb, S);
		err = jpeg_encode(&im, quality, &f->jpeg, &f->jpeg_size);
		image_free(&im);
	}
	if (!err && f16)
		f->npy = npy_f16(f16, 3, (int64_t[]){3, S, S}, &f->npy_size);
	free(rgb);
	free(f16);
	return err;
}

void encoded_free(struct encoded *f)
{
	free(f->jpeg);
	free(f->npy);
	*f = (struct encoded){0};
}
