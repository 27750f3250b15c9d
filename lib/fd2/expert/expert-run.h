/* A run of fd2-expert: what the files of its stage share. */
#ifndef FD2_EXPERT_RUN_H
#define FD2_EXPERT_RUN_H
#include "formats/stream/stream.h"
#include "lib/fd2/batch/batch.h"
#include "lib/fd2/expert/expert.h"
#include "lib/fd2/expert/train-net.h"
#include "lib/nn/checkpoint.h"

struct expert_run {
	const struct expert_config *config;
	char arch[16];
	struct dataset photographs; /* sorted by class */
	struct batch batch;         /* those of one pass */
	uint32_t *order;            /* of the epoch */
	struct backbone net;
	struct optim optim;
	struct trained trained; /* both, for the checkpoint */
	struct checkpoint checkpoint;
	json_t *meta;
	struct stream_writer *writer;
	/* where training is: finished experts, finished epochs of the next one, whose weights are
	 * written, and finished steps of its next epoch */
	long expert, epoch, step;
	struct net_sums sums; /* of those steps */
	bool resumed;
};

/* expert-step.c */
/* Draws the network of the expert that training is at, whose initial weights are a function of the
 * seed and the expert's number. -1: fail_message. */
int expert_network(struct expert_run *r);
long expert_steps(const struct expert_run *r); /* of an epoch */
double expert_rate(const struct expert_run *r);
/* The order in which the epoch goes through the photographs. */
void expert_order(struct expert_run *r);
/* The next step. -1: fail_message. */
int expert_step(struct expert_run *r);

/* expert-resume.c: a network is there, and meta. 0: the output is open and has the weights that the
 * run goes on from, or is empty, with run->writer to continue it (a dry run opens none); 1: the
 * work is done already; -1: fail_message. */
int expert_begin(struct expert_run *r);
/* Saves the state between two steps. */
int expert_save(struct expert_run *r);
/* After a signal: saves and returns -1 with the sentence that says how to go on. */
int expert_stop(struct expert_run *r);
#endif
