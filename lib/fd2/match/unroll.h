/* Trains a student on the learned images, and differentiates its final weights with respect to
 * images, labels and step size.
 *
 * The student takes SGD steps theta_{s+1} = theta_s - eta g_s, where g_s is the gradient of the
 * mean soft cross-entropy of a batch of augmented images with respect to theta_s. The gradients of
 * a loss L(theta_S) with dL/dtheta_S = lambda_S follow backwards from the last step:
 *
 *     q_s = lambda_{s+1} . g_s          lambda_s = lambda_{s+1} - eta dq_s/dtheta_s
 *     dL/dimages -= eta dq_s/dimages    dL/dlabels -= eta dq_s/dlabels    dL/deta -= q_s
 *
 * This equals backpropagation through all unrolled steps, but holds the graph of only one part of
 * one step's batch in memory: gradient checkpointing with the theta_s as checkpoints. */
#ifndef FD2_MATCH_UNROLL_H
#define FD2_MATCH_UNROLL_H
#include "lib/fd2/match/learned.h"

struct unroll {
	const struct backbone *net;
	const struct optim *weights; /* net's parameters: theta_0, then theta_S */
	struct learned *learned;
	int steps, batch, part; /* batch: images per step; part: images per pass */
	unsigned augment;       /* bits 1 << SIAMESE_... */
	uint64_t seed;
	long iteration; /* for the random draws */
	/* [steps][weights->n]: the weights before each step; filled by unroll_forward */
	Tensor **theta;
};

/* Takes the steps. -1: fail_message. Call unroll_free either way. */
int unroll_forward(struct unroll *u);
/* Adds to the gradients of the learned kinds. lambda: kept tensors for the weights->n parameters,
 * lambda_S on entry and lambda_0 on return. -1: fail_message. */
int unroll_backward(struct unroll *u, Tensor **lambda);
void unroll_free(struct unroll *u);
#endif
