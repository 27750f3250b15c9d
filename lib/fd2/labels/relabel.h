/* The stage of fd2-relabel: teachers + distilled shard -> labels.fd2.
 *
 * For each epoch the stage draws the views of all images and how they are mixed (labels.h), labels
 * each batch with the teachers (labeller.h), and writes the epoch to the stream. A file is written
 * as FILE.part, whose whole epochs --resume keeps (finished-epochs.h). */
#ifndef FD2_RELABEL_H
#define FD2_RELABEL_H
#include "lib/base/opts.h"
#include "lib/fd2/labels/label-bn.h"
#include "lib/image/view.h"

/* The order of the images: fd2's own, or that of FKD's sampler */
enum label_order { ORDER_OWN, ORDER_FKD };
#define LABEL_ORDER_CHOICES "own|fkd"

/* Paths are as on the command line. */
struct relabel_config {
	char **shards;
	int n_shards; /* 0: standard input */
	struct opt_list teachers;
	struct opt_numbers weights; /* of the teachers; none: equal weights */
	const char *out;
	uint64_t seed;
	enum label_bn bn;
	enum mix_kind mix;
	enum label_order order;
	long epochs, batch, fkd_seed; /* batch 0: depends on the number of classes */
	double min_scale, fraction;   /* fraction: share of the batches to label */
	bool shuffle_patches, resume;
	bool dry_run; /* only tell the plan */
};
/* 0, or -1 with fail_message(). */
int stage_relabel(const struct relabel_config *config);
#endif
