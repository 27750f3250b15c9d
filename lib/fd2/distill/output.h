/* The shard that the images are stored in, and what an interrupted run left of it. */
#ifndef FD2_DISTILL_OUTPUT_H
#define FD2_DISTILL_OUTPUT_H
#include "formats/shard/shard.h"
#include "lib/fd2/batch/encode.h"
#include "lib/fd2/distill/history.h"

struct output_config {
	const char *path; /* NULL, "-": standard output */
	enum pixels pixels;
	long quality; /* of the JPEGs */
	bool resume;
};

struct output {
	const struct output_config *config;
	const struct teacher *teacher; /* for class names and normalisation */
	struct history *history;       /* receives each stored image */
	struct shard_writer *writer;   /* NULL: nothing is written */
	int err;                       /* -1: an image of the old run is broken; fail_message */
};

/* Opens the shard for a run with that provenance, or if `dry` only looks at it. Set config, teacher
 * and history before. With config->resume adds the stored images to the history. 1: the shard is
 * complete already, and a message says so; -1: fail_message. */
int output_open(struct output *o, json_t *provenance, bool dry);
/* Stores the images x [N,3,S,S] f32, normalised, of b, except those stored already. -1:
 * fail_message. */
int output_store(struct output *o, const struct index_batch *b, const Tensor *x);
/* Finishes the shard, or leaves it unfinished if err < 0. Returns err, or -1: fail_message. */
int output_close(struct output *o, int err);
#endif
