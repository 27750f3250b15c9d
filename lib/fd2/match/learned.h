/* The tensors that are learned: the images, one tensor per class, and with some methods a soft
 * label per image and the students' step size. SGD with momentum updates each kind. */
#ifndef FD2_MATCH_LEARNED_H
#define FD2_MATCH_LEARNED_H
#include "formats/shard/shard.h"
#include "lib/fd2/match/match.h"
#include "lib/nn/checkpoint.h"

/* Tensors that one optimiser updates. */
struct moved {
	struct params params;
	struct optim optim;
};

enum learned_kind { LEARNED_IMAGES, LEARNED_LABELS, LEARNED_STEP, LEARNED_KINDS };

struct learned {
	int first, n, ipc, size; /* classes first .. first+n-1 */
	/* images: [n] of [ipc,3,S,S], normalised; labels: none, or [n] of [ipc,K], logits; step
	 * size: none, or [1] of [1]. All f32. */
	struct moved kinds[LEARNED_KINDS];
	struct trained trained[LEARNED_KINDS]; /* for the checkpoint: the kinds in use */
	int n_trained;
	Tensor *darkest, *lightest; /* [1,3,1,1]: intensities 0 and 1, normalised */
};

/* Initialises the images of classes first..last with noise or with photographs of r. `chosen`
 * [n][ipc] lists the photographs' places in the set; NULL: random ones. -1: fail_message. */
int learned_init(struct learned *l, const struct match_config *config, int first, int last,
    struct real *r, const uint32_t *chosen);
/* Makes labels and step size learned too. Copies the initial logits, [n] of [ipc,K]. */
void learned_add_labels(struct learned *l, Tensor *const *logits, double step_size);
void learned_free(struct learned *l);
bool learned_has_labels(const struct learned *l);
/* Returns the images [ipc,3,S,S] or labels [ipc,K] of class k; the tensor stays l's. */
Tensor *learned_of(const struct learned *l, enum learned_kind kind, int k);
double learned_step_size(const struct learned *l);

/* Images are numbered from 0, class by class. */
int learned_count(const struct learned *l);
int learned_class(const struct learned *l, uint32_t number);
/* Returns the images or labels with these n numbers, detached: [n,...]. */
Tensor *learned_some(
    const struct learned *l, enum learned_kind kind, const uint32_t *numbers, int n);

/* Sets the gradient of class k's images for the next step. Keeps the tensor. */
void learned_set_gradient(struct learned *l, int k, Tensor *gradient);
/* Accumulate the gradients of all kinds for the next step: the first sets them to 0, the others add
 * to them. learned_add_gradient adds scale * gradient [n,...] for the images or labels with these
 * n numbers. */
void learned_clear_gradients(struct learned *l);
void learned_add_gradient(struct learned *l, enum learned_kind kind, const uint32_t *numbers, int n,
    const Tensor *gradient, double scale);
void learned_add_to_step_gradient(struct learned *l, double by);
bool learned_gradients_finite(const struct learned *l);
/* Updates all tensors of a kind by their gradients, and clamps pixels to what an image can
 * store. */
void learned_step(struct learned *l, enum learned_kind kind, double lr);

/* learned-store.c: stores all images: the first of every class, then the second, and so on. Soft
 * labels become KEY.json (fd2-shard(5)). -1: fail_message. */
int learned_store(const struct learned *l, struct shard_writer *w, const struct real *r,
    const struct match_outputs *how);
#endif
