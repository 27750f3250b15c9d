#include "lib/nn/backbone.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

extern const struct arch resnet18, resnet50;

const char arch_names[] = "resnet18|resnet50";
static const struct arch *const archs[] = {&resnet18, &resnet50};

const struct arch *arch_find(const char *name)
{
	for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
		if (!strcmp(archs[i]->name, name))
			return archs[i];
	return fail_null("no backbone is called '%s' (there are %s)", name, arch_names);
}

int backbone_init(struct backbone *b, const char *arch, const struct arch_options *options, uint64_t seed)
{
	*b = (struct backbone){.arch = arch_find(arch), .params.seed = seed, .params.bare = options->bare};
	if (!b->arch)
		return -1;
	b->net = b->arch->build(&b->params, &b->classifier, options);
	return tensor_error() ? fail("cannot build %s: %s", arch, tensor_error()) : 0;
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

Tensor *backbone_logits(const struct backbone *b, const Tensor *F)
{
	Tensor *gap = tensor_mean(tensor_to(F, tensor_type(b->classifier.weight)), 2, (int[]){2, 3}, false);
	return linear_forward(&b->classifier, gap);
}
