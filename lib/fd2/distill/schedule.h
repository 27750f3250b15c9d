/* Which images are made, in which order, and which of them share a pass. */
#ifndef FD2_SCHEDULE_H
#define FD2_SCHEDULE_H
#include "lib/base/opts.h"
#include "lib/fd2/distill/history.h"

struct schedule_config {
	long ipc, group;
	long id;               /* only this place in each group; 0: all */
	long batch;            /* classes */
	long indices_per_pass; /* 0: as many as suit the device */
	struct opt_range classes;
};

struct schedule {
	const struct schedule_config *config;
	bool independent; /* without L_S: indices of different places may share a pass */
	bool together;    /* all that may share one do, unless config says how many */
	int first, last;  /* classes */
	bool *taken;      /* [ipc] */
	int next_id, next_class;
	struct index_batch now; /* its indices */
};

/* -1: config->classes are not whole batches of the `classes` that there are. */
int schedule_init(struct schedule *s, const struct schedule_config *config, int classes,
    bool independent, bool together);
void schedule_free(struct schedule *s);
/* How many pairs of an index and a batch of classes there are. */
long schedule_size(const struct schedule *s);
/* Indices per pass, at most: with `together` as many as may share one; otherwise as many as make a
 * GPU's full pass, and one on the CPU, which a few images fill. */
int schedule_indices(const struct schedule *s);
/* The next index batch; all history of its images comes before it. false: there is none. */
bool schedule_next(struct schedule *s, struct index_batch *b);
/* What is left of b in a resumed run: the indices with an image that was not stored, or all of them
 * where they are learned together. */
struct index_batch schedule_left(
    const struct schedule *s, const struct index_batch *b, const struct history *h);
#endif
