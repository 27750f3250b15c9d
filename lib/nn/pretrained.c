#include "lib/nn/pretrained.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "formats/weights/safetensors.h"
#include "formats/weights/state.h"
#include "lib/base/err.h"
#include "lib/nn/weights.h"

struct reading {
	struct backbone *b;
	const char *path;
	struct weights_in in;
	char *unknown; /* the first tensor that the backbone has not */
	long classes;  /* of a classifier that was not taken; 0: it was */
};

static bool is_cal(const char *name)
{
	return !strncmp(name, "cal.", 4);
}

/* torchvision's first files of DenseNet say "denselayer1.norm.1.weight" where its layers are
 * called "norm1". */
static void modern_name(char *name)
{
	char *layer = strstr(name, ".denselayer");
	if (!layer)
		return;
	char *dot = strstr(layer, "norm.");
	dot = dot ? dot + 4 : (dot = strstr(layer, "conv.")) ? dot + 4 : NULL;
	if (dot && isdigit((unsigned char)dot[1]))
		memmove(dot, dot + 1, strlen(dot));
}

/* The same but for the number of classes. */
static bool other_classes(const struct array *a, const Tensor *t)
{
	bool same = a->rank == tensor_rank(t) && a->rank > 0 && a->shape[0] != tensor_size(t, 0);
	for (int i = 1; same && i < a->rank; i++)
		same = a->shape[i] == tensor_size(t, i);
	return same;
}

static int take(struct reading *r, struct array *a)
{
	const struct linear *fc = &r->b->classifier;
	modern_name(a->name);
	if (is_cal(a->name))
		return 0;
	const Tensor *t = params_find(&r->b->params, a->name);
	if (t && (t == fc->weight || t == fc->bias) && other_classes(a, t)) {
		r->classes = (long)a->shape[0];
		return 0;
	}
	int taken = weights_take(&r->in, a->name, a);
	if (!taken && !r->unknown)
		r->unknown = xstrdup(a->name);
	return taken < 0 ? fail("cannot start from '%s': %s", r->path, fail_message()) : 0;
}

/* The oldest files do not count batches. */
static bool may_lack(const struct reading *r, int i)
{
	const struct param *p = &r->b->params.v[i];
	const char *dot = strrchr(p->name, '.');
	bool classifier = p->t == r->b->classifier.weight || p->t == r->b->classifier.bias;
	return is_cal(p->name) || !strcmp(dot, ".num_batches_tracked") ||
	       (classifier && r->classes);
}

static int whole(const struct reading *r)
{
	const char *arch = r->b->arch->name, *lacks = NULL;
	for (int i = 0; i < r->b->params.n && !lacks; i++)
		if (!r->in.seen[i] && !may_lack(r, i))
			lacks = r->b->params.v[i].name;
	if (lacks && r->unknown)
		return fail("'%s' is no %s: it has no tensor '%s', and its '%s' belongs to none",
		    r->path, arch, lacks, r->unknown);
	if (lacks)
		return fail("'%s' is no %s: it has no tensor '%s'", r->path, arch, lacks);
	if (r->unknown)
		return fail(
		    "'%s' is no %s: its tensor '%s' belongs to none", r->path, arch, r->unknown);
	return 0;
}

int pretrained_read(struct backbone *b, const char *path, char digest[DIGEST_HEX])
{
	struct reading r = {.b = b, .path = path};
	struct state_reader *s = state_open(path);
	struct array a;
	int got = 0, ok = s ? 0 : -1;
	weights_begin(&r.in, &b->params);
	while (!ok && (got = state_next(s, &a)) > 0) {
		ok = take(&r, &a);
		array_free(&a);
	}
	if (!ok)
		ok = got < 0 ? -1 : whole(&r);
	if (!ok && r.classes)
		say("'%s' classifies %ld classes; the classifier starts anew for %lld", path,
		    r.classes, (long long)tensor_size(b->classifier.weight, 0));
	if (!ok)
		strcpy(digest, state_digest(s));
	free(r.in.seen);
	free(r.unknown);
	if (s)
		state_close(s);
	return ok;
}

int pretrained_write(const struct params *p, struct out *out, const json_t *meta)
{
	struct array *v = xcalloc((size_t)p->n, sizeof *v);
	int n = 0, ok = 0;
	for (int i = 0; i < p->n && !ok; i++)
		if (!(ok = weights_array(&v[n], p->v[i].name, p->v[i].t)))
			n++;
	json_t *metadata = safetensors_metadata(meta);
	if (!ok)
		ok = safetensors_write(out, v, n, metadata);
	else
		out_abandon(out);
	json_decref(metadata);
	for (int i = 0; i < n; i++)
		array_free(&v[i]);
	free(v);
	return ok;
}
