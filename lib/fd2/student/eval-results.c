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

/* Writes a value, which it frees, without its first `head` and last `tail` characters. */
static int put_json(struct out *out, json_t *v, size_t head, size_t tail)
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(v);
	int err = out_write(out, text + head, strlen(text) - head - tail);
	free(text);
	return err;
}

static int put_text(struct out *out, const char *text)
{
	return out_write(out, text, strlen(text));
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
	struct out *out = out_open(e->job->out, OUT_TEXT);
	int err = out ? 0 : -1;
	for (int i = 0; i < e->job->n_students && !err; i++) {
		err = put_json(out, result(e, &e->students[i]), 0, 0);
		if (!err)
			err = put_text(out, "\n");
	}
	if (out && out_close(out) < 0)
		err = -1;
	return err;
}

static json_t *report_head(const struct evaluation *e, const struct student *s)
{
	json_t *o = json_pack("{s:s, s:I, s:s, s:o}", "arch", s->plan->arch, "seed",
	    (json_int_t)s->plan->seed, "measured_on", measured_on(e), "classes",
	    names_to_json((const char *const *)e->labels.class_names, e->labels.classes));
	move_into(o, scores_of_classes(&s->now));
	return o;
}

/* One object a line; the matrix is written row by row. */
static int put_report(struct out *out, const struct evaluation *e, const struct student *s)
{
	json_t *end = json_pack("{s:o}", "calibration", scores_calibration(&s->now));
	int err = put_json(out, report_head(e, s), 0, 1);
	if (!err)
		err = put_text(out, ",\"confusion\":[");
	for (int k = 0; k < s->now.classes && !err; k++) {
		err = k ? put_text(out, ",") : 0;
		if (!err)
			err = put_json(out, scores_confusion(&s->now, k), 0, 0);
	}
	if (!err)
		err = put_text(out, "],");
	if (!err)
		err = put_json(out, json_incref(end), 1, 0);
	json_decref(end);
	return err ? err : put_text(out, "\n");
}

int print_report(const struct evaluation *e)
{
	struct out *out = e->job->report ? out_open(e->job->report, OUT_TEXT) : NULL;
	int err = 0;
	if (!out)
		return e->job->report ? -1 : 0;
	for (int i = 0; i < e->job->n_students && !err; i++)
		err = put_report(out, e, &e->students[i]);
	if (!err)
		return out_close(out);
	out_abandon(out);
	return -1;
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
