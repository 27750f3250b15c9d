/* Training a network on the learned images, between the rounds of an iteration. */
#ifndef FD2_MATCH_TRAIN_NET_H
#define FD2_MATCH_TRAIN_NET_H
#include "lib/fd2/match/learned.h"

struct net_training {
	const struct learned *learned;
	unsigned augment; /* bits 1 << SIAMESE_...: drawn per batch, its values per image */
	int part;         /* images in one pass */
	long epochs;
	double lr;
	uint64_t seed;
	long iteration, round; /* for the draws */
};

/* By SGD on the cross-entropy of the classes, in batches of 256. -1: fail_message. */
int train_net(const struct net_training *t, const struct backbone *net, struct optim *weights);
#endif
