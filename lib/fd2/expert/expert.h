/* The face of lib/fd2/expert: trains ConvNets on photographs and records the trajectories of their
 * weights, which fd2-match --method datm imitates (fd2-method(7), MATCHING).
 *
 * stage_expert (fd2-expert) trains one expert after the other with expert-step.c and writes its
 * weights after each epoch; expert-resume.c resumes an interrupted run. train-net.h takes one
 * training step, also for lib/fd2/match. trajectories.h reads the recorded weights. */
#ifndef FD2_EXPERT_H
#define FD2_EXPERT_H
#include "lib/fd2/batch/photographs.h"

struct expert_config {
	struct photograph_inputs in;
	const char *out;
	bool resume;
	long checkpoint_every; /* epochs */
	int depth;             /* of the ConvNet; DEPTH_UNSET: chosen by size */
	long experts, epochs, batch, part;
	double lr, momentum, weight_decay;
	bool decay;       /* use a tenth of lr in the second half of the epochs */
	unsigned augment; /* bits 1 << SIAMESE_... */
	uint64_t seed;
	bool dry_run; /* only tell the plan */
};

/* 0, or -1: fail_message. */
int stage_expert(const struct expert_config *config);
#endif
