/* The table of methods: X(identifier). To add one, add a line here and a file that defines `const
 * struct matching matching_IDENTIFIER`; option table, --help and completion follow. */
#ifndef FD2_MATCHINGS_H
#define FD2_MATCHINGS_H
#include "lib/base/opts.h"
#include "lib/fd2/match/matching.h"

#define FD2_MATCHINGS(X) X(dm) X(dsa) X(datm)

#define FD2_MATCHING_ID(id) MATCHING_##id,
enum matching_id { FD2_MATCHINGS(FD2_MATCHING_ID) MATCHINGS };
/* OPT_CHOICE's list, "dm|dsa|...": the [1] skips the first '|'. */
#define FD2_MATCHING_CHOICE(id) "|" #id
#define MATCHING_CHOICES (&(FD2_MATCHINGS(FD2_MATCHING_CHOICE))[1])

/* Iterations, rounds or epochs OPT_UNSET, or lr NAN: the method's default. */
struct matching_config {
	enum matching_id method;
	int depth; /* DEPTH_UNSET: chosen by size, or the experts' */
	long iterations, rounds, epochs;
	double lr, momentum;
	double lr_net;    /* of networks, or the students' initial step size */
	long real, part;  /* photographs per class and round; images in one pass */
	unsigned augment; /* bits 1 << SIAMESE_... */
	struct opt_list experts;
	struct trajectory_config trajectory;
};

/* For tests: returns the method with its default settings. */
const struct matching *matching_of(enum matching_id id);
/* Sets *m to the method with config's settings. -1: fail_message, if the method does not support
 * them. */
int matching_configure(struct matching *m, const struct matching_config *config, long ipc);
#endif
