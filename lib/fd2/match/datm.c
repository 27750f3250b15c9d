/* Trajectory matching (MTT, Cazenavette et al. 2022) with aligned difficulty (DATM, Guo et al.
 * 2024): a student starts with an expert's weights, trains on the images, and should end where the
 * expert was some epochs later. The start moves to later epochs; labels and step size are learned
 * too. */
#include "lib/base/err.h"
#include "lib/fd2/match/matchings.h"

static void set(long *to, long most, long otherwise)
{
	if (*to == OPT_UNSET)
		*to = otherwise < most ? otherwise : most;
}

/* The default epochs and steps are those of DATM's program for Tiny ImageNet. */
int trajectory_configure(
    struct trajectory_config *t, const struct trajectory_config *config, long ipc)
{
	*t = *config;
	set(&t->steps, LONG_MAX, ipc < 50 ? 40 : 20);
	set(&t->last, LONG_MAX, ipc < 10 ? 20 : ipc < 50 ? 50 : 70);
	set(&t->upper, t->last, ipc < 10 ? 15 : t->last);
	set(&t->first, t->upper - 1, ipc < 10 ? 0 : ipc < 50 ? 10 : 40);
	if (opt_changed("start-growth") && t->upper == t->last)
		return fail(
		    "--start-growth is for a --start-upper below --start-last; both are %ld",
		    t->last);
	if (t->first < t->upper && t->upper <= t->last)
		return 0;
	return fail("--start-first %ld, --start-upper %ld and --start-last %ld leave no epoch to "
	            "start from: the second must be above the first and not above the third",
	    t->first, t->upper, t->last);
}

const struct matching matching_datm = {
    .name = "datm", .kind = ALONG_TRAJECTORIES, .iterations = 10000, .lr = 100};
