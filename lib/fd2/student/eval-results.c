/* Writes fd2-eval's outputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/out.h"
#include "lib/base/provenance.h"
#include "lib/fd2/batch/validate.h"
#include "lib/fd2/student/eval-report.h"
#include "lib/fd2/student/evaluation.h"
#include "lib/nn/pretrained.h"
#include "lib/nn/weights.h"

static const char *measured_on(const struct evaluation *ev)
{
	return ev->config->in.test.n ? "test" : "val";
}

static bool is_safetensors(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot && !strcmp(dot, ".safetensors");
}

static json_t *student_meta(const struct evaluation *ev, const struct student *s)
{
	json_t *meta = opts_provenance(), *inputs = json_pack("{s:s, s:s}", "images",
	                                      ev->images.digest, "val", ev->val.digest);
	if (ev->config->in.test.n)
		json_object_set_new(inputs, "test", json_string(ev->test.digest));
	if (ev->config->learning.init)
		json_object_set_new(inputs, "init", json_string(s->init));
	json_object_set_new(meta, "arch", json_string(s->plan->arch));
	json_object_set_new(meta, "classes",
	    names_to_json((const char *const *)ev->labels.class_names, ev->labels.classes));
	json_object_set_new(meta, "size", json_integer(ev->labels.size));
	json_object_set_new(meta, "fit", json_string(fit_name(ev->labels.fit)));
	json_object_set_new(meta, "mean", numbers_to_json(ev->labels.normal.mean, 3));
	json_object_set_new(meta, "std", numbers_to_json(ev->labels.normal.std, 3));
	if (ev->labels.stream)
		json_object_set(meta, "labels", fd2_stream_meta(ev->labels.stream));
	json_object_set_new(meta, "measured_on", json_string(measured_on(ev)));
	json_object_set_new(meta, "top1", json_real(hits_top1(&s->now.hits)));
	json_object_set_new(meta, "inputs", inputs);
	return meta;
}

int save_student(const struct evaluation *ev)
{
	const struct student *s = ev->students;
	if (!ev->config->out.save)
		return 0;
	json_t *meta = student_meta(ev, s);
	const char *path = ev->config->out.save;
	if (is_safetensors(path)) {
		struct out *out = out_open(path, 0);
		int err = out ? pretrained_write(&s->net.params, out, meta) : -1;
		json_decref(meta);
		return err;
	}
	struct stream_writer *w = fd2_stream_create(path, "student", meta);
	if (!w)
		return -1;
	if (weights_put(w, "", &s->net.params) == 0)
		return fd2_stream_finish(w);
	fd2_stream_abandon(w);
	return -1;
}

/* Writes a line per student with `put`. */
static int print_lines(const struct evaluation *ev, const char *path,
    int (*put)(struct out *, const struct evaluation *, const struct student *))
{
	struct out *out = out_open(path, OUT_TEXT);
	if (!out)
		return -1;
	int err = 0;
	for (int i = 0; i < ev->config->n_students && !err; i++) {
		err = put(out, ev, &ev->students[i]);
		if (!err)
			err = put_text(out, "\n");
	}
	if (!err)
		return out_close(out);
	out_abandon(out);
	return -1;
}

json_t *made_from(const struct evaluation *ev)
{
	static const char *const named[] = {"arch", "data", "epochs", "lr", "seeds", "threads"};
	json_t *made = opts_provenance(), *options = json_object_get(made, "options"), *value;
	struct digest d;
	char hex[DIGEST_HEX];
	const char *name;
	void *next;
	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		json_object_del(options, named[i]);
	if (ev->labels.stream && !ev->config->in.reuse_labels) /* it only orders reused labels */
		json_object_del(options, "seed");
	json_object_foreach_safe (options, next, name, value)
		if (opt_is_default(name))
			json_object_del(options, name);
	json_t *both = json_pack("{s:O, s:O}", "options", options, "inputs", ev->checkpoint.inputs);
	char *text = json_dumps(both, JSON_SORT_KEYS | JSON_COMPACT);
	digest_begin(&d);
	digest_add(&d, text, strlen(text));
	digest_hex(hex, &d);
	free(text);
	json_decref(both);
	json_decref(made);
	return json_string(hex);
}

