/* The face of lib/fd2/match: distilled images by matching, that is, without a teacher, but by
 * networks that are drawn again and again, in which learned images and photographs must look alike
 * (fd2-method(7), MATCHING).
 *
 * stage_match reads the photographs (real), starts the images (learned) and takes the iterations
 * of a method (the table in matchings, one file each: dm, dsa) in the networks that rounds draws
 * and train-net trains, under an augmentation that photographs and images share (siamese-augment).
 * match-resume saves and restores the state.
 *
 * What the images become depends on the settings, the photographs and the seed, and on nothing
 * else; without training, those of a class do not depend on other classes, so that classes can be
 * made by different processes. One class is in memory at a time, and `part` of its photographs. */
#ifndef FD2_MATCH_H
#define FD2_MATCH_H
#include <math.h>

#include "lib/base/opts.h"
#include "lib/data/fit.h"
#include "lib/fd2/batch/finished.h"
#include "lib/fd2/match/matchings.h"
#include "lib/fd2/match/siamese-augment.h"
#include "lib/image/view.h"

struct match_config {
	struct match_inputs {
		char **shards;
		int n_shards; /* 0: standard input */
		enum fit fit;
		struct normal normal;
		long size, cache;
		bool strict;
	} in;
	struct match_outputs {
		const char *path;
		enum pixels pixels;
		long quality, checkpoint_every; /* iterations */
		bool resume;
	} out;
	struct matching_config method;
	enum { MATCH_REAL, MATCH_NOISE } start;
	long ipc;
	struct opt_range classes;
	long seed, log_every;
	bool dry_run; /* only tell the plan */
};
#define MATCH_START_CHOICES "real|noise"

/* 0, or -1: fail_message. */
int stage_match(const struct match_config *config);
#endif
