/* JPEG, resizing, crops and drawing, against numbers worked out by hand. */
#include "lib/base/err.h"
#include "lib/base/rng.h"
#include "lib/image/creature.h"
#include "lib/image/draw.h"
#include "lib/image/text.h"
#include "test/c/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

static struct image grey(int w, int h, const uint8_t *v)
{
	struct image im = image_new(w, h);

	for (int i = 0; i < w * h * 3; i++)
		im.rgb[i] = v[i / 3];
	return im;
}

static int same(const struct image *a, const struct image *b)
{
	return a->w == b->w && a->h == b->h &&
	       memcmp(a->rgb, b->rgb, (size_t)a->w * (size_t)a->h * 3) == 0;
}

/* The first channel of the resampled image, row by row. */
static void check_resampled(
    const struct image *in, const double *box, int w, int h, int antialias, const uint8_t *expected)
{
	struct image out;

	image_resample(&out, in, box[0], box[1], box[2], box[3], w, h, antialias);
	CHECK(out.w == w && out.h == h);
	for (int i = 0; i < w * h; i++)
		CHECK_NEAR(out.rgb[i * 3], expected[i], 0);
	image_free(&out);
}

static void resample_keeps_what_fits(void)
{
	const uint8_t v[] = {0, 10, 200, 30, 40, 255};
	struct image in = grey(3, 2, v);
	const double whole[] = {0, 0, 3, 2}, corner[] = {1, 1, 2, 1};
	const uint8_t cut[] = {40, 255};

	for (int antialias = 0; antialias < 2; antialias++) {
		check_resampled(&in, whole, 3, 2, antialias, v);
		check_resampled(&in, corner, 2, 1, antialias, cut);
	}
	image_free(&in);
}

/* The share of input p of a box [at, at + length), not yet divided by their sum, for output i of
 * n. */
static double share(int p, int size, double at, double length, int i, int n, int antialias)
{
	double scale = length / n, width = antialias && scale > 1 ? scale : 1,
	       centre = at + (i + 0.5) * scale;
	int inside = p >= fmax(0, floor(at)) && p < fmin(size, ceil(at + length));
	return inside ? fmax(0, 1 - fabs(p + 0.5 - centre) / width) : 0;
}

static double resampled(
    const struct image *in, const double *box, int w, int h, int x, int y, int c, int antialias)
{
	double sum = 0, value = 0;
	for (int q = 0; q < in->h; q++)
		for (int p = 0; p < in->w; p++) {
			double s = share(p, in->w, box[0], box[2], x, w, antialias) *
			           share(q, in->h, box[1], box[3], y, h, antialias);
			sum += s;
			value += s * in->rgb[(q * in->w + p) * 3 + c];
		}
	return value / sum;
}

/* Noise, through boxes that shrink and grow; each row ends in another part of a vector. */
static void resample_is_its_definition(void)
{
	static const double boxes[][4] = {
	    {0, 0, 37, 29}, {3, 2, 20, 11}, {0.4, 1.7, 31.2, 20.9}, {5, 5, 3, 2}, {30, 0, 7, 29}};
	struct image in = image_new(37, 29), out;
	struct rng r = rng_at(11, RNG_TEST, 5, 0, 0);
	for (int i = 0; i < 37 * 29 * 3; i++)
		in.rgb[i] = (uint8_t)rng_u32(&r);
	for (int k = 0; k < 5 * 14; k++) {
		int w = (int[]){1, 5, 6, 11, 16, 21, 22, 27, 32, 37, 43, 48, 59, 64}[k % 14],
		    h = 1 + k % 9, antialias = k & 1;
		image_resample(&out, &in, boxes[k / 14][0], boxes[k / 14][1], boxes[k / 14][2],
		    boxes[k / 14][3], w, h, antialias);
		for (int i = 0; i < w * h * 3; i++)
			CHECK_NEAR(out.rgb[i],
			    resampled(
			        &in, boxes[k / 14], w, h, i / 3 % w, i / 3 / w, i % 3, antialias),
			    0.501);
		image_free(&out);
	}
	image_free(&in);
}

