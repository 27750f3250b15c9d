/* The face of lib/fd2/distill: a base method with FD2's constraints, group by group (Algorithm 1).
 *
 * stage_distill reads the teachers (distill-teachers), what images start as (initial, start-*) and
 * the history that other processes made (history). The schedule then deals out index batches, the
 * learner takes each through its phases (learn, phases, step), and the output stores the finished
 * images and adds them to the history. distill-plan tells what there is to do.
 *
 * A step passes the images through a teacher (step-pass) and adds up the base method's loss
 * (method, the table in methods, one file each) and the constraints (constraints, similarity). The
 * methods share a loss: bn-loss, and layer-loss (targets, moving) and flatness for those that ask
 * for more.
 *
 * stage_distill owns all of them; each has a const pointer to its own settings below. The images of
 * an index batch depend only on the settings, its classes, its indices and their history, so index
 * batches can be made by different processes, or again after a crash. */
#ifndef FD2_DISTILL_H
#define FD2_DISTILL_H
#include "lib/fd2/distill/constraints.h"
#include "lib/fd2/distill/initial.h"
#include "lib/fd2/distill/methods.h"
#include "lib/fd2/distill/output.h"
#include "lib/fd2/distill/schedule.h"

struct distill_config {
	struct distill_teachers_config teachers;
	struct method_config method;
	struct initial_config initial;
	struct constraints_config constraints;
	struct schedule_config schedule;
	struct output_config output;
	struct opt_list attn; /* attention of the group history */
	const char *previous; /* or a shard of its images; NULL: none */
	bool plain;           /* the base method without the constraints */
	long seed, log_every;
	long checkpoint_every; /* steps; 0: only by time */
	bool dry_run;          /* only tell the plan */
};

/* 0, or -1: fail_message. */
int stage_distill(const struct distill_config *config);
#endif
