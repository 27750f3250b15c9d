/* fd2-teacher: shards -> teacher.fd2 (fd2-method(7), TEACHER).
 *
 * train-teacher.c reads the data and runs the epochs, teacher-step.c takes a step,
 * teacher-results.c reports and writes the results, teacher-resume.c saves and restores the
 * state. */
#ifndef FD2_TRAIN_TEACHER_H
#define FD2_TRAIN_TEACHER_H
#include "lib/base/opts.h"
#include "lib/data/fit.h"
#include "lib/image/view.h"
#include "lib/nn/archs.h"

/* How prototypes move: Eq. 5, or as CAL's program does it */
enum center_update { CENTER_PAPER, CENTER_CAL };
#define CENTER_CHOICES "paper|cal"

enum teacher_schedule_kind { TEACHER_SCHEDULE_COSINE, TEACHER_SCHEDULE_EXP };
#define TEACHER_SCHEDULE_CHOICES "cosine|exp"

/* Settings; paths are as on the command line. */
struct teacher_config {
	struct teacher_inputs {
		char **shards;
		int n_shards; /* 0: standard input */
		struct opt_list val;
		const char *init; /* weights of the backbone; NULL: random ones */
		long cache;
		bool fast_val; /* validate with training's shortcuts, validate.h */
		bool strict;
	} in;
	struct teacher_outputs {
		const char *last, *best;
		bool resume;
		long extend;           /* epochs added to a finished `last`; 0: a new teacher */
		long checkpoint_every; /* epochs */
	} out;
	struct teacher_network {
		enum arch_place arch;
		long maps, size, last_stride;
		enum fit fit;
		struct normal normal;
	} network;
	struct teacher_loss {
		double alpha, eta, mu, smoothing;
		enum center_update center_update;
		bool cal_augment;
	} loss;
	struct teacher_schedule {
		long epochs, batch;
		double lr, warmup;
		enum teacher_schedule_kind kind;
	} schedule;
	struct teacher_sgd {
		double momentum, weight_decay, clip, cal_lr, ema;
		bool nesterov;
	} sgd;
	struct augment augment;
	uint64_t seed;
	bool dry_run; /* only tell the plan */
};

/* 0, or -1 with fail_message(). */
int stage_teacher(const struct teacher_config *config);
#endif
