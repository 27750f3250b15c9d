/* Converts a photograph to the JPEG that a shard holds. */
#ifndef FD2_IMPORT_CONVERT_H
#define FD2_IMPORT_CONVERT_H
#include "lib/data/import/import.h"
#include "lib/photo/photo.h"

struct converted {
	uint8_t *jpeg; /* NULL: the bytes are kept unchanged, or there is a problem */
	size_t size;
	char *problem; /* why it cannot be read; NULL: it can */
	enum photo_format format;
	int w, h; /* before resizing */
	struct image_notes notes;
};

/* Converts an image; free the result with converted_free. Keeps an intact, upright JPEG unchanged
 * if no size is set and no banner is cut. Thread-safe. */
struct converted convert(const struct import_job *job, const void *data, size_t size);
void converted_free(struct converted *c);
#endif
