/* Seconds an image on one core, in turn on the same JPEGs: libjpeg-turbo's own decoding of the
 * whole image, and what fd2 does with a photograph: checks, decoding, and resizing to the network's
 * input. As JSON.
 *
 * usage: decode SHARD SIZE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jpeglib.h>

#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/data/fit.h"

enum { IMAGES = 400, ROUNDS = 5 };

struct jpeg {
	uint8_t *bytes;
	size_t size;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int read_shard(struct jpeg *v, char *path)
{
	struct shard_reader *r = fd2_shard_open(&path, 1);
	struct sample s;
	int n = 0;
	while (r && n < IMAGES && fd2_shard_next(r, &s) > 0) {
		v[n] = (struct jpeg){xmalloc(s.image_size), s.image_size};
		memcpy(v[n++].bytes, s.image, s.image_size);
	}
	if (!r || !n)
		die("cannot read '%s': %s", path, fail_message());
	fd2_shard_close(r);
	return n;
}

static void turbo(const struct jpeg *j)
{
	struct jpeg_decompress_struct c;
	struct jpeg_error_mgr errors;
	c.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&c);
	jpeg_mem_src(&c, j->bytes, j->size);
	jpeg_read_header(&c, TRUE);
	c.out_color_space = JCS_RGB;
	jpeg_start_decompress(&c);
	uint8_t *rgb = xmalloc((size_t)c.output_width * c.output_height * 3);
	while (c.output_scanline < c.output_height) {
		JSAMPROW row = rgb + (size_t)c.output_scanline * c.output_width * 3;
		jpeg_read_scanlines(&c, &row, 1);
	}
	jpeg_finish_decompress(&c);
	jpeg_destroy_decompress(&c);
	free(rgb);
}

static void ours(const struct jpeg *j, int size)
{
	struct image im;
	struct fitting how = {.fit = FIT_SHORT, .size = size};
	if (fit_decode(&im, j->bytes, j->size, &how, NULL) < 0)
		die("%s", fail_message());
	image_free(&im);
}

int main(int argc, char **argv)
{
	static struct jpeg v[IMAGES];
	prog_name = "decode";
	int n = argc == 3 ? read_shard(v, argv[1]) : 0;
	printf("{\"images\": %d, \"rounds\": [", n);
	for (int round = -1; round < ROUNDS; round++) {
		double start = now();
		for (int i = 0; i < n; i++)
			turbo(&v[i]);
		double middle = now();
		for (int i = 0; i < n; i++)
			ours(&v[i], atoi(argv[2]));
		if (round >= 0) /* the first one does not count */
			printf("%s[%g, %g]", round ? ", " : "", (middle - start) / n,
			    (now() - middle) / n);
	}
	puts("]}");
	return 0;
}
