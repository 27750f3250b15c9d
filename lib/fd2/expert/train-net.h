/* Trains a network as the matching methods' programs do: SGD on the cross-entropy, under Siamese
 * augmentation with one random kind per batch and random values per image. */
#ifndef FD2_TRAIN_NET_H
#define FD2_TRAIN_NET_H
#include "lib/fd2/batch/measures.h"
#include "lib/fd2/batch/siamese-augment.h"
#include "lib/nn/backbone.h"
#include "lib/nn/optim.h"

/* Where the images come from. */
struct net_images {
	void *ctx;
	int size;
	/* Returns the images with these numbers: [n,3,S,S], normalised, without gradients. NULL:
	 * tensor_error. */
	Tensor *(*images)(void *ctx, const uint32_t *numbers, int n);
	int (*label)(void *ctx, uint32_t number);
};

struct net_training {
	struct net_images of;
	unsigned augment; /* bits 1 << SIAMESE_... */
	int part;         /* images in one pass */
	double lr;
};

/* Sums over the images of some steps, measured before each step's update. */
struct net_sums {
	double loss;
	struct hits hits;
};

/* Takes a step on the images with these n numbers; `random` draws the augmentation. Adds to sums
 * unless it is NULL; adding waits for the device. -1: fail_message. */
int train_net_step(const struct net_training *t, const struct backbone *net, struct optim *weights,
    const uint32_t *numbers, int n, struct rng *random, struct net_sums *sums);
#endif
