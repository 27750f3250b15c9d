/* A photograph's bytes as the JPEG that a shard holds. */
#ifndef FD2_IMPORT_CONVERT_H
#define FD2_IMPORT_CONVERT_H
#include "lib/data/import/import.h"
#include "lib/photo/photo.h"

struct converted {
	uint8_t *jpeg; /* to be freed; NULL: the bytes pass unchanged, or there is a problem */
	size_t size;
	char *problem; /* why it cannot be read; to be freed */
	enum photo_format format;
	int w, h; /* as read */
	struct image_notes notes;
};

/* Thread-safe. What needs no change passes: a whole, upright JPEG of a set without size and banner.
 */
struct converted convert(const struct import_job *job, const void *data, size_t size);
void converted_free(struct converted *c);
#endif
