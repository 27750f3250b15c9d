/* What a method of matching is: settings, and its loss. */
#ifndef FD2_MATCHING_H
#define FD2_MATCHING_H
#include "lib/fd2/match/real.h"
#include "lib/fd2/batch/siamese-augment.h"
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

/* How students go along the experts' trajectories. Before trajectory_configure OPT_UNSET: the
 * method's. */
struct trajectory_config {
	long expert_epochs; /* M: epochs of the expert that a student imitates */
	long steps, batch;  /* of the student, and images in each */
	/* It starts where the expert was after t epochs, first <= t < upper; upper grows from
	 * `upper` to `last` over `growth` iterations. */
	long first, upper, last, growth;
	double lr_labels, lr_step; /* of the labels and of the student's step size */
	double threshold;          /* an iteration whose loss is larger changes nothing */
};

struct matching {
	const char *name;
	enum matching_kind {
		BY_CLASS,           /* in networks with random weights (rounds.h) */
		ALONG_TRAJECTORIES, /* of experts, all images together (trajectory.h) */
	} kind;
	long iterations;
	double lr; /* of SGD on the images */
	/* Of BY_CLASS: a scalar that depends on p->x; a GRAD scope is around it; NULL with
	 * tensor_error. */
	Tensor *(*loss)(const struct class_pass *p);
	bool gradients; /* loss compares those of the network's parameters */
	/* Set by matching_configure: rounds of an iteration, each with other photographs, and
	 * epochs of training on the images between two of them. */
	long rounds, epochs;
	struct trajectory_config trajectory;
};

/* What config asks for, completed by DATM's settings for that number of images per class. -1:
 * fail_message, where no start is left, or the limit of starts does not grow. */
int trajectory_configure(
    struct trajectory_config *t, const struct trajectory_config *config, long ipc);
#endif
