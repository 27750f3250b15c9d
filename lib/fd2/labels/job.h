/* What fd2-relabel and fd2-exchange ask of this folder: settings, and the stages that follow
 * them. Paths are as on the command line; n_shards = 0 is standard input. Every stage returns 0,
 * or -1 with fail_message(). */
#ifndef FD2_LABELS_JOB_H
#define FD2_LABELS_JOB_H
#include "lib/base/opts.h"
#include "lib/image/view.h"

/* Which statistics the teacher's BatchNorms use when it labels: those of each half of a batch,
 * or the running ones. */
enum label_bn { LABEL_BN_UNSET = -1, LABEL_BN_BATCH, LABEL_BN_EVAL };
#define LABEL_BN_CHOICES "batch|eval"

/* fd2-relabel: teachers + distilled shard -> labels.fd2 */
struct relabel_job {
	char **shards;
	int n_shards;
	struct opt_list teachers;
	struct opt_numbers weights; /* none: the same for all */
	const char *out;
	enum label_bn bn;
	enum mix_kind mix;
	enum { ORDER_OWN, ORDER_FKD } order; /* of the images: ours, or that of FKD's sampler */
	long epochs, batch, fkd_seed;
	double min_scale, keep;
	bool shuffle_patches;
};
int stage_relabel(const struct relabel_job *job);

/* fd2-exchange: labels.fd2 + distilled shard -> a store of the FKD family, and back */
struct fkd_job {
	const char *from, *out;
	struct opt_list images;
	long fkd_seed, size; /* size 0: as the map beside the store says, or 224 */
	enum label_bn bn;    /* LABEL_BN_UNSET: likewise, or batch */
};
int stage_fkd_write(const struct fkd_job *job);
int stage_fkd_read(const struct fkd_job *job);
#endif