/* Shrinking by 2 the triangle is 4 wide: weights 1:3:3:1, less what lies beyond the border. */
static void resample_halves(void)
{
	const uint8_t v[] = {0, 80, 160, 240, 0, 80};
	struct image in = grey(6, 1, v);
	const double whole[] = {0, 0, 6, 1};
	const uint8_t smooth[] = {57, 160, 69}, plain[] = {40, 200, 40};

	check_resampled(&in, whole, 3, 1, 1, smooth);
	check_resampled(&in, whole, 3, 1, 0, plain);
	image_free(&in);
}

static void resample_doubles(void)
{
	const uint8_t v[] = {0, 100};
	struct image in = grey(2, 1, v), turned = grey(1, 2, v);
	const double wide[] = {0, 0, 2, 1}, tall[] = {0, 0, 1, 2};
	const uint8_t expected[] = {0, 25, 75, 100};

	for (int antialias = 0; antialias < 2; antialias++) {
		check_resampled(&in, wide, 4, 1, antialias, expected);
		check_resampled(&turned, tall, 1, 4, antialias, expected);
	}
	image_free(&in);
	image_free(&turned);
}

static void resample_clamps_to_the_border(void)
{
	const uint8_t v[] = {10, 20, 30, 40};
	struct image in = grey(2, 2, v);
	const double before[] = {-9, -9, 4, 4}, beyond[] = {50, 50, 3, 3}, around[] = {-2, 0, 6, 2};
	const uint8_t first[] = {10, 10, 10, 10}, last[] = {40, 40, 40, 40};
	const uint8_t spread[] = {10, 10, 10, 20, 20, 20, 30, 30, 30, 40, 40, 40};

	for (int antialias = 0; antialias < 2; antialias++) {
		check_resampled(&in, before, 2, 2, antialias, first);
		check_resampled(&in, beyond, 2, 2, antialias, last);
		check_resampled(&in, around, 6, 2, antialias, spread);
	}
	image_free(&in);
}

static void resample_keeps_a_constant(void)
{
	struct image in = image_new(97, 61);

	memset(in.rgb, 255, 97 * 61 * 3);
	for (int w = 1; w < 200; w += 33) {
		struct image out;

		image_resample(&out, &in, 0.3, 1.7, 90.1, 50.9, w, 200 - w, w & 1);
		for (int i = 0; i < w * (200 - w) * 3; i++)
			CHECK(out.rgb[i] == 255);
		image_free(&out);
	}
	image_free(&in);
}

static void short_side_is_torchvisions(void)
{
	const int sizes[][5] = {{500, 375, 224, 298, 224}, {375, 500, 224, 224, 298},
	    {7, 7, 3, 3, 3}, {100, 1, 2, 200, 2}};

	for (int i = 0; i < 4; i++) {
		const int *s = sizes[i];
		struct image in = image_new(s[0], s[1]), out;

		image_resize_short(&out, &in, s[2]);
		CHECK(out.w == s[3] && out.h == s[4]);
		image_free(&in);
		image_free(&out);
	}
}

/* Each pixel says where it comes from. */
static void quarters_change_places(void)
{
	static const uint8_t order[4] = {3, 0, 1, 2}, same_order[4] = {0, 1, 2, 3};

	for (int odd = 0; odd < 2; odd++) {
		int w = 6 + odd, h = 4 + odd;
		struct image in = image_new(w, h), out, kept;

		for (int i = 0; i < w * h; i++) {
			in.rgb[3 * i] = (uint8_t)(i % w);
			in.rgb[3 * i + 1] = (uint8_t)(i / w);
		}
		image_quarters(&out, &in, order);
		image_quarters(&kept, &in, same_order);
		CHECK(same(&in, &kept));
		for (int i = 0; i < w * h; i++) {
			int x = i % w, y = i / w, right = x >= 3 + odd, low = y >= 2 + odd;

			if (odd && (x == 3 || y == 2)) {
				CHECK(out.rgb[3 * i] == x && out.rgb[3 * i + 1] == y);
				continue;
			}
			CHECK(out.rgb[3 * i] % (3 + odd) == x % (3 + odd) &&
			      out.rgb[3 * i + 1] % (2 + odd) == y % (2 + odd));
			CHECK((out.rgb[3 * i + 1] >= 2 + odd) * 2 + (out.rgb[3 * i] >= 3 + odd) ==
			      order[2 * low + right]);
		}
		image_free(&in);
		image_free(&out);
		image_free(&kept);
	}
}

