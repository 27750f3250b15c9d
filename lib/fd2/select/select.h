/* The face of lib/fd2/select: selection baselines (fd2-method(7), SELECTION), which choose real
 * images, or make mosaics of their patches, instead of distilling images.
 *
 * stage_select reads the photographs and, for most methods, a teacher; chooses images class by
 * class (coreset; patches for RDED) and writes them. fd2-distill can start images from the same
 * patches. The choice for a class depends only on its images, the seed, the teacher and the
 * options, not on the order of the images in the shards, nor on other classes. */
#ifndef FD2_SELECT_H
#define FD2_SELECT_H
#include "lib/base/opts.h"

enum selection { SELECT_RANDOM, SELECT_HERDING, SELECT_K_CENTER, SELECT_RDED };
#define SELECT_CHOICES "random|herding|k-center|rded"

struct select_config {
	char **shards; /* none: standard input */
	int n_shards;
	const char *teacher; /* may be NULL for random */
	const char *out, *features;
	enum selection method;
	long ipc, images, crops, factor, quality, cache, seed;
	struct opt_range classes;
	bool strict;
};

/* 0, or -1: fail_message. */
int stage_select(const struct select_config *config);
#endif
