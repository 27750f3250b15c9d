/* How a photograph is made ready for a network's input, once, before any crop. */
#ifndef FD2_FIT_H
#define FD2_FIT_H
#include "lib/image/image.h"

enum fit {
	FIT_NONE,   /* as stored */
	FIT_SHORT,  /* short side to 8/7 of the size, aspect kept: torchvision's Resize(256) for 224
	             */
	FIT_SQUASH, /* both sides to 8/7 of it, aspect given up: Resize((256, 256)) */
	FIT_WHOLE,  /* both sides to the size: nothing is left to crop */
};

#define FIT_CHOICES "short|squash|whole" /* from FIT_SHORT on */
/* The fit of that name; FIT_NONE: there is none. */
enum fit fit_of(const char *name);
const char *fit_name(enum fit fit); /* NULL of FIT_NONE */
struct fitting {
	enum fit fit;
	int size; /* side of the network's input, unless FIT_NONE */
	/* As PIL and torchvision, to the byte, for figures that are published. Otherwise a JPEG of
	 * at least twice the side that is needed is decoded at 1/2, 1/4 or 1/8 (libjpeg's scaled
	 * DCT), then resized with one rounding: fast, for training. */
	bool exact;
};
/* Decodes, upright, and fits. notes may be NULL. -1: fail_message. Thread-safe. */
int fit_decode(struct image *im, const void *jpeg, size_t bytes, const struct fitting *how,
    struct image_notes *notes);
#endif
