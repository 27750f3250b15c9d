/* The face of lib/fd2/expert: ConvNets that are trained on photographs, and how their weights went,
 * which fd2-match --method datm imitates (fd2-method(7), MATCHING).
 *
 * stage_expert (fd2-expert) trains one expert after the other, in the steps of expert-step.c, and
 * writes its weights after each epoch; expert-resume.c goes on with an interrupted run. train-net.h
 * takes a step, for the networks of lib/fd2/match too. trajectories.h reads what was written. */
#ifndef FD2_EXPERT_H
#define FD2_EXPERT_H
#include "lib/fd2/batch/photographs.h"

struct expert_config {
	struct photograph_inputs in;
	const char *out;
	bool resume;
	long checkpoint_every; /* epochs */
	int depth;             /* of the ConvNet; DEPTH_UNSET: as suits the size */
	long experts, epochs, batch, part;
	double lr, momentum, weight_decay;
	bool decay;       /* a tenth of lr in the second half of the epochs */
	unsigned augment; /* bits 1 << SIAMESE_... */
	uint64_t seed;
	bool dry_run; /* only tell the plan */
};

/* 0, or -1: fail_message. */
int stage_expert(const struct expert_config *config);
#endif
