/* What each tool asks of libfd2-torch.so: the settings its options gave, and the stage that does the work.
 *
 * Every stage returns 0 or -1 with fail_message(). Paths are as on the command line; n_shards = 0 is standard input. */
#ifndef FD2_JOBS_H
#define FD2_JOBS_H
#include <stdbool.h>

#include "lib/base/opts.h"

/* fd2-teacher: shards -> teacher.fd2 */
struct teacher_job {
	char **shards;
	int n_shards;
	struct opt_list val;
	const char *out, *best, *init, *arch, *augment, *fit, *center_update, *schedule;
	long maps, size, last_stride, epochs, batch, checkpoint_every, cache;
	double alpha, eta, mu, lr, momentum, weight_decay, warmup, label_smoothing, min_scale, clip, cal_lr, ema;
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

/* fd2-distill: teacher, prototypes, shards of real images -> distilled shard */
struct distill_job {
	char **shards;
	int n_shards;
	struct opt_list teachers, protos, attn; /* protos: none, or one for each teacher */
	const char *previous, *out, *method, *init, *init_images, *bn_form, *ls_view, *pixels, *other, *difficulty;
	long ipc, id, group, together, batch, steps, ls_every, crops, quality, log_every, cache;
	struct opt_range classes;
	struct opt_ints sizes;
	/* alpha < 0: the teacher's; steps OPT_UNSET, lr, r_bn, residual NAN, init NULL, sizes empty: the method's */
	double alpha, beta, lambda, lr, r_bn, residual, min_scale;
	bool plain, bn_head, no_lf, no_ls, resume, strict;
};
int stage_distill(const struct distill_job *job);

/* fd2-select: shards of real images and a teacher -> a shard of some of them, or of mosaics of their patches */
struct select_job {
	char **shards;
	int n_shards;
	const char *teacher, *out, *features, *method; /* teacher NULL: for random */
	long ipc, images, crops, factor, quality, cache;
	struct opt_range classes;
	bool strict;
};
int stage_select(const struct select_job *job);

/* fd2-attn: teacher + shard -> attn.fd2, or a shard of overlays */
struct attn_job {
	char **shards;
	int n_shards;
	const char *teacher, *out;
	bool heatmap, shared_scale, strict;
};
int stage_attn(const struct attn_job *job);

/* fd2-relabel: teachers + distilled shard -> labels.fd2 */
struct relabel_job {
	char **shards;
	int n_shards;
	struct opt_list teachers;
	struct opt_numbers weights; /* none: the same for all */
	const char *out, *bn, *mix, *order;
	long epochs, batch, fkd_seed;
	double min_scale, keep;
	bool shuffle_patches;
};
int stage_relabel(const struct relabel_job *job);

/* One of fd2-eval's students. */
struct student_plan {
	const char *arch;
	long seed; /* of its initial values and of dropout */
	double lr; /* < 0: the architecture's own */
};

/* fd2-eval: labels + distilled shard + held-out shards -> a JSON line a student */
struct eval_job {
	char **shards;
	int n_shards;
	const char *labels; /* NULL with hard */
	struct opt_list val, test;
	struct student_plan *students;
	int n_students; /* --init: all of one architecture; --save: one */
	const char *out, *report, *save, *init, *fit, *data;
	long epochs, batch, size, val_every; /* 0: the labels' own, or the default */
	long cache;
	double weight_decay, temperature, zeta, min_scale, label_smoothing;
	bool hard, no_augment, strict, reuse_labels;
};
int stage_eval(const struct eval_job *job);

/* fd2-exchange: labels.fd2 + distilled shard -> a store of the FKD family, and back */
struct fkd_job {
	const char *from, *out;
	struct opt_list images;
	long fkd_seed, size; /* size 0: as the map beside the store says, or 224 */
	const char *bn;      /* NULL: likewise, or batch */
};
int stage_fkd_write(const struct fkd_job *job);
int stage_fkd_read(const struct fkd_job *job);
#endif
