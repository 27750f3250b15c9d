/* The table of methods: X(identifier). To add one, add a line here and a file that defines `const
 * struct matching matching_IDENTIFIER`; option table, --help and completion follow. */
#ifndef FD2_MATCHINGS_H
#define FD2_MATCHINGS_H
#include "lib/base/opts.h"
#include "lib/fd2/match/matching.h"

#define FD2_MATCHINGS(X) X(dm) X(dsa)

#define FD2_MATCHING_ID(id) MATCHING_##id,
enum matching_id { FD2_MATCHINGS(FD2_MATCHING_ID) MATCHINGS };
/* "dm|..." for OPT_CHOICE */
#define FD2_MATCHING_CHOICE(id) "|" #id
#define MATCHING_CHOICES (&(FD2_MATCHINGS(FD2_MATCHING_CHOICE))[1])

/* Networks: ConvNets of these depths. */
#define MATCH_ARCH_CHOICES "convnet3|convnet4|convnet5|convnet6"
enum { DEPTH_UNSET, DEPTH_LEAST = 3, DEPTH_MOST = 6 };

/* iterations, rounds and epochs OPT_UNSET, lr NAN: the method's. */
struct matching_config {
	enum matching_id method;
	int depth; /* DEPTH_UNSET: as suits the size */
	long iterations, rounds, epochs;
	double lr, momentum, lr_net;
	long real, part;  /* photographs per class and round, and in one pass */
	unsigned augment; /* bits 1 << SIAMESE_... */
};

const struct matching *matching_of(enum matching_id id);
/* The method as config asks for it. -1: fail_message, where it cannot do that. */
int matching_configure(struct matching *m, const struct matching_config *config, long ipc);
/* The depth whose last map has 4 to 7 positions along a side, where there is one. */
int matching_depth(const struct matching_config *config, int size);
#endif
