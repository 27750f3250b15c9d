/* What a method of matching is: settings, and its loss. */
#ifndef FD2_MATCHING_H
#define FD2_MATCHING_H
#include "lib/fd2/match/real.h"
#include "lib/fd2/match/siamese-augment.h"
#include "lib/nn/backbone.h"
#include "lib/nn/optim.h"

/* A class in a round. */
struct class_pass {
	const struct backbone *net;
	const struct optim *weights;   /* its parameters, which have gradients only for a method
	                                  with `gradients` */
	const struct siamese *augment; /* of the photographs; x has it */
	struct real *real;             /* its chosen photographs are those of this class */
	const Tensor *x;               /* the class's images [ipc,3,S,S], augmented */
	int label;
};

/* The photographs from `first` on, as many as are a part, augmented: [n,3,S,S] in the type of
 * p->x. */
Tensor *class_photographs(const struct class_pass *p, int first);

struct matching {
	const char *name;
	long iterations;
	double lr;      /* of SGD on the images */
	bool gradients; /* compares those of the network's parameters */
	/* A scalar that depends on p->x; a GRAD scope is around it. NULL: tensor_error. */
	Tensor *(*loss)(const struct class_pass *p);
	/* Set by matching_configure: rounds of an iteration, each with other photographs, and
	 * epochs of training on the images between two of them. */
	long rounds, epochs;
};
#endif
