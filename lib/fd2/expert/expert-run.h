/* A run of fd2-expert: state shared by the files of its stage. */
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
	struct batch batch;         /* the photographs of one pass */
	uint32_t *order;            /* the epoch's order of the photographs */
	struct backbone net;
	struct optim optim;
	struct trained trained; /* net and optim, for the checkpoint */
	struct checkpoint checkpoint;
	json_t *meta;
	struct stream_writer *writer;
	/* training's position: finished experts; finished epochs of the current expert, whose
	 * weights are written; finished steps of its current epoch */
	long expert, epoch, step;
	struct net_sums sums; /* over those steps */
	bool resumed;
};

/* expert-step.c */
/* Draws the current expert's network. Its initial weights depend only on the seed and the expert's
 * number. -1: fail_message. */
int expert_network(struct expert_run *r);
long expert_steps(const struct expert_run *r); /* steps per epoch */
double expert_rate(const struct expert_run *r);
/* Draws r->order, the epoch's order of the photographs. */
void expert_order(struct expert_run *r);
/* Takes the next step. -1: fail_message. */
int expert_step(struct expert_run *r);

/* expert-resume.c: called once the network and meta exist. 0: r->writer continues the output, which
 * is empty or holds the weights written so far (a dry run opens none); 1: the output is already
 * complete; -1: fail_message. */
int expert_begin(struct expert_run *r);
/* Saves the state between two steps. */
int expert_save(struct expert_run *r);
/* After a signal: saves the state. Always -1: fail_message, which says how to resume. */
int expert_stop(struct expert_run *r);
#endif
