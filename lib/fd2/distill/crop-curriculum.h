/* The smallest share of the image's area that a step's crop has, over the steps: constant, or a
 * curriculum from whole images to small crops (CDA, Yin and Shen 2023; fd2-method(7), BASE
 * METHODS). */
#ifndef FD2_CROP_CURRICULUM_H
#define FD2_CROP_CURRICULUM_H

struct crop_curriculum {
	double min_scale; /* in the end */
	/* how it gets there from 1: before the first step, at once at the milestone, evenly
	 * until then, or as half a wave of a cosine */
	enum curriculum {
		CURRICULUM_UNSET = -1,
		CURRICULUM_NONE,
		CURRICULUM_STEP,
		CURRICULUM_LINEAR,
		CURRICULUM_COSINE
	} curriculum;
	double milestone; /* after which share of the steps it is there */
};
#define CURRICULUM_CHOICES "none|step|linear|cosine"

/* Of `step`, from 0, of `steps`. */
double crop_curriculum_at(const struct crop_curriculum *c, long step, long steps);
#endif
