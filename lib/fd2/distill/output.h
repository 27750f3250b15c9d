/* The shard that the images go to, and what an interrupted run left of it. */
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
	const struct teacher *teacher; /* gives class names and normalisation */
	struct history *history;       /* gets each image as it is stored */
	struct shard_writer *writer;   /* NULL: nothing is written */
	int err;                       /* -1: a stored image could not be kept; fail_message */
};

/* Opens the shard for a run with that provenance, or if `dry` only looks at it. config, teacher and
 * history are set. With config->resume the history gets what is stored. 1: the shard is complete
 * already, which is said; -1: fail_message. */
int output_open(struct output *o, json_t *provenance, bool dry);
/* Stores the images x [N,3,S,S] f32, normalised, of b, but for those that are stored. -1:
 * fail_message. */
int output_store(struct output *o, const struct index_batch *b, const Tensor *x);
/* Ends the shard; err < 0 leaves it unfinished. Returns err, or -1: fail_message. */
int output_close(struct output *o, int err);
#endif
