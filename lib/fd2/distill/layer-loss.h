/* The distance between the statistics of a teacher's layers for a batch and for photographs.
 * Extends SRe2L's BatchNorm term by statistics of the classes (LPLD, Xiao and He 2024), of
 * convolutions, and averaged over steps (G-VBSM, Shao et al. 2024; EDC, Shao et al. 2024b). */
#ifndef FD2_LAYER_LOSS_H
#define FD2_LAYER_LOSS_H
#include "lib/fd2/teacher/layer-statistics.h"

/* The statistics of a pass's convolutions, used like struct bn_statistics. */
struct conv_statistics {
	struct conv_seen {
		const struct conv *conv;  /* borrowed */
		Tensor *seen[STATISTICS]; /* [G,C], [G,P], one row per group of the batch */
	} * v;
	int n, capacity;
};
void conv_statistics_add(
    struct conv_statistics *s, const struct conv *conv, const Tensor *x, int groups);

/* Which statistics the images of an index batch are compared with. */
struct layer_match {
	enum class_match {
		CLASSES_UNSET = -1,
		CLASSES_NONE, /* those of all photographs */
		CLASSES_MEAN, /* compare the batch with the mean over its classes */
		CLASSES_EACH, /* in BatchNorms, compare images of each class with their class */
	} classes;
	double share; /* weight of the distance from classes; the rest: from all photographs */
	enum layers {
		LAYERS_UNSET = -1,
		LAYERS_BN,  /* BatchNorms */
		LAYERS_ALL, /* and convolutions */
	} layers;
	double momentum; /* of averages over steps; 0: no averages */
};
#define CLASS_MATCH_CHOICES "none|mean|each"
#define LAYERS_CHOICES "bn|all"
/* Return whether loss_bn suffices, and whether statistics are needed that the teacher lacks. */
bool layer_match_is_plain(const struct layer_match *m);
bool layer_match_needs_statistics(const struct layer_match *m);

/* The method->loss if m->match asks for more than loss_bn. Adds the terms "bn" and, with
 * convolutions, "conv", and returns their sum:
 *
 *   r_bn sum_l m_l ((1 - share) d(batch, all photographs) + share d(images, classes))
 *
 * d sums ||seen - target|| over a layer's statistics, in the form m->bn_form, and is the mean over
 * groups, that is, over the indices or over the classes. m_l is 10 for the first layer (with
 * convolutions, the first of those) and 1 for the others. */
struct method;
struct step_pass;
struct terms;
Tensor *layer_term(const struct method *m, const struct step_pass *p, struct terms *t);
#endif
