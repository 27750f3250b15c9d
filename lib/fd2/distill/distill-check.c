#include "lib/fd2/distill/distill-check.h"

#include <string.h>

#include "lib/base/err.h"

/* A network whose classifier takes the whole feature map accepts one image size only. */
static int check_size(const struct teacher *t, int size)
{
	const struct arch *arch = t->backbone.arch;
	if (arch->flattens && size != t->size)
		return fail("%s takes images of its own size only: give --sizes %d, for each "
		            "phase, instead of %d",
		    arch->name, t->size, size);
	return arch_check_size(arch, size);
}

static int check_sizes(const struct distill_teachers *t, const struct method *m)
{
	int err = 0;
	for (int i = 0; i < t->n; i++)
		for (int p = 0; p < m->phases && !err; p++)
			err = check_size(t->v[i].teacher, m->seen_sizes[p]);
	return err;
}

/* Warns of backbones that normalise in another way and so have no statistics to match. */
static void warn_of_no_bn(const struct distill_teachers *t, const struct distill_config *config)
{
	for (int i = 0; i < t->n; i++) {
		const struct backbone *b = &t->v[i].teacher->backbone;
		bool any = false;
		for (int j = 0; j < b->params.n; j++)
			any |= strstr(b->params.v[j].name, ".running_mean") &&
			       strncmp(b->params.v[j].name, "cal.", 4);
		if (!any && !config->constraints.bn_head)
			warn("%s has no BatchNorm, so its images have no BN term", b->arch->name);
	}
}

/* The statistics of patches are of images of the photographs' size. */
static int check_patches(const struct method *m, int size)
{
	if (m->match.layers != LAYERS_ALL)
		return 0;
	for (int p = 0; p < m->phases; p++)
		if (m->seen_sizes[p] != size)
			return fail("--layers all needs images as large as the photographs whose "
			            "patches it compares: give --sizes %d instead of %d",
			    size, m->seen_sizes[p]);
	return 0;
}

int distill_check(
    const struct distill_teachers *t, const struct method *m, const struct distill_config *config)
{
	if (check_sizes(t, m) < 0 || check_patches(m, t->v[0].teacher->size) < 0)
		return -1;
	warn_of_no_bn(t, config);
	return 0;
}
