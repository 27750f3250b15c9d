/* The face of lib/fd2/match: distils images by matching, without a teacher: learned images must
 * look like photographs to ConvNets, or train ConvNets as photographs do (fd2-method(7), MATCHING).
 *
 * stage_match reads the photographs (real), initialises the images (learned, match-start) and runs
 * the iterations of a method (table in matchings; one file each: dm, dsa, datm). dm and dsa compare
 * class by class in networks that rounds draws and trains, with the same augmentation for
 * photographs and images. datm (trajectory) trains a student (unroll) along the trajectory of an
 * expert (lib/fd2/expert); its images start from photographs that experts recognise (recognised).
 * match-resume saves and restores the state.
 *
 * The images depend only on the settings, the photographs, the experts and the seed. With dm, and
 * with dsa without training, the images of a class do not depend on other classes, so different
 * processes can make different classes. A pass through a network takes `part` images, or all
 * learned images of a class. */
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
