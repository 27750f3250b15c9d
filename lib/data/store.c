#include "lib/data/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"

struct store {
	struct fitting how;
	size_t limit, kept; /* bytes in memory */
	bool jpegs;         /* those of all images are in the file */
	int file;           /* -1 until it is needed */
	uint64_t end;
};

struct store *store_new(const struct fitting *how, size_t limit, bool jpegs)
{
	struct store *s = xcalloc(1, sizeof *s);
	*s = (struct store){.how = *how, .limit = limit, .jpegs = jpegs, .file = -1};
	return s;
}

void store_free(struct store *s)
{
	if (s && s->file >= 0)
		close(s->file);
	free(s);
}

static int append(struct store *s, const uint8_t *jpeg, size_t bytes)
{
	if (s->file < 0 && (s->file = io_scratch_file()) < 0)
		return fail("cannot keep images beyond --cache: %s", fail_message());
	return io_write(s->file, jpeg, bytes) == bytes
	           ? 0
	           : fail("cannot keep images beyond --cache: %s", strerror(errno));
}

int store_put(struct store *s, struct item *it, struct image *im, const void *jpeg, size_t bytes)
{
	size_t size = 3 * (size_t)im->w * (size_t)im->h;
	it->image = *im;
	it->store = s;
	*im = (struct image){0};
	bool fits = s->kept + size <= s->limit;
	if (fits) {
		s->kept += size;
	} else {
		free(it->image.rgb);
		it->image.rgb = NULL;
	}
	if (fits && !s->jpegs)
		return 0;
	if (append(s, jpeg, bytes) < 0)
		return -1;
	it->at = s->end;
	it->bytes = bytes;
	s->end += bytes;
	return 0;
}

uint8_t *item_jpeg(const struct item *it)
{
	uint8_t *jpeg = xmalloc(it->bytes);
	if (io_pread(it->store->file, jpeg, it->bytes, it->at) < it->bytes)
		die("cannot read '%s' again: %s", it->key,
		    errno ? strerror(errno) : "the temporary file was cut");
	return jpeg;
}

struct image item_image(const struct item *it)
{
	if (it->image.rgb || !it->store)
		return it->image;
	struct image im;
	uint8_t *jpeg = item_jpeg(it);
	if (fit_decode(&im, jpeg, it->bytes, &it->store->how, NULL) < 0)
		die("cannot decode '%s' again: %s", it->key, fail_message());
	free(jpeg);
	return im;
}

void item_release(const struct item *it, struct image *im)
{
	if (im->rgb != it->image.rgb)
		image_free(im);
}