static void crops_stay_within(void)
{
	struct rng r = rng_at(1, RNG_TEST, 0, 0, 0);

	for (int i = 0; i < 2000; i++) {
		int w = 1 + (int)rng_below(&r, 90), h = 1 + (int)rng_below(&r, 90);
		struct box b = random_resized_crop(&r, w, h, 0.08, 1, 3.0 / 4, 4.0 / 3);

		CHECK(
		    b.x >= 0 && b.y >= 0 && b.w > 0 && b.h > 0 && b.x + b.w <= w && b.y + b.h <= h);
	}
}

/* An area larger than the image cannot be had: the central crop of the nearest allowed ratio. */
static void crop_falls_back_to_the_centre(void)
{
	struct rng r = rng_at(1, RNG_TEST, 0, 0, 0);
	struct box wide = random_resized_crop(&r, 100, 30, 9, 10, 3.0 / 4, 4.0 / 3);
	struct box tall = random_resized_crop(&r, 30, 100, 9, 10, 3.0 / 4, 4.0 / 3);

	CHECK(wide.x == 30 && wide.y == 0 && wide.w == 40 && wide.h == 30);
	CHECK(tall.x == 0 && tall.y == 30 && tall.w == 30 && tall.h == 40);
}

/* A smooth picture, which JPEG changes little. */
static struct image ramp(int w, int h)
{
	struct image im = image_new(w, h);

	for (int i = 0; i < w * h; i++) {
		im.rgb[i * 3] = (uint8_t)(i % w * 255 / w);
		im.rgb[i * 3 + 1] = (uint8_t)(i / w * 255 / h);
		im.rgb[i * 3 + 2] = 90;
	}
	return im;
}

static void jpeg_round_trip(void)
{
	struct image im = ramp(67, 45), back;

	for (int quality = 80; quality <= 100; quality += 10) {
		uint8_t *data, *again;
		size_t size, size_again;

		CHECK(jpeg_encode(&im, quality, &data, &size) == 0);
		CHECK(jpeg_encode(&im, quality, &again, &size_again) == 0);
		CHECK(size == size_again && memcmp(data, again, size) == 0);
		CHECK(jpeg_decode(&back, data, size, 0) == 0);
		CHECK(back.w == 67 && back.h == 45);
		for (int i = 0; i < 67 * 45 * 3; i++)
			CHECK_NEAR(back.rgb[i], im.rgb[i], 12);
		image_free(&back);
		free(data);
		free(again);
	}
	image_free(&im);
}

static void jpeg_scales_down_to_the_wanted_side(void)
{
	struct image im = ramp(160, 120), back;
	const int wanted[] = {0, 121, 61, 60, 30, 16, 15, 1},
	          short_side[] = {120, 120, 120, 60, 30, 30, 15, 15};
	uint8_t *data;
	size_t size;

	CHECK(jpeg_encode(&im, 90, &data, &size) == 0);
	for (int i = 0; i < 8; i++) {
		CHECK(jpeg_decode(&back, data, size, wanted[i]) == 0);
		CHECK(back.h == short_side[i]);
		image_free(&back);
	}
	free(data);
	image_free(&im);
}

static void check_refused(const uint8_t *data, size_t size, const char *message)
{
	/* A copy of its own, so that reading beyond it is seen. */
	uint8_t *copy = malloc(size ? size : 1);
	struct image im;

	memcpy(copy, data, size);
	CHECK(jpeg_decode(&im, copy, size, 0) == -1);
	CHECK(im.rgb == NULL);
	CHECK(strstr(fail_message(), message) != NULL);
	free(copy);
}

