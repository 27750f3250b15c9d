/* The table of methods: X(identifier). To add one, add a line here and a file that defines `const
 * struct matching matching_IDENTIFIER`; option table, --help and completion follow. */
#ifndef FD2_MATCHINGS_H
#define FD2_MATCHINGS_H
#include "lib/base/opts.h"
#include "lib/fd2/match/matching.h"

#define FD2_MATCHINGS(X) X(dm) X(dsa) X(datm)

#define FD2_MATCHING_ID(id) MATCHING_##id,
enum matching_id { FD2_MATCHINGS(FD2_MATCHING_ID) MATCHINGS };
/* "dm|..." for OPT_CHOICE */
#define FD2_MATCHING_CHOICE(id) "|" #id
#define MATCHING_CHOICES (&(FD2_MATCHINGS(FD2_MATCHING_CHOICE))[1])

/* iterations, rounds and epochs OPT_UNSET, lr NAN: the method's. */
struct matching_config {
	enum matching_id method;
	int depth; /* DEPTH_UNSET: as suits the size, or as the experts are */
	long iterations, rounds, epochs;
	double lr, momentum;
	double lr_net;    /* of networks, or of students at the start */
	long real, part;  /* photographs per class and round; images in one pass */
	unsigned augment; /* bits 1 << SIAMESE_... */
	struct opt_list experts;
	struct trajectory_config trajectory;
};

/* For tests: the method with its own settings. */
const struct matching *matching_of(enum matching_id id);
/* The method as config asks for it. -1: fail_message, where it cannot do that. */
int matching_configure(struct matching *m, const struct matching_config *config, long ipc);
#endif
