/* Stores a data set's images: decoded in memory up to a limit, the others as JPEGs in an unnamed
 * temporary file, decoded each time they are needed. The pixels do not depend on the limit. */
#ifndef FD2_STORE_H
#define FD2_STORE_H
#include <stdbool.h>

#include "lib/data/fit.h"

struct store;

/* An image and its class. Without a store, the image stays in memory. */
struct item {
	char *key; /* "class/id" */
	int label;
	struct image image;        /* rgb NULL: it is in the file */
	const struct store *store; /* whose file has it */
	uint64_t at;               /* offset of its JPEG there, if it is there */
	size_t bytes;
	uint64_t content; /* a digest of its JPEG */
	float *soft;      /* [K]: its soft label; NULL: the data set has none */
};

/* Creates a store. limit: bytes of decoded images to keep. jpegs: keep the JPEG of every image, for
 * item_jpeg. */
struct store *store_new(const struct fitting *how, size_t limit, bool jpegs);
void store_free(struct store *s);
/* Takes ownership of an image; stores the JPEG that it was decoded from if necessary. -1:
 * fail_message, the file cannot be written. */
int store_put(struct store *s, struct item *it, struct image *im, const void *jpeg, size_t bytes);
/* Returns the image; release it with item_release. Thread-safe; ends the program if the file can no
 * longer be read. */
struct image item_image(const struct item *it);
void item_release(const struct item *it, struct image *im);
/* Returns the original JPEG, it->bytes long, to be freed, from a store that keeps them. Otherwise
 * like item_image. */
uint8_t *item_jpeg(const struct item *it);
#endif
