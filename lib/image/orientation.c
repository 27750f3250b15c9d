#include "lib/image/orientation.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, TYPE_LONG = 4 };

/* The bytes of an EXIF block. */
struct tiff {
	const uint8_t *b;
	size_t n;
	bool big; /* big-endian */
};

static uint32_t u16_at(const struct tiff *t, size_t at)
{
	return t->big ? (uint32_t)t->b[at] << 8 | t->b[at + 1]
	              : (uint32_t)t->b[at + 1] << 8 | t->b[at];
}

static uint32_t u32_at(const struct tiff *t, size_t at)
{
	return t->big ? u16_at(t, at) << 16 | u16_at(t, at + 2)
	              : u16_at(t, at + 2) << 16 | u16_at(t, at);
}

/* Finds the orientation in a directory: a count, then entries of 12 bytes each: tag, type, number
 * of values, value. */
static int in_directory(const struct tiff *t, size_t at)
{
	if (at > t->n || t->n - at < 2)
		return 1;
	size_t entries = u16_at(t, at);
	for (at += 2; entries && t->n - at >= 12; entries--, at += 12) {
		uint32_t type = u16_at(t, at + 2);
		if (u16_at(t, at) != TAG_ORIENTATION || (type != TYPE_SHORT && type != TYPE_LONG))
			continue;
		uint32_t v = type == TYPE_SHORT ? u16_at(t, at + 8) : u32_at(t, at + 8);
		return v >= 1 && v <= 8 ? (int)v : 1;
	}
	return 1;
}

int exif_orientation(const uint8_t *exif, size_t n)
{
	if (n >= 6 && !memcmp(exif, "Exif\0\0", 6)) {
		exif += 6;
		n -= 6;
	}
	if (n < 8 || (memcmp(exif, "II*\0", 4) && memcmp(exif, "MM\0*", 4)))
		return 1;
	struct tiff t = {exif, n, exif[0] == 'M'};
	return in_directory(&t, u32_at(&t, 4));
}

void image_upright(struct image *im, int orientation)
{
	int w = im->w, h = im->h;
	bool swaps = orientation >= 5;
	bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8,
	     flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
	if (orientation < 2 || orientation > 8)
		return;
	struct image out = image_new(swaps ? h : w, swaps ? w : h);
	uint8_t *to = out.rgb;
	for (int y = 0; y < out.h; y++)
		for (int x = 0; x < out.w; x++, to += 3) {
			int from_x = swaps ? y : x, from_y = swaps ? x : y;
			from_x = flip_x ? w - 1 - from_x : from_x;
			from_y = flip_y ? h - 1 - from_y : from_y;
			memcpy(to, im->rgb + 3 * ((size_t)from_y * (size_t)w + (size_t)from_x), 3);
		}
	image_free(im);
	*im = out;
}
