/* A student's training on the learned images, and the gradient of where it ends by images, labels
 * and step size.
 *
 * The student takes steps theta_{s+1} = theta_s - eta g_s of SGD, g_s being the gradient by theta_s
 * of the mean soft cross-entropy of a batch of augmented images. Of a loss L(theta_S) with the
 * gradient lambda_S, backwards from the last step,
 *
 *     q_s = lambda_{s+1} . g_s          lambda_s = lambda_{s+1} - eta dq_s/dtheta_s
 *     dL/dimages -= eta dq_s/dimages    dL/dlabels -= eta dq_s/dlabels    dL/deta -= q_s
 *
 * which is what backpropagation through all unrolled steps computes. The graph of one step, and of
 * it one part of the batch, is in memory at a time: gradient checkpointing, whose checkpoints are
 * the theta_s. */
#ifndef FD2_MATCH_UNROLL_H
#define FD2_MATCH_UNROLL_H
#include "lib/fd2/match/learned.h"

struct unroll {
	const struct backbone *net;
	const struct optim *weights; /* its parameters: theta_0, then theta_S */
	struct learned *learned;
	int steps, batch, part; /* images in a step, and in one pass */
	unsigned augment;       /* bits 1 << SIAMESE_... */
	uint64_t seed;
	long iteration; /* for the draws */
	/* [steps][weights->n]: filled by unroll_forward */
	Tensor **theta;
};

/* Takes the steps. -1: fail_message. unroll_free either way. */
int unroll_forward(struct unroll *u);
/* Adds to the learned kinds' gradients. lambda: of the weights->n parameters, which become those of
 * theta_0; they are kept tensors. -1: fail_message. */
int unroll_backward(struct unroll *u, Tensor **lambda);
void unroll_free(struct unroll *u);
#endif