static void jpeg_refuses_what_is_broken(void)
{
	struct image im = ramp(64, 48);
	uint8_t *data;
	size_t size;

	CHECK(jpeg_encode(&im, 90, &data, &size) == 0);
	check_refused(data, 0, "not a JPEG");
	check_refused((const uint8_t *)"\x89PNG\r\n", 6, "not a JPEG");
	for (size_t n = 3; n < size; n += 7)
		check_refused(data, n, "truncated");
	size_t at = 0;
	while (at + 9 < size && (data[at] != 0xff || data[at + 1] != 0xc0))
		at++;
	memcpy(data + at + 5, "\xea\x60\xea\x60", 4);
	check_refused(data, size, "claims 60000x60000 pixels, more than 64 Mpx");
	free(data);
	image_free(&im);
}

/* Whatever single bytes change: an image or a sentence. */
static void jpeg_survives_damage(void)
{
	struct image im = ramp(40, 30), back;
	struct rng r = rng_at(2, RNG_TEST, 0, 0, 0);
	uint8_t *data;
	size_t size;

	CHECK(jpeg_encode(&im, 90, &data, &size) == 0);
	for (int i = 0; i < 1000; i++) {
		uint8_t *at = data + rng_below(&r, (uint32_t)size), was = *at;

		*at = (uint8_t)rng_u32(&r);
		if (jpeg_decode(&back, data, size, 0) == 0)
			image_free(&back);
		*at = was;
	}
	CHECK(jpeg_decode(&back, data, size, 0) == 0);
	image_free(&back);
	free(data);
	image_free(&im);
}

/* A black progressive JPEG: one scan of all DC, then one for each AC coefficient of each
 * channel. */
static size_t jpeg_of_scans(int scans, unsigned char **data)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr err;
	jpeg_scan_info script[190] = {{3, {0, 1, 2}, 0, 0, 0, 0}};
	JSAMPLE black[3 * 8] = {0}, *row = black;
	unsigned long size = 0;

	for (int i = 1; i < scans; i++)
		script[i] =
		    (jpeg_scan_info){1, {(i - 1) / 63}, 1 + (i - 1) % 63, 1 + (i - 1) % 63, 0, 0};
	c.err = jpeg_std_error(&err);
	jpeg_create_compress(&c);
	*data = NULL;
	jpeg_mem_dest(&c, data, &size);
	c.image_width = c.image_height = 8;
	c.input_components = 3;
	c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&c);
	c.scan_info = script;
	c.num_scans = scans;
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < 8)
		jpeg_write_scanlines(&c, &row, 1);
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	return size;
}

static void jpeg_refuses_a_hundred_and_one_scans(void)
{
	struct image im;
	unsigned char *data;
	size_t size = jpeg_of_scans(100, &data);

	CHECK(jpeg_decode(&im, data, size, 0) == 0);
	image_free(&im);
	free(data);
	size = jpeg_of_scans(101, &data);
	check_refused(data, size, "more than 100 scans");
	free(data);
}

static void sheet_lays_out_cells(void)
{
	struct image images[3] = {image_new(4, 4), image_new(4, 2), image_new(1, 1)}, picture;
	struct sheet_group group = {"", images, 3};
	struct sheet s = {.groups = &group, .n = 1, .cell = 4};

	sheet_shape(&s, 2);
	sheet_draw(&picture, &s);
	CHECK(picture.w == 10 && picture.h == 26);
	const char *rows[] = {"####......", "####..####", "####..####", "####......", "..........",
	    "..........", "####......"};
	for (int y = 0; y < 14 + 7; y++)
		for (int x = 0; x < 10; x++)
			CHECK(picture.rgb[(y * 10 + x) * 3] ==
			      (y >= 14 && rows[y - 14][x] == '#' ? 0 : 255));
	image_free(&picture);
	for (int i = 0; i < 3; i++)
		image_free(&images[i]);
}

