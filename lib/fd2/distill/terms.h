/* The loss terms of a step by name, for the log. */
#ifndef FD2_TERMS_H
#define FD2_TERMS_H
#include "lib/torch/tensor.h"

enum { TERMS_MAX = 16 };

struct terms {
	int n;
	const char *names[TERMS_MAX];
	Tensor *v[TERMS_MAX]; /* scalars; NULL: off in this step, null in the log */
};

/* Adds a term and returns it. A step has the same terms each time, in the same order. */
Tensor *terms_add(struct terms *t, const char *name, Tensor *value);
#endif
