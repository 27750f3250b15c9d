/* A base method: settings, and hooks for what is special to it. FD2's constraints can be added to
 * any of them.
 *
 * All methods share the step: each index is seen through one random view, the loss is the
 * method's own plus the cross-entropy of the backbone branch, and Adam updates the pixels. */
#ifndef FD2_METHOD_H
#define FD2_METHOD_H
#include "lib/base/opts.h"
#include "lib/fd2/distill/crop-curriculum.h"
#include "lib/fd2/distill/layer-loss.h"
#include "lib/fd2/distill/step-pass.h"
#include "lib/fd2/distill/terms.h"

enum { PHASES_MAX = OPT_INTS_MAX };

struct method {
	const char *name;
	const struct start *start; /* what images start as */
	bool several_teachers;     /* allowed; they take turns, one per step */
	long steps;                /* per image, split equally over the phases */
	double lr;                 /* Adam's, falling to 0 along a cosine over all steps */
	double r_bn;               /* weight of the BN loss */
	enum bn_form bn_form;
	struct layer_match match;
	struct crop_curriculum crops;
	int roll;        /* largest roll, in pixels of 224 */
	double flatness; /* weight of the flatness loss; 0: none */
	int phases;
	/* For each phase, the sides of what the teacher sees and of the images; and the side of the
	 * stored images. A method's table has only seen_sizes, for a teacher of 224 pixels;
	 * method_configure sets all. */
	int seen_sizes[PHASES_MAX], image_sizes[PHASES_MAX], stored_size;
	double residual; /* share of the initial images in what a later phase starts with */

	/* Returns the loss without the cross-entropy, which L_cls of FD2 replaces: a scalar, the
	 * mean over the indices. Adds each of its terms, weighted, to t. Must not wait for the
	 * device or allocate outside the current tensor scope: on a GPU it is recorded. */
	Tensor *(*loss)(const struct method *m, const struct step_pass *p, struct terms *t);
	/* Returns what a later phase starts with: a new tensor [N,3,d,d] made of the images and the
	 * initial images, both resized to the phase's size. NULL: phases start with the images. */
	Tensor *(*connect)(const struct method *m, const Tensor *x, const Tensor *start);
};
#endif
