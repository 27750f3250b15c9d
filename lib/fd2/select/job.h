/* What fd2-select asks of this folder: settings, and the stage that follows them. Paths are as
 * on the command line; n_shards = 0 is standard input. Every stage returns 0, or -1 with
 * fail_message(). */
#ifndef FD2_SELECT_JOB_H
#define FD2_SELECT_JOB_H
#include "lib/base/opts.h"

/* fd2-select: shards of real images and a teacher -> a shard of some of them, or of mosaics of
 * their patches */
struct select_job {
	char **shards;
	int n_shards;
	const char *teacher, *out, *features; /* teacher NULL: for random */
	enum { SELECT_RANDOM, SELECT_HERDING, SELECT_K_CENTER, SELECT_RDED } method;
	long ipc, images, crops, factor, quality, cache;
	struct opt_range classes;
	bool strict;
};
int stage_select(const struct select_job *job);
#endif
