/* What a base method is: settings, and hooks for what only it does. FD2's constraints go on top
 * of any of them.
 *
 * All methods share the step: each index is seen through one random view, the loss is the
 * method's own and the cross-entropy of the backbone branch, and Adam moves the pixels. */
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
	bool several_teachers;     /* which take turns, one per step */
	long steps;                /* per image, split equally over the phases */
	double lr;                 /* of Adam, falling as a cosine to 0 over all steps */
	double r_bn;               /* weight of the BN loss */
	enum bn_form bn_form;
	struct layer_match match;
	struct crop_curriculum crops; /* of its steps */
	int roll;                     /* largest, in pixels of 224 */
	double flatness;              /* weight of that loss; 0: without it */
	int phases;
	/* In each phase, sides of what the teacher sees and of the images; and that of the images
	 * as they are stored. A method's own, seen_sizes, are for a teacher of 224 pixels;
	 * method_configure sets all. */
	int seen_sizes[PHASES_MAX], image_sizes[PHASES_MAX], stored_size;
	double residual; /* share of the initial image in what a later phase starts with */

	/* Its loss without the cross-entropy, which L_cls of FD2 replaces: a scalar, the mean
	 * over the indices. Adds each of its terms, weighted, to t. Nothing in it may wait for
	 * the device or allocate outside the current tensor scope: on a GPU it is recorded. */
	Tensor *(*loss)(const struct method *m, const struct step_pass *p, struct terms *t);
	/* What a later phase starts with: a new tensor [N,3,d,d] out of the images and the
	 * initial images, both resized to the phase's size. NULL: the images. */
	Tensor *(*connect)(const struct method *m, const Tensor *x, const Tensor *start);
};
#endif
