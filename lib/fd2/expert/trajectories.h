/* Experts' trajectories: the weights of networks before training and after each epoch, in tensor
 * streams of kind "trajectories" (fd2-expert(1)). Tensor "3/12/features.0.weight" belongs to expert
 * 3 after 12 epochs.
 *
 * trajectories_open reads each file once to check it; trajectories_read then reads the weights of
 * any expert after any epoch from the file. Only those are in memory. */
#ifndef FD2_TRAJECTORIES_H
#define FD2_TRAJECTORIES_H
#include "lib/base/opts.h"
#include "lib/data/fit.h"
#include "lib/image/view.h"
#include "lib/nn/backbone.h"

struct trajectory_file;

struct trajectories {
	struct trajectory_file *files;
	int n_files;
	int experts; /* in all files */
	int epochs;  /* least number of epochs in any file */
	const char *arch;
};

/* The settings that the experts must have been trained with. */
struct trajectories_for {
	const char *arch; /* NULL: the same in all files */
	int size;
	enum fit fit;
	const struct normal *normal;
	const char *const *classes;
	int n_classes;
};

/* -1: fail_message. Call trajectories_close either way. */
int trajectories_open(
    struct trajectories *t, const struct opt_list *paths, const struct trajectories_for *made_for);
void trajectories_close(struct trajectories *t);
/* Returns a new reference to a list of the files' digests. */
json_t *trajectories_digests(const struct trajectories *t);
/* Fills `to`, the parameters of t->arch, with the weights of an expert after an epoch. -1:
 * fail_message. */
int trajectories_read(const struct trajectories *t, int expert, int epoch, const struct params *to);

/* Formats "3/12/", the prefix of an expert's tensor names after an epoch. */
enum { TRAJECTORY_PREFIX_MAX = 32 };
void trajectory_prefix(char prefix[TRAJECTORY_PREFIX_MAX], int expert, int epoch);
#endif
