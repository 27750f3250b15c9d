/* Measures a trained network on held-out images (fd2-eval --evaluate). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/progress.h"
#include "lib/data/class-names.h"
#include "lib/fd2/batch/validate.h"
#include "lib/fd2/stage.h"
#include "lib/fd2/student/eval-report.h"
#include "lib/fd2/student/eval.h"
#include "lib/nn/pretrained.h"

struct prediction {
	int class;
	double p; /* its softmax */
};

struct saved {
	const struct saved_config *config;
	struct backbone net;
	char **class_names;
	int classes, size, last_stride;
	enum fit fit;
	struct normal normal;
	struct dataset val;
	struct scores scores;
	struct prediction *predictions; /* [val.n] */
	int done;                       /* images measured so far */
	char digest[DIGEST_HEX];        /* of the network */
};

static void take_numbers(double to[3], const struct opt_numbers *given)
{
	if (given->n)
		memcpy(to, given->v, 3 * sizeof *to);
}

/* Takes each setting from the options, else from the file's meta, else its default. */
static int take_meta(struct saved *s, char **arch, json_t *meta)
{
	const struct saved_config *config = s->config;
	const char *named = NULL, *fit = NULL;
	double *m = s->normal.mean, *d = s->normal.std;
	json_unpack(meta, "{s:s}", "arch", &named);
	json_unpack(meta, "{s:i}", "size", &s->size);
	json_unpack(meta, "{s:i}", "last_stride", &s->last_stride);
	json_unpack(meta, "{s:s}", "fit", &fit);
	json_unpack(
	    meta, "{s:[FFF], s:[FFF]}", "mean", &m[0], &m[1], &m[2], "std", &d[0], &d[1], &d[2]);
	take_numbers(m, &config->mean);
	take_numbers(d, &config->std);
	s->size = config->size ? (int)config->size : s->size;
	s->fit = config->fit != FIT_NONE          ? config->fit
	         : fit && fit_of(fit) != FIT_NONE ? fit_of(fit)
	                                          : FIT_SHORT;
	bool stride = s->last_stride == 1 || s->last_stride == 2;
	if (s->size < 8 || s->size > 4096 || !stride || !(d[0] > 0 && d[1] > 0 && d[2] > 0))
		return fail("the meta of '%s' holds a value out of range", config->network);
	if (!s->class_names)
		s->class_names = names_from_json(json_object_get(meta, "classes"), &s->classes);
	if (!config->arch && !named)
		return fail(
		    "'%s' does not name its backbone; give it with --arch", config->network);
	*arch = xstrdup(config->arch ? config->arch : named);
	return s->classes >= 2 ? 0
	                       : fail("'%s' does not name at least two classes; give them with "
	                              "--classes-from",
	                             config->network);
}

/* Reads everything but the weights. */
static int describe(struct saved *s, char **arch)
{
	const struct saved_config *config = s->config;
	if (config->classes && class_names_read(&s->class_names, &s->classes, config->classes) < 0)
		return -1;
	struct state_reader *r = state_open(config->network);
	if (!r)
		return -1;
	json_t *meta = pretrained_meta(r);
	state_close(r);
	int err = take_meta(s, arch, meta);
	json_decref(meta);
	return err;
}

static int read_network(struct saved *s)
{
	char *arch = NULL;
	int err = describe(s, &arch);
	struct arch_options options = {
	    .classes = s->classes, .size = s->size, .last_stride = s->last_stride, .bare = true};
	struct pretrained from = {.classes = (const char *const *)s->class_names, .whole = true};
	if (!err)
		err = backbone_init(&s->net, arch, &options, 0);
	if (!err)
		err = pretrained_read(&s->net, s->config->network, &from);
	strcpy(s->digest, from.digest);
	free(arch);
	return err;
}

static int read_held_out(struct saved *s)
{
	const struct saved_config *config = s->config;
	struct dataset_options o = {.fit = s->fit,
	    .size = s->size,
	    .exact = !config->fast_val,
	    .cache = config->cache,
	    .strict = config->strict,
	    .known = (const char *const *)s->class_names,
	    .n_known = s->classes,
	    .known_by = "the network"};
	if (dataset_read(&s->val, (char **)config->val.v, config->val.n, &o) < 0)
		return -1;
	dataset_warn_missing(&s->val, "--val");
	return 0;
}

/* Predicts the class of the highest logit; of equals the first, like torch.argmax on the CPU. */
static struct prediction predict(const float *logits, int classes)
{
	struct prediction p = {.class = 0};
	double sum = 0;
	for (int k = 1; k < classes; k++)
		if (logits[k] > logits[p.class])
			p.class = k;
	for (int k = 0; k < classes; k++)
		sum += exp((double)logits[k] - logits[p.class]);
	p.p = 1 / sum;
	return p;
}