/* Many classes of few images are no narrow column, and one class of many no long row. */
static void sheet_has_the_shape_of_its_content(void)
{
	static const struct {
		int groups, images, columns, across;
	} cases[] = {{1, 1, 1, 1}, {1, 64, 8, 1}, {100, 1, 1, 12}, {3, 8, 8, 1}};
	struct sheet_group groups[100];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sheet s = {.groups = groups, .n = cases[i].groups, .cell = 96};
		for (int k = 0; k < 100; k++)
			groups[k] = (struct sheet_group){"x", NULL, cases[i].images};
		sheet_shape(&s, 0);
		CHECK(s.columns == cases[i].columns && s.across == cases[i].across);
		sheet_shape(&s, 5);
		CHECK(s.columns == 5 && s.across == 1);
	}
}

static void text_is_drawn_and_cut(void)
{
	struct image im = image_new(20, 8);
	const char *rows[] = {"#...................", "#...................",
	    "#.##................", "##..#...............", "#...#...............",
	    "#...#...##....##....", "#...#...##....##....", "...................."};

	memset(im.rgb, 255, 20 * 8 * 3);
	draw_text(&im, 0, 0, 18, 1, "h\xc3\xa4rte");
	for (int i = 0; i < 20 * 8; i++)
		CHECK(im.rgb[3 * i] == (rows[i / 20][i % 20] == '#' ? 0 : 255));
	image_free(&im);
}

/* Half black, half viridis, whose ends are (68, 1, 84) and (253, 231, 37). */
static void heatmap_spans_the_scale(void)
{
	const float map[] = {-1, 3};
	struct image im = image_new(4, 1);

	draw_heatmap(&im, map, 2, 1, 0, 2);
	CHECK_NEAR(im.rgb[0], 34, 1);
	CHECK_NEAR(im.rgb[2], 42, 1);
	CHECK(memcmp(im.rgb, im.rgb + 3, 3) == 0);
	CHECK_NEAR(im.rgb[9], 126.5, 1);
	CHECK_NEAR(im.rgb[10], 115.5, 1);
	image_free(&im);
}

/* Outside the part, classes do not differ: the same randomness gives the same picture. */
static void creatures_differ_in_their_part_alone(void)
{
	for (int other = 1; other < CREATURE_CLASSES; other++) {
		struct rng ra = rng_at(3, RNG_TEST, 0, (uint32_t)other, 0), rb = ra;
		struct image a, b;
		struct box pa, pb;

		creature_draw(&a, &pa, 0, 64, 1, &ra);
		creature_draw(&b, &pb, other, 64, 1, &rb);
		CHECK(!same(&a, &b));
		for (int i = 0; i < 64 * 64; i++) {
			int x = i % 64, y = i / 64;
			int in_a =
			    x >= pa.x - 1 && x <= pa.x + pa.w && y >= pa.y - 1 && y <= pa.y + pa.h;
			int in_b =
			    x >= pb.x - 1 && x <= pb.x + pb.w && y >= pb.y - 1 && y <= pb.y + pb.h;

			CHECK(in_a || in_b || memcmp(a.rgb + i * 3, b.rgb + i * 3, 3) == 0);
		}
		image_free(&a);
		image_free(&b);
	}
}

int main(void)
{
	RUN(resample_keeps_what_fits);
	RUN(resample_halves);
	RUN(resample_doubles);
	RUN(resample_clamps_to_the_border);
	RUN(resample_is_its_definition);
	RUN(resample_keeps_a_constant);
	RUN(short_side_is_torchvisions);
	RUN(quarters_change_places);
	RUN(crops_stay_within);
	RUN(crop_falls_back_to_the_centre);
	RUN(jpeg_round_trip);
	RUN(jpeg_scales_down_to_the_wanted_side);
	RUN(jpeg_refuses_what_is_broken);
	RUN(jpeg_survives_damage);
	RUN(jpeg_refuses_a_hundred_and_one_scans);
	RUN(sheet_lays_out_cells);
	RUN(sheet_has_the_shape_of_its_content);
	RUN(text_is_drawn_and_cut);
	RUN(heatmap_spans_the_scale);
	RUN(creatures_differ_in_their_part_alone);
	return check_done();
}
