/* What is learned: the images, a tensor per class, and for a method that learns them also a soft
 * label of each image and the step size of students. SGD with momentum moves each kind. */
#ifndef FD2_MATCH_LEARNED_H
#define FD2_MATCH_LEARNED_H
#include "formats/shard/shard.h"
#include "lib/fd2/match/match.h"
#include "lib/nn/checkpoint.h"

/* Tensors that one optimiser moves. */
struct moved {
	struct params params;
	struct optim optim;
};

enum learned_kind { LEARNED_IMAGES, LEARNED_LABELS, LEARNED_STEP, LEARNED_KINDS };

struct learned {
	int first, n, ipc, size; /* classes first .. first+n-1 */
	/* images: [n] of [ipc,3,S,S], normalised; labels: [n] of [ipc,K], logits, or none; step
	 * size: [1] of [1], or none; f32 */
	struct moved kinds[LEARNED_KINDS];
	struct trained trained[LEARNED_KINDS]; /* for the checkpoint: those that there are */
	int n_trained;
	Tensor *darkest, *lightest; /* [1,3,1,1]: 0 and 1 as normalised pixels */
};

/* Starts the images: photographs of r, which are the ipc places in the set of each class in
 * `chosen`, or random ones where that is NULL; or noise. -1: fail_message. */
int learned_init(struct learned *l, const struct match_config *config, int first, int last,
    struct real *r, const uint32_t *chosen);
/* Labels, [n] of [ipc,K], and the step size are learned too. */
void learned_add_labels(struct learned *l, Tensor *const *logits, double step_size);
void learned_free(struct learned *l);
bool learned_has_labels(const struct learned *l);
/* Images [ipc,3,S,S] or labels [ipc,K] of class k. */
Tensor *learned_of(const struct learned *l, enum learned_kind kind, int k);
double learned_step_size(const struct learned *l);

/* All images have numbers: class by class, from 0. */
int learned_count(const struct learned *l);
int learned_class(const struct learned *l, uint32_t number);
/* Those of n numbers, detached: [n,...]. */
Tensor *learned_some(
    const struct learned *l, enum learned_kind kind, const uint32_t *numbers, int n);

/* The gradient of class k's images for the next step; it is kept. */
void learned_set_gradient(struct learned *l, int k, Tensor *gradient);
/* Gradients of all kinds for the next step, as sums: 0, to which `scale` times that of n numbers
 * is added. */
void learned_clear_gradients(struct learned *l);
void learned_add_gradient(struct learned *l, enum learned_kind kind, const uint32_t *numbers, int n,
    const Tensor *gradient, double scale);
void learned_add_to_step_gradient(struct learned *l, double by);
bool learned_gradients_finite(const struct learned *l);
/* A step of a kind with the gradients of all classes. Pixels stay within what an image can
 * store. */
void learned_step(struct learned *l, enum learned_kind kind, double lr);

/* learned-store.c: stores all, the images of one index for all classes, then the next index. Soft
 * labels become KEY.json (fd2-shard(5)). -1: fail_message. */
int learned_store(const struct learned *l, struct shard_writer *w, const struct real *r,
    const struct match_outputs *how);
#endif
