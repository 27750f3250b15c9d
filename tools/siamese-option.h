/* The option --augment: kinds of Siamese augmentation, or none. */
#ifndef FD2_SIAMESE_OPTION_H
#define FD2_SIAMESE_OPTION_H
#include "lib/base/choice.h"
#include "lib/base/err.h"
#include "lib/base/opts.h"
#include "lib/fd2/batch/siamese-augment.h"

#define SIAMESE_OPTION_CHOICES SIAMESE_CHOICES "|none"

/* Returns the kinds as bits 1 << SIAMESE_...; all kinds if none is named. */
static inline unsigned siamese_option(const struct opt_list *names)
{
	unsigned kinds = 0;
	for (int i = 0; i < names->n; i++)
		kinds |= 1u << choice_of(SIAMESE_OPTION_CHOICES, names->v[i]);
	if (kinds >> SIAMESE_KINDS && names->n > 1)
		die_usage("--augment none goes without other augmentations");
	return names->n ? kinds & SIAMESE_ALL : SIAMESE_ALL;
}
#endif
