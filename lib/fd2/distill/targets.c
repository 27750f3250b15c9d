#include "lib/fd2/distill/targets.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/fd2/distill/distill-teachers.h"

void targets_init(struct targets *g, const struct teacher *t)
{
	const struct params *p = &t->backbone.params;
	*g = (struct targets){.bn = xcalloc((size_t)p->n_bns + 1, sizeof *g->bn),
	    .conv = xcalloc((size_t)p->n_convs + 1, sizeof *g->conv)};
	for (int i = 0; i < p->n_bns; i++) {
		g->bn[i].all[STAT_MEAN] = p->bns[i]->mean;
		g->bn[i].all[STAT_VAR] = p->bns[i]->var;
	}
}

void targets_free(struct targets *g)
{
	free(g->bn);
	free(g->conv);
	*g = (struct targets){0};
}

/* Calls one(ctx, name, target, conv) for each layer of the backbone until it returns nonzero, and
 * returns the last result. */
typedef int one_layer(void *ctx, const char *name, struct target *of, bool conv);
static int each_layer(const struct targets *g, const struct teacher *t, one_layer *one, void *ctx)
{
	const struct params *p = &t->backbone.params;
	int result = 0;
	for (int i = 0; i < p->n_bns + p->n_convs && !result; i++) {
		int k = i - p->n_bns;
		char *name = k < 0 ? bn_name(p, p->bns[i]) : conv_name(p, p->convs[k]);
		if (strncmp(name, "cal.", 4) != 0)
			result = one(ctx, name, k < 0 ? &g->bn[i] : &g->conv[k], k >= 0);
		free(name);
	}
	return result;
}

struct statistic_read {
	const struct array *a;
	int classes;
};

/* Returns 1 if the array is one of the layer's statistics, and stores it in `of`; otherwise 0. */
static int read_statistic(void *ctx, const char *layer, struct target *of, bool conv)
{
	const struct statistic_read *t = ctx;
	const struct array *a = t->a;
	const char *slash = strrchr(a->name, '/'), *what = slash + 1;
	const size_t prefix = strlen(CLASS_PREFIX);
	bool by_class = !strncmp(what, CLASS_PREFIX, prefix);
	if (strlen(layer) != (size_t)(slash - a->name) || strncmp(layer, a->name, strlen(layer)) ||
	    a->rank != 1 + by_class || a->dtype != DT_F32 ||
	    (by_class && a->shape[0] != t->classes) || (!conv && !by_class))
		return 0;
	for (int i = 0; i < STATISTICS; i++) {
		if (strcmp(by_class ? what + prefix : what, statistic_names[i]) != 0)
			continue;
		const Tensor **to = by_class ? &of->of_class[i] : &of->all[i];
		*to = tensor_from(a->data, T_F32, a->rank, a->shape);
		return 1;
	}
	return 0;
}

static int read_statistics(
    const struct targets *g, const struct teacher *t, struct stream_reader *s, const char *path)
{
	struct array a;
	int got, err = 0;
	while (!err && (got = fd2_stream_next(s, &a)) != 0) {
		if (got < 0)
			return -1;
		if (strchr(a.name, '/') &&
		    each_layer(g, t, read_statistic, &(struct statistic_read){&a, t->classes}) &&
		    !array_finite(&a))
			err = fail("'%s': tensor '%s' is not finite", path, a.name);
		fd2_array_free(&a);
	}
	return err;
}

struct lacking {
	const char *path, *backbone;
	bool convs;
};

/* Fails if statistics of the layer are missing, or those of classes have another length than those
 * of all photographs, which for BatchNorms the teacher has. */
static int lacks(void *ctx, const char *layer, struct target *of, bool conv)
{
	const struct lacking *l = ctx;
	for (int i = 0; i < STATISTICS; i++) {
		bool needed = conv ? l->convs : i < STAT_PATCH_MEAN;
		const Tensor *all = of->all[i], *mine = of->of_class[i];
		if (needed && (!all || !mine || tensor_size(all, 0) != tensor_size(mine, 1)))
			return fail("'%s' lacks %s of '%s' in this %s; make it with fd2-protos "
			            "--statistics %s",
			    l->path, statistic_names[i], layer, l->backbone,
			    l->convs ? "all" : "bn");
	}
	return 0;
}

int targets_read(struct targets *g, const struct teacher *t, const char *path,
    const char *teacher_path, bool convs)
{
	struct stream_reader *s = fd2_stream_open(path, "statistics");
	if (!s)
		return -1;
	int err = distill_check_made_with(s, path, "statistics", t, teacher_path);
	if (!err)
		err = read_statistics(g, t, s, path);
	if (!err)
		err =
		    each_layer(g, t, lacks, &(struct lacking){path, t->backbone.arch->name, convs});
	if (!err)
		strcpy(g->digest, fd2_stream_digest(s));
	fd2_stream_close(s);
	return err;
}
