/* The face of lib/fd2/match: distilled images by matching, that is, without a teacher, but by
 * ConvNets to which learned images must look like photographs, or which they must teach like
 * photographs (fd2-method(7), MATCHING).
 *
 * stage_match reads the photographs (real), starts the images (learned, match-start) and takes the
 * iterations of a method (the table in matchings, one file each: dm, dsa, datm). Those of dm and
 * dsa compare class by class in the networks that rounds draws and trains, under an augmentation
 * that photographs and images share. Those of datm (trajectory) train a student (unroll) along the
 * trajectory of an expert (lib/fd2/expert); its images start from photographs that experts
 * recognise (recognised). match-resume saves and restores the state.
 *
 * What the images become depends on the settings, the photographs, the experts and the seed, and on
 * nothing else. With dm, and dsa without training, the images of a class do not depend on other
 * classes, so that classes can be made by different processes. `part` images go through a network
 * at a time, or the learned ones of a class. */
#ifndef FD2_MATCH_H
#define FD2_MATCH_H
#include <math.h>

#include "lib/base/opts.h"
#include "lib/fd2/batch/encode.h"
#include "lib/fd2/batch/photographs.h"
#include "lib/fd2/match/matchings.h"

struct match_config {
	struct photograph_inputs in;
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
