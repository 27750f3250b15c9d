/* What fd2-teacher, fd2-protos and fd2-attn ask of this folder: settings, and the stage that
 * follows them. Paths are as on the command line; n_shards = 0 is standard input. Every stage
 * returns 0, or -1 with fail_message(). */
#ifndef FD2_TEACHER_JOB_H
#define FD2_TEACHER_JOB_H
#include "lib/base/opts.h"
#include "lib/data/fit.h"
#include "lib/image/view.h"
#include "lib/nn/archs.h"

/* fd2-teacher: shards -> teacher.fd2 */
struct teacher_job {
	char **shards;
	int n_shards;
	struct opt_list val;
	const char *out, *best, *init;
	enum arch_place arch;
	enum fit fit;
	enum crop_kind augment;
	enum { CENTER_PAPER, CENTER_CAL } center_update; /* Eq. 5, or CAL's program's */
	enum { SCHEDULE_COSINE, SCHEDULE_EXP } schedule;
	long maps, size, last_stride, epochs, batch, checkpoint_every, cache;
	double alpha, eta, mu, lr, momentum, weight_decay, warmup, label_smoothing, min_scale, clip,
	    cal_lr, ema;
	double mean[3], std[3], jitter[4], rotate;
	bool nesterov, cal_augment, resume, strict;
};
int stage_teacher(const struct teacher_job *job);

/* fd2-protos: teacher.fd2 (+ shards) -> protos.fd2 */
struct protos_job {
	const char *teacher, *out;
	char **shards;
	int n_shards; /* 0: the online prototypes */
	long batch, cache;
	bool strict;
};
int stage_protos(const struct protos_job *job);

/* fd2-attn: teacher + shard -> attn.fd2, or a shard of overlays */
struct attn_job {
	char **shards;
	int n_shards;
	const char *teacher, *out;
	bool heatmap, shared_scale, strict;
};
int stage_attn(const struct attn_job *job);
#endif
