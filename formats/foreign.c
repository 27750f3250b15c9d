#include "formats/foreign.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *format;
	size_t at; /* offset of the bytes in the file */
	const char *bytes;
	size_t size;
} known[] = {
    {"a Git LFS pointer ('git lfs pull' fetches the file)", 0, "version https://git-lfs", 23},
    {"a PNG image", 0, "\x89PNG\r\n", 6},
    {"a WebP image", 8, "WEBP", 4},
    {"a GIF image", 0, "GIF8", 4},
    {"a BMP image", 0, "BM", 2},
    {"a JPEG 2000 image", 0, "\0\0\0\fjP  ", 8},
    {"a JPEG 2000 image", 0, "\xff\x4f\xff\x51", 4},
    {"a JPEG XL image", 0, "\0\0\0\fJXL ", 8},
    {"a JPEG XL image", 0, "\xff\x0a", 2},
    {"a Photoshop file", 0, "8BPS", 4},
    {"an SVG image", 0, "<svg", 4},
    {"a TIFF image", 0, "II*\0", 4},
    {"a TIFF image", 0, "MM\0*", 4},
    {"an AVIF image", 4, "ftypavi", 7},
    {"a HEIC image", 4, "ftyphe", 6},
    {"a HEIC or AVIF image", 4, "ftypm", 5},
    {"a zip archive", 0, "PK\3\4", 4},
    {"a 7z archive", 0, "7z\xbc\xaf", 4},
    {"a RAR archive", 0, "Rar!", 4},
    {"an HDF5 file", 0, "\x89HDF", 4},
    {"a NumPy array", 0, "\x93NUMPY", 6},
    {"a PDF document", 0, "%PDF", 4},
    {"an XML document", 0, "<?xml", 5},
};

/* Detects web pages, which a failed download leaves in a file's place. */
static bool is_html(const uint8_t *b, size_t n)
{
	while (n && strchr(" \t\r\n", *b))
		b++, n--;
	return (n >= 14 && !strncasecmp((const char *)b, "<!doctype html", 14)) ||
	       (n >= 5 && !strncasecmp((const char *)b, "<html", 5));
}

const char *foreign_format(const uint8_t *b, size_t n)
{
	size_t zeros = 0;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (n >= known[i].at + known[i].size &&
		    !memcmp(b + known[i].at, known[i].bytes, known[i].size))
			return known[i].format;
	while (zeros < n && !b[zeros])
		zeros++;
	return is_html(b, n)     ? "an HTML page"
	       : n && zeros == n ? "a file that begins with zero bytes"
	                         : NULL;
}
