/* The images that are learned: a tensor per class, moved by SGD with momentum. */
#ifndef FD2_MATCH_LEARNED_H
#define FD2_MATCH_LEARNED_H
#include "formats/shard/shard.h"
#include "lib/fd2/match/match.h"
#include "lib/nn/checkpoint.h"

struct learned {
	int first, n, ipc, size; /* classes first .. first+n-1 */
	struct params params;    /* [n] of [ipc,3,S,S] f32, normalised */
	struct optim optim;
	struct trained trained;     /* both, for the checkpoint */
	Tensor *darkest, *lightest; /* [1,3,1,1]: 0 and 1 as normalised pixels */
};

/* Starts them: photographs of r, or noise. -1: fail_message. */
int learned_init(
    struct learned *l, const struct match_config *config, int first, int last, struct real *r);
void learned_free(struct learned *l);
/* Those of class k, [ipc,3,S,S]. */
Tensor *learned_of(const struct learned *l, int k);
/* The gradient of class k's images for the next step; it is kept. */
void learned_set_gradient(struct learned *l, int k, Tensor *gradient);
/* A step with the gradients of all classes. Pixels stay within what an image can store. */
void learned_step(struct learned *l, double lr);
/* Stores all: the images of one index for all classes, then the next index. -1: fail_message. */
int learned_store(const struct learned *l, struct shard_writer *w, const struct real *r,
    const struct match_outputs *how);
#endif