static int look(void *ctx, const Tensor *x, const int64_t *labels)
{
	struct saved *s = ctx;
	struct pass pass = {.bn = BN_RUNNING};
	Tensor *logits = backbone_logits(&s->net, backbone_features(&s->net, x, &pass), &pass);
	int64_t n = tensor_size(logits, 0);
	float *v = xcalloc((size_t)n * (size_t)s->classes + 1, sizeof *v);
	int err = tensor_read(logits, T_F32, v, n * s->classes);
	for (int64_t i = 0; i < n && !err; i++)
		s->predictions[s->done++] = predict(v + i * s->classes, s->classes);
	free(v);
	scores_count(&s->scores, logits, labels);
	progress_at(s->done, "top-1 %.2f %%", 100 * hits_top1(&s->scores.hits));
	return err;
}

static int measure(struct saved *s)
{
	s->predictions = xcalloc((size_t)s->val.n, sizeof *s->predictions);
	scores_init(&s->scores, s->classes);
	progress_start("evaluate", "images", s->val.n);
	int err = validate(&s->val, s->size, &s->normal, s->config->fast_val, look, s);
	progress_end();
	return err;
}

static int put_result(struct out *out, const struct saved *s)
{
	const struct scores *scores = &s->scores;
	bool fast = s->config->fast_val;
	json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:s, s:o, s:o}", "arch", s->net.arch->name,
	    "evaluated", s->digest, "classes", s->classes, "size", s->size, "fit", fit_name(s->fit),
	    "mean", numbers_to_json(s->normal.mean, 3), "std", numbers_to_json(s->normal.std, 3));
	move_into(o, json_pack("{s:i, s:s, s:s, s:s, s:s}", "val_images", s->val.n, "val",
	                 s->val.digest, "val_dtype", validation_dtype(fast), "val_decoding",
	                 validation_decoding(fast), "measured_on", "val"));
	move_into(o, json_pack("{s:f, s:f, s:o, s:o}", "top1", hits_top1(&scores->hits), "top5",
	                 hits_top5(&scores->hits), "ece", json_real_or_null(scores_ece(scores)),
	                 "nll", json_real_or_null(scores_nll(scores))));
	return put_json(out, o, 0, 0) < 0 ? -1 : put_text(out, "\n");
}

static int put_network_report(struct out *out, const struct saved *s)
{
	json_t *head = json_pack("{s:s, s:s, s:o}", "arch", s->net.arch->name, "measured_on", "val",
	    "classes", names_to_json((const char *const *)s->class_names, s->classes));
	return put_report(out, head, &s->scores) < 0 ? -1 : put_text(out, "\n");
}

static int put_predictions(struct out *out, const struct saved *s)
{
	int err = put_text(out, "sample\tclass\tpredicted\tp\n");
	for (int i = 0; i < s->val.n && !err; i++) {
		const struct prediction *p = &s->predictions[i];
		const struct item *it = &s->val.v[i];
		char *key = plain_copy(it->key), *class = plain_copy(s->class_names[it->label]),
		     *predicted = plain_copy(s->class_names[p->class]);
		char *line = xasprintf("%s\t%s\t%s\t%.9g\n", key, class, predicted, p->p);
		err = put_text(out, line);
		free(line);
		free(key);
		free(class);
		free(predicted);
	}
	return err;
}

static int publish(
    const struct saved *s, const char *path, int (*put)(struct out *, const struct saved *))
{
	struct out *out = out_open(path, OUT_TEXT);
	if (!out)
		return -1;
	if (!put(out, s))
		return out_close(out);
	out_abandon(out);
	return -1;
}

static int publish_all(const struct saved *s)
{
	const struct saved_config *config = s->config;
	if (config->report && publish(s, config->report, put_network_report) < 0)
		return -1;
	if (config->predictions && publish(s, config->predictions, put_predictions) < 0)
		return -1;
	return publish(s, config->results, put_result);
}

static int check_outputs(const struct saved_config *config)
{
	const char *paths[] = {config->report, config->predictions};
	for (int i = 0; i < 2; i++)
		if (paths[i] && out_try(paths[i], OUT_TEXT) < 0)
			return -1;
	return out_try(config->results, OUT_TEXT);
}

int stage_eval_saved(const struct saved_config *config)
{
	struct saved s = {.config = config,
	    .size = 224,
	    .last_stride = 2,
	    .normal = {{IMAGENET_MEAN}, {IMAGENET_STD}}};
	int err = check_outputs(config);
	if (!err)
		err = read_network(&s);
	if (!err)
		err = read_held_out(&s);
	if (!err)
		err = measure(&s);
	if (!err)
		err = publish_all(&s);
	scores_free(&s.scores);
	free(s.predictions);
	dataset_free(&s.val);
	backbone_free(&s.net);
	names_free(s.class_names, s.classes);
	return err;
}

STAGE(stage_eval_saved)