static const char *labels_of(const struct evaluation *ev)
{
	return ev->labels.stream ? "soft" : ev->config->in.learned ? "learned" : "hard";
}

json_t *result_task(const struct evaluation *ev, const struct student *s)
{
	const struct eval_config *config = ev->config;
	char *data = name_utf8(config->out.data);
	json_t *o = json_pack("{s:s, s:I, s:s, s:f, s:s, s:s}", "arch", s->plan->arch, "seed",
	    (json_int_t)s->plan->seed, "student_init", config->learning.init ? s->init : "random",
	    "lr", s->lr, "data", data, "labels", labels_of(ev));
	free(data);
	move_into(o, json_pack("{s:i, s:i, s:i, s:i, s:i, s:I}", "classes", ev->labels.classes,
	                 "images", ev->images.n, "val_images", ev->val.n, "test_images", ev->test.n,
	                 "epochs", ev->epochs, "image_bytes", (json_int_t)ev->images.sizes_sum));
	move_into(o, json_pack("{s:s, s:s}", "val_dtype", validation_dtype(config->in.fast_val),
	                 "val_decoding", validation_decoding(config->in.fast_val)));
	return o;
}

static json_t *result(const struct evaluation *ev, const struct student *s)
{
	json_t *o = result_task(ev, s);
	json_object_set_new(o, "made_from", made_from(ev));
	json_object_set_new(o, "label_bytes", json_integer((json_int_t)ev->label_bytes));
	move_into(o, json_pack("{s:s, s:f, s:f, s:o, s:o, s:s, s:f, s:f, s:i, s:o}", "measured_on",
	                 measured_on(ev), "top1", hits_top1(&s->now.hits), "top5",
	                 hits_top5(&s->now.hits), "ece", json_real_or_null(scores_ece(&s->now)),
	                 "nll", json_real_or_null(scores_nll(&s->now)), "best_chosen_on", "val",
	                 "best_top1", hits_top1(&s->best), "best_top5", hits_top5(&s->best),
	                 "best_epoch", s->best_epoch, "loss", json_real_or_null(student_loss(s))));
	return o;
}

static int put_result(struct out *out, const struct evaluation *ev, const struct student *s)
{
	return put_json(out, result(ev, s), 0, 0);
}

int print_results(const struct evaluation *ev)
{
	return print_lines(ev, ev->config->out.results, put_result);
}

static int put_student_report(struct out *out, const struct evaluation *ev, const struct student *s)
{
	return put_report(out,
	    json_pack("{s:s, s:I, s:s, s:o}", "arch", s->plan->arch, "seed",
	        (json_int_t)s->plan->seed, "measured_on", measured_on(ev), "classes",
	        names_to_json((const char *const *)ev->labels.class_names, ev->labels.classes)),
	    &s->now);
}

int print_report(const struct evaluation *ev)
{
	return ev->config->out.report ? print_lines(ev, ev->config->out.report, put_student_report)
	                              : 0;
}

void log_costs(const struct evaluation *ev)
{
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	double mib = (double)used.ru_maxrss / 1024;
	for (int i = 0; i < ev->config->n_students; i++) {
		const struct student *s = &ev->students[i];
		chat("%s, seed %ld: %.1f s; peak memory of all %.0f MiB", s->plan->arch,
		    s->plan->seed, s->seconds, mib);
		if (log_wanted())
			log_event(json_pack("{s:s, s:i, s:s, s:I, s:f, s:f}", "event", "cost",
			    "student", i, "arch", s->plan->arch, "seed", (json_int_t)s->plan->seed,
			    "seconds", s->seconds, "peak_mib", mib));
	}
}
