/* Decides which images are made, in which order, and which of them share a pass. */
#ifndef FD2_SCHEDULE_H
#define FD2_SCHEDULE_H
#include "lib/base/opts.h"
#include "lib/fd2/distill/history.h"

struct schedule_config {
	long ipc, group;
	long id;               /* only this place in each group, from 1; 0: all */
	long batch;            /* classes per batch */
	long indices_per_pass; /* at most; 0: as many as suit the device */
	struct opt_range classes;
};

struct schedule {
	const struct schedule_config *config;
	bool independent; /* without L_S: indices of different places may share a pass */
	bool together;    /* as many as possible share a pass, unless config limits them */
	int first, last;  /* classes */
	bool *taken;      /* [ipc] */
	int next_id, next_class;
	struct index_batch now; /* has the current indices */
};

/* classes: number of classes of the teacher. -1: fail_message; config->classes are not among them,
 * or not whole batches. */
int schedule_init(struct schedule *s, const struct schedule_config *config, int classes,
    bool independent, bool together);
void schedule_free(struct schedule *s);
/* Returns the number of pairs of an index and a batch of classes. */
long schedule_size(const struct schedule *s);
/* Returns the most indices per pass: config's number, or if that is 0, with `together` ipc;
 * otherwise as many as fill a GPU, and one on the CPU, which a few images fill. */
int schedule_indices(const struct schedule *s);
/* Returns the next index batch in *b, after all that make the history of its images. false: there
 * is none. */
bool schedule_next(struct schedule *s, struct index_batch *b);
/* Returns what is left of b in a resumed run: the indices with an image that was not stored, or all
 * of them with `together`. */
struct index_batch schedule_left(
    const struct schedule *s, const struct index_batch *b, const struct history *h);
#endif
