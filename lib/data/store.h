/* Where a data set's images are kept: decoded in memory up to a limit, the others as JPEGs
 * in a temporary file that has no name, to be decoded each time they are looked at. What they
 * look like does not depend on the limit. */
#ifndef FD2_STORE_H
#define FD2_STORE_H
#include <stdbool.h>

#include "lib/data/fit.h"

struct store;

/* An image and its class. Without a store, the image stays in memory. */
struct item {
	char *key; /* "class/id" */
	int label;
	struct image image;        /* rgb NULL: in the file */
	const struct store *store; /* whose file */
	uint64_t at;               /* of its JPEG there, if it has one */
	size_t bytes;
	uint64_t content; /* a digest of its JPEG */
	float *soft;      /* [K]: its soft label, where the data set has them; or NULL */
};

/* limit: bytes of decoded images to keep. jpegs: keep the JPEG of every image, for item_jpeg. */
struct store *store_new(const struct fitting *how, size_t limit, bool jpegs);
void store_free(struct store *s);
/* Takes an image over, with the JPEG that it was fitted from. -1: fail_message, when the file
 * cannot be written. */
int store_put(struct store *s, struct item *it, struct image *im, const void *jpeg, size_t bytes);
/* The image, to be given back with item_release. Thread-safe; a file that can no longer be read
 * ends the program. */
struct image item_image(const struct item *it);
void item_release(const struct item *it, struct image *im);
/* The JPEG as it was read, it->bytes long, to be freed; of a store that keeps them. Otherwise as
 * item_image. */
uint8_t *item_jpeg(const struct item *it);
#endif
