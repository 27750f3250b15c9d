/* Random numbers as a function: Philox4x32-10 (Salmon et al., SC'11), with a key from the seed and
 * a counter from the purpose, so that any sample's randomness depends only on (seed, purpose, a, b,
 * c) and never on order, thread or shard. */
#ifndef FD2_RNG_H
#define FD2_RNG_H
#include <stdint.h>

enum rng_purpose {
	RNG_INIT,      /* weights: a = parameter's hash */
	RNG_SHUFFLE,   /* order of an epoch: a = epoch */
	RNG_AUGMENT,   /* crop, flip, jitter of one image: a = epoch, b = index; c = 1: order of its
	                  quarters */
	RNG_DISTILL,   /* the step's view: a = first class of the batch, b = image id, c = step */
	RNG_MIX,       /* CutMix, MixUp: a = epoch, b = batch */
	RNG_ATTENTION, /* counterfactual attention: a = epoch, b = batch */
	RNG_PATCH,     /* initial images: a = class, b = image */
	RNG_DRAW,      /* the demo's generator */
	RNG_DROPOUT,   /* a = epoch, b = batch, c = half of the batch + 2 x teacher's index */
	RNG_GUIDED,    /* attention-guided crops and drops: a = epoch, b = batch, c = index in it */
	RNG_SELECT,    /* which photographs are chosen: a = class */
	RNG_KEEP,      /* whether a batch of labels is kept: a = epoch, b = batch */
	RNG_REUSE,     /* order of kept labels: a = number of the pass over them */
	RNG_SPLIT,     /* which photographs are held out: a = hash of the class's name */
	RNG_MATCH,     /* photographs to match: a = iteration, b = class, c = round */
	RNG_SIAMESE,   /* their augmentation: a = iteration, b = class, c = round; fd2-eval's
	                  batches: a = epoch, b = batch */
	RNG_MATCH_NET, /* the network that matches them: a = iteration, c = 0; its training after a
	                  round: b = round, c = epoch + 1; an expert's network: a = expert */
	RNG_EXPERT,    /* an epoch of an expert: a = expert, b = epoch; c = 0: order of the
	                  photographs, else augmentation of those of step c */
	RNG_STUDENT,   /* along a trajectory: a = iteration; b = 0: its start; 1: order of the
	                  images, c = pass; 2: augmentation, c = step; 3: order of the experts, a =
	                  pass */
	RNG_TEST,
};

struct rng {
	uint32_t key[2], counter[4], block[4];
	int left;
};

/* The generator itself: computes 128 bits from a counter and a key. */
void philox4x32(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

struct rng rng_at(uint64_t seed, enum rng_purpose purpose, uint64_t a, uint32_t b, uint32_t c);
uint32_t rng_u32(struct rng *r);
uint64_t rng_u64(struct rng *r);   /* two rng_u32, the first one high */
double rng_uniform(struct rng *r); /* [0, 1), 53 bits */
double rng_between(struct rng *r, double lo, double hi);
uint32_t rng_below(struct rng *r, uint32_t n);            /* 0..n-1, unbiased */
double rng_normal(struct rng *r);                         /* Box-Muller, one value a call */
void rng_shuffle(struct rng *r, uint32_t *v, uint32_t n); /* Fisher-Yates */
void rng_order(struct rng *r, uint32_t *v, uint32_t n);   /* 0..n-1 in a random order */
uint64_t hash_bytes(const void *p, uint64_t n);           /* FNV-1a, 64 bits: for names */
#endif
