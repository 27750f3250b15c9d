/* The smallest share of the image's area that a step's crop has: constant over the steps, or a
 * curriculum from whole images to small crops (CDA, Yin and Shen 2023; fd2-method(7), BASE
 * METHODS). */
#ifndef FD2_CROP_CURRICULUM_H
#define FD2_CROP_CURRICULUM_H

struct crop_curriculum {
	double min_scale; /* final share */
	/* how the share falls to it from 1: constant from the first step on, all at once at the
	 * milestone, linearly until then, or as half a cosine wave */
	enum curriculum {
		CURRICULUM_UNSET = -1,
		CURRICULUM_NONE,
		CURRICULUM_STEP,
		CURRICULUM_LINEAR,
		CURRICULUM_COSINE
	} curriculum;
	double milestone; /* share of the steps after which it is final */
};
#define CURRICULUM_CHOICES "none|step|linear|cosine"

/* Returns the smallest share at `step`, from 0, of `steps`. */
double crop_curriculum_at(const struct crop_curriculum *c, long step, long steps);
#endif
