/* Photographs that networks are trained on without a teacher: whole images, fitted and cropped in
 * the centre, without any other augmentation. */
#ifndef FD2_PHOTOGRAPHS_H
#define FD2_PHOTOGRAPHS_H
#include "lib/data/fit.h"
#include "lib/fd2/batch/batch.h"

struct photograph_inputs {
	char **shards;
	int n_shards; /* 0: standard input */
	enum fit fit;
	struct normal normal;
	long size, cache;
	bool strict;
};

/* Reads all photographs, sorted by class. -1: fail_message, also if a class has none. */
int photographs_read(struct dataset *d, const struct photograph_inputs *in);
/* Returns the images of d at n places, [n,3,S,S] f32; b must have room for n. */
Tensor *photographs_images(struct batch *b, const struct dataset *d, const uint32_t *places, int n,
    const struct normal *normal);
#endif
