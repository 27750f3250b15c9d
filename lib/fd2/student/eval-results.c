/* What fd2-eval writes. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/out.h"
#include "lib/fd2/student/eval.h"
#include "lib/nn/pretrained.h"
#include "lib/nn/weights.h"

static const char *measured_on(const struct evaluation *e)
{
	return e->job->test.n ? "test" : "val";
}

static bool is_safetensors(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot && !strcmp(dot, ".safetensors");
}

static json_t *student_meta(const struct evaluation *e, const struct student *s)
{
	json_t *meta = fd2_provenance(),
	       *inputs = json_pack("{s:s, s:s}", "images", e->images.digest, "val", e->val.digest);
	if (e->job->test.n)
		json_object_set_new(inputs, "test", json_string(e->test.digest));
	json_object_set_new(meta, "arch", json_string(s->plan->arch));
	json_object_set_new(meta, "classes",
	    names_to_json((const char *const *)e->labels.class_names, e->labels.classes));
	json_object_set_new(meta, "size", json_integer(e->labels.size));
	json_object_set_new(meta, "top1", json_real(hits_top1(&s->now.hits)));
	json_object_set_new(meta, "inputs", inputs);
	return meta;
}

int save_student(const struct evaluation *e)
{
	const struct student *s = e->students;
	if (!e->job->save)
		return 0;
	json_t *meta = student_meta(e, s);
	struct out *out = out_open(e->job->save, 0);
	if (out && is_safetensors(e->job->save)) {
		int ok = pretrained_write(&s->net.params, out, meta);
		json_decref(meta);
		return ok;
	}
	struct stream_writer *w = out ? stream_create(out, "student", meta) : NULL;
	if (!w)
		return -1;
	if (weights_put(w, "", &s->net.params) == 0)
		return stream_finish(w);
	stream_abandon(w);
	return -1;
}

/* One line a student, `line` giving a new reference. */
static int print_lines(const struct evaluation *e, const char *path,
    json_t *(*line)(const struct evaluation *, const struct student *))
{
	struct out *out = out_open(path, OUT_TEXT);
	if (!out)
		return -1;
	int ok = 0;
	for (int i = 0; i < e->job->n_students && !ok; i++) {
		json_t *o = line(e, &e->students[i]);
		char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(6));
		json_decref(o);
		ok = out_write(out, text, strlen(text));
		if (!ok)
			ok = out_write(out, "\n", 1);
		free(text);
	}
	return out_close(out) < 0 ? -1 : ok;
}

/* json_object_update_new, which jansson has since 2.13. */
static void move_into(json_t *o, json_t *more)
{
	json_object_update(o, more);
	json_decref(more);
}

static json_t *result(const struct evaluation *e, const struct student *s)
{
	const struct eval_job *job = e->job;
	json_t *o = json_pack("{s:s, s:I, s:s, s:f, s:s, s:s}", "arch", s->plan->arch, "seed",
	    (json_int_t)s->plan->seed, "student_init", job->init ? s->init : "random", "lr", s->lr,
	    "data", job->data, "labels", job->hard ? "hard" : "soft");
	json_t *sizes = json_pack("{s:i, s:i, s:i, s:i, s:i, s:I, s:I}", "classes",
	    e->labels.classes, "images", e->images.n, "val_images", e->val.n, "test_images",
	    e->test.n, "epochs", e->epochs, "image_bytes", (json_int_t)e->images.sizes_sum,
	    "label_bytes", (json_int_t)e->label_bytes);
	json_t *reached = json_pack("{s:s, s:f, s:f, s:o, s:o, s:s, s:f, s:f, s:i, s:o}",
	    "measured_on", measured_on(e), "top1", hits_top1(&s->now.hits) / 100, "top5",
	    hits_top5(&s->now.hits) / 100, "ece", json_real_or_null(scores_ece(&s->now)), "nll",
	    json_real_or_null(scores_nll(&s->now)), "best_chosen_on", "val", "best_top1",
	    hits_top1(&s->best) / 100, "best_top5", hits_top5(&s->best) / 100, "best_epoch",
	    s->best_epoch, "loss", json_real_or_null(s->loss / e->images.n));
	move_into(o, sizes);
	move_into(o, reached);
	return o;
}

int print_results(const struct evaluation *e)
{
	return print_lines(e, e->job->out, result);
}

static json_t *report(const struct evaluation *e, const struct student *s)
{
	json_t *o = json_pack("{s:s, s:I, s:s, s:o}", "arch", s->plan->arch, "seed",
	    (json_int_t)s->plan->seed, "measured_on", measured_on(e), "classes",
	    names_to_json((const char *const *)e->labels.class_names, e->labels.classes));
	move_into(o, scores_to_json(&s->now));
	return o;
}

int print_report(const struct evaluation *e)
{
	return e->job->report ? print_lines(e, e->job->report, report) : 0;
}

void log_costs(const struct evaluation *e)
{
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	double mib = (double)used.ru_maxrss / 1024;
	for (int i = 0; i < e->job->n_students; i++) {
		const struct student *s = &e->students[i];
		chat("%s, seed %ld: %.1f s; peak memory of all %.0f MiB", s->plan->arch,
		    s->plan->seed, s->seconds, mib);
		if (log_wanted())
			log_event(json_pack("{s:s, s:i, s:s, s:I, s:f, s:f}", "event", "cost",
			    "student", i, "arch", s->plan->arch, "seed", (json_int_t)s->plan->seed,
			    "seconds", s->seconds, "peak_mib", mib));
	}
}
