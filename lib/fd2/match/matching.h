/* A matching method: its settings and its loss. */
#ifndef FD2_MATCHING_H
#define FD2_MATCHING_H
#include "lib/fd2/match/real.h"
#include "lib/fd2/batch/siamese-augment.h"
#include "lib/nn/backbone.h"
#include "lib/nn/optim.h"

/* What a loss receives for one class in a round. */
struct class_pass {
	const struct backbone *net;
	const struct optim *weights; /* net's parameters; none unless the method sets `gradients` */
	const struct siamese *augment; /* for the photographs; already applied to x */
	struct real *real;             /* its chosen photographs are of this class */
	const Tensor *x;               /* the class's images [ipc,3,S,S], augmented */
	int label;
};

/* Returns the part of the chosen photographs that begins at `first`, augmented: [n,3,S,S] in the
 * type of p->x. */
Tensor *class_photographs(const struct class_pass *p, int first);

/* How students follow the experts' trajectories. OPT_UNSET before trajectory_configure: the
 * method's default. */
struct trajectory_config {
	long expert_epochs; /* M: epochs of the expert that a student imitates */
	long steps, batch;  /* the student's steps, and images per step */
	/* The student starts with the expert's weights after t epochs, first <= t < limit; the
	 * limit grows from `upper` to `last` over `growth` iterations. */
	long first, upper, last, growth;
	double lr_labels, lr_step; /* learning rates of labels and step size */
	double threshold;          /* an iteration with a larger loss changes nothing */
};

struct matching {
	const char *name;
	enum matching_kind {
		BY_CLASS,           /* compares classes in random networks (rounds.h) */
		ALONG_TRAJECTORIES, /* imitates experts with all images (trajectory.h) */
	} kind;
	long iterations;
	double lr; /* learning rate of the images */
	/* BY_CLASS only: returns a scalar that depends on p->x. Called in a GRAD scope. NULL:
	 * tensor_error. */
	Tensor *(*loss)(const struct class_pass *p);
	bool gradients; /* loss compares gradients of the network's parameters */
	/* Set by matching_configure: rounds per iteration, each with different photographs, and
	 * epochs of training on the images between two rounds. */
	long rounds, epochs;
	struct trajectory_config trajectory;
};

/* Copies config and fills unset fields with DATM's settings for `ipc` images per class. -1:
 * fail_message, if no epoch is left to start from, or --start-growth is given but the limit cannot
 * grow. */
int trajectory_configure(
    struct trajectory_config *t, const struct trajectory_config *config, long ipc);
#endif
