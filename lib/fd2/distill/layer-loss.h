/* The distance of what a teacher's layers get of a batch from what they get of photographs: SRe2L's
 * BatchNorm term with the classes' own statistics (LPLD, Xiao and He 2024), with those of
 * convolutions, and averaged over steps (G-VBSM, Shao et al. 2024; EDC, Shao et al. 2024b). */
#ifndef FD2_LAYER_LOSS_H
#define FD2_LAYER_LOSS_H
#include "lib/fd2/teacher/layer-statistics.h"

/* What a pass showed of its convolutions, as struct bn_statistics. */
struct conv_statistics {
	struct conv_seen {
		const struct conv *conv;  /* outlives this */
		Tensor *seen[STATISTICS]; /* [G,C], [G,P], of each group of the batch */
	} * v;
	int n, capacity;
};
void conv_statistics_add(
    struct conv_statistics *s, const struct conv *conv, const Tensor *x, int groups);

/* Whose statistics the images of an index batch are compared with. */
struct layer_match {
	enum class_match {
		CLASSES_UNSET = -1,
		CLASSES_NONE, /* all photographs */
		CLASSES_MEAN, /* the batch with the mean of those of its classes */
		CLASSES_EACH, /* of BatchNorms, the images of each class with their class */
	} classes;
	double share; /* of the distance from the classes'; the rest is that from all photographs */
	enum layers {
		LAYERS_UNSET = -1,
		LAYERS_BN,  /* BatchNorms */
		LAYERS_ALL, /* convolutions, too */
	} layers;
	double momentum; /* of averages over steps; 0: the batch alone */
};
#define CLASS_MATCH_CHOICES "none|mean|each"
#define LAYERS_CHOICES "bn|all"
/* Whether loss_bn does without all of it; and whether it is about more than what the teacher
 * itself knows. */
bool layer_match_is_plain(const struct layer_match *m);
bool layer_match_needs_statistics(const struct layer_match *m);

/* method->loss where m->match asks for more than loss_bn: the terms "bn" and, with convolutions,
 * "conv".
 *
 *   r_bn sum_l m_l ((1 - share) d(batch, all photographs) + share d(images, classes))
 *
 * d is the mean over groups, that is, over the indices or over the classes, of the sum over a
 * layer's statistics of ||seen - target||, in the form m->bn_form. m_l is 10 for the first layer
 * and 1 for the others. */
struct method;
struct step_pass;
struct terms;
Tensor *layer_term(const struct method *m, const struct step_pass *p, struct terms *t);
#endif
