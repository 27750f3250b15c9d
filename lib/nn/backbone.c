#include "lib/nn/backbone.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

#define DECLARE(name, about) extern const struct arch name;
#define ADDRESS(name, about) &name,
FD2_ARCHS(DECLARE)
static const struct arch *const archs[] = {FD2_ARCHS(ADDRESS)};

const struct arch *arch_find(const char *name)
{
	for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
		if (!strcmp(archs[i]->name, name))
			return archs[i];
	return fail_null("no backbone is called '%s' (there are %s)", name, ARCH_CHOICES);
}

const struct arch *arch_at(enum arch_place place)
{
	return archs[place];
}

int arch_check_size(const struct arch *a, int size)
{
	return size >= a->min_size ? 0
	                           : fail("%s needs images of at least %d pixels, not %d", a->name,
	                                 a->min_size, size);
}

int backbone_init(
    struct backbone *b, const char *arch, const struct arch_options *options, uint64_t seed)
{
	*b = (struct backbone){
	    .arch = arch_find(arch), .params.seed = seed, .params.bare = options->bare};
	if (!b->arch || arch_check_size(b->arch, options->size) < 0)
		return -1;
	if (options->last_stride == 1 && !b->arch->has_stride)
		return fail("%s has no last stage whose stride could be 1; ResNets have", arch);
	b->net = b->arch->build(&b->params, &b->classifier, options);
	if (tensor_error())
		return fail("cannot build %s: %s", arch, tensor_error());
	return b->net ? 0 : -1;
}

void backbone_free(struct backbone *b)
{
	params_free(&b->params);
	free(b->net);
	*b = (struct backbone){0};
}

Tensor *backbone_features(const struct backbone *b, const Tensor *x, const struct pass *pass)
{
	return b->arch->features(b->net, x, pass);
}

Tensor *backbone_logits(const struct backbone *b, const Tensor *F, const struct pass *pass)
{
	const Tensor *f = tensor_to(F, tensor_type(b->classifier.weight));
	Tensor *v = b->arch->flattens ? tensor_reshape(f, 2, (int64_t[]){tensor_size(f, 0), -1})
	                              : tensor_mean(f, 2, (int[]){2, 3}, false);
	return linear_forward(
	    &b->classifier, pass->dropout_mask ? tensor_mul(v, pass->dropout_mask) : v);
}

Tensor *backbone_dropout_mask(const struct backbone *b, int n, struct rng *r)
{
	return b->arch->dropout > 0
	           ? dropout_mask(n, tensor_size(b->classifier.weight, 1), b->arch->dropout, r)
	           : NULL;
}
