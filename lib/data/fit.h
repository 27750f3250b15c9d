/* How a photograph is resized for a network's input, once, before any crop. */
#ifndef FD2_FIT_H
#define FD2_FIT_H
#include "lib/image/image.h"

enum fit {
	FIT_NONE,   /* as stored */
	FIT_SHORT,  /* short side to 8/7 of the size, aspect kept: torchvision's Resize(256) for 224
	             */
	FIT_SQUASH, /* both sides to 8/7 of the size, aspect changed: Resize((256, 256)) */
	FIT_WHOLE,  /* both sides to the size: leaves nothing to crop */
};

#define FIT_CHOICES "short|squash|whole" /* from FIT_SHORT on */
/* Returns the fit of that name; FIT_NONE: there is none. */
enum fit fit_of(const char *name);
const char *fit_name(enum fit fit); /* NULL for FIT_NONE */
struct fitting {
	enum fit fit;
	int size; /* side of the network's input, unless FIT_NONE */
	/* Same bytes as PIL and torchvision, for published figures. Otherwise, for fast training, a
	 * JPEG of at least twice the needed side is decoded at 1/2, 1/4 or 1/8 (libjpeg's scaled
	 * DCT), then resized with one rounding. */
	bool exact;
};
/* Decodes an image upright and fits it. notes may be NULL. -1: fail_message. Thread-safe. */
int fit_decode(struct image *im, const void *jpeg, size_t bytes, const struct fitting *how,
    struct image_notes *notes);
#endif
