#include "lib/fd2/distill/distill.h"

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/progress.h"
#include "lib/base/stop.h"
#include "lib/fd2/distill/distill-check.h"
#include "lib/fd2/distill/distill-plan.h"
#include "lib/fd2/distill/distill-resume.h"
#include "lib/fd2/stage.h"

struct distill_run {
	const struct distill_config *config;
	struct distill_teachers teachers;
	struct method method;
	struct schedule schedule;
	struct history history;
	struct initial initial;
	struct similarity similarity;
	struct learner learner;
	struct suspended suspended;
	struct output output;
};

static const struct teacher *teacher_of(const struct distill_run *r)
{
	return r->teachers.v[0].teacher;
}

static bool without_ls(const struct distill_config *config)
{
	return config->plain || config->constraints.no_ls;
}

/* Records settings that the method or the inputs decided because no option did. */
static void record_settings(const struct distill_run *r)
{
	const struct method *m = &r->method;
	opt_resolved("init", r->config->initial.given ? json_null() : json_string(m->start->name));
	if (r->initial.use[1].images)
		opt_resolved("init-rest", json_string(r->initial.use[1].start->name));
	opt_resolved("classes", json_pack("[i,i]", r->schedule.first, r->schedule.last));
	method_record(m);
	opt_resolved("indices-per-pass", json_integer(schedule_indices(&r->schedule)));
}

static json_t *provenance(const struct distill_run *r)
{
	const struct teacher *t = teacher_of(r);
	json_t *p = opts_provenance(), *inputs = json_object();
	distill_teachers_describe(&r->teachers, inputs);
	initial_describe(&r->initial, inputs);
	json_object_update(inputs, r->history.inputs);
	json_object_set_new(p, "inputs", inputs);
	json_object_set_new(p, "size", json_integer(r->method.stored_size));
	json_object_set_new(p, "mean", numbers_to_json(t->normal.mean, 3));
	json_object_set_new(p, "std", numbers_to_json(t->normal.std, 3));
	return p;
}

/* Logs the settings in effect; the log's start event has the options as they were given. */
static void log_settings(const struct distill_run *r)
{
	json_t *p = provenance(r);
	log_event(json_pack("{s:s, s:O, s:O}", "event", "settings", "options",
	    json_object_get(p, "options"), "inputs", json_object_get(p, "inputs")));
	json_decref(p);
}

static int read_targets(struct distill_run *r)
{
	const struct opt_list *given = &r->config->teachers.statistics;
	const struct method *m = &r->method;
	bool convs = m->match.layers == LAYERS_ALL;
	if (!layer_match_needs_statistics(&m->match)) {
		if (given->n)
			warn("'%s' is not read: %s compares with the teacher's running statistics",
			    given->v[0], m->name);
		return 0;
	}
	if (!given->n)
		return fail("%s needs statistics of photographs: make them with "
		            "fd2-protos --statistics %s and give them with --statistics",
		    m->name, convs ? "all" : "bn");
	return distill_teachers_read_targets(&r->teachers, &r->config->teachers, convs);
}

static int read_teachers(struct distill_run *r)
{
	const struct distill_config *config = r->config;
	if (distill_teachers_read(&r->teachers, &config->teachers, config->plain) < 0)
		return -1;
	if (method_configure(&r->method, &config->method, r->teachers.n, teacher_of(r)->size) < 0)
		return -1;
	return distill_check(&r->teachers, &r->method, config) < 0 ? -1 : read_targets(r);
}

static int read_history(struct distill_run *r)
{
	const struct distill_config *config = r->config;
	history_init(&r->history, &r->teachers, (int)config->schedule.ipc,
	    (int)config->schedule.group, !without_ls(config));
	for (int i = 0; i < config->attn.n; i++)
		if (history_read_maps(&r->history, config->attn.v[i]) < 0)
			return -1;
	return config->previous ? history_read_images(&r->history, config->previous) : 0;
}

static int read_initial(struct distill_run *r)
{
	const struct initial_config *config = &r->config->initial;
	const struct start *own = method_of(r->config->method.method)->start;
	r->initial = (struct initial){.config = config,
	    .teacher = teacher_of(r),
	    .size = r->method.stored_size,
	    .ipc = (int)r->config->schedule.ipc,
	    .first = r->schedule.first,
	    .last = r->schedule.last,
	    .seed = (uint64_t)r->config->seed};
	initial_share(&r->initial, config->share, r->method.start,
	    config->rest == START_UNSET ? own : start_of(config->rest));
	return initial_read(&r->initial);
}

static void connect_learner(struct distill_run *r)
{
	const struct distill_config *config = r->config;
	struct view_rule views = {
	    r->method.crops.min_scale, r->method.roll, (uint64_t)config->seed};
	r->similarity = (struct similarity){.view = config->constraints.ls_view,
	    .form = config->constraints.ls_form,
	    .every = config->constraints.ls_every,
	    .teachers = &r->teachers,
	    .history = &r->history,
	    .views = views};
	r->learner = (struct learner){.method = &r->method,
	    .teachers = &r->teachers,
	    .initial = &r->initial,
	    .constraints = config->plain ? NULL : &config->constraints,
	    .similarity = without_ls(config) ? NULL : &r->similarity,
	    .views = views,
	    .suspended = &r->suspended,
	    .save_every = config->checkpoint_every,
	    .log_every = config->log_every};
}

/* Opens the output and looks for a suspended index batch. 1: there is nothing to do; -1. */
static int open_output(struct distill_run *r)
{
	const struct output_config *config = &r->config->output;
	json_t *p = provenance(r);
	r->output =
	    (struct output){.config = config, .teacher = teacher_of(r), .history = &r->history};
	int err = suspended_init(
	    &r->suspended, config->path, config->resume, json_incref(json_object_get(p, "inputs")));
	if (!err)
		err = output_open(&r->output, p, r->config->dry_run);
	json_decref(p);
	return err ? err : suspended_find(&r->suspended, &r->method, r->config->schedule.ipc);
}

/* Reads all inputs, opens the output and tells the plan. 1: there is nothing to do; -1. */
static int prepare(struct distill_run *r)
{
	const struct distill_config *config = r->config;
	if ((!config->dry_run && out_try(config->output.path, 0) < 0) || read_teachers(r) < 0 ||
	    schedule_init(&r->schedule, &config->schedule, teacher_of(r)->classes,
	        without_ls(config), r->method.match.classes == CLASSES_EACH) < 0 ||
	    read_history(r) < 0 || read_initial(r) < 0)
		return -1;
	connect_learner(r);
	record_settings(r);
	log_settings(r);
	int err = open_output(r);
	return err ? err : distill_tell_plan(config, &r->learner, &r->schedule, &r->history);
}

static int make(struct distill_run *r, const struct index_batch *b)
{
	b = suspended_or(&r->suspended, b);
	tensor_scope_begin(NO_GRAD);
	Tensor *x = learn_index_batch(&r->learner, b);
	int err = x ? output_store(&r->output, b, x) : -1;
	tensor_scope_end();
	if (!err)
		suspended_end(&r->suspended);
	return err;
}

static int make_all(struct distill_run *r)
{
	struct index_batch b, left;
	int err = 0;
	progress_start("distill", "steps", schedule_size(&r->schedule) * r->method.steps);
	while (!err && schedule_next(&r->schedule, &b)) {
		left = schedule_left(&r->schedule, &b, &r->history);
		r->learner.steps_done += (b.indices - left.indices) * r->method.steps;
		if (left.indices)
			err = make(r, &left);
		if (!err)
			history_end(&r->history, &b);
	}
	if (err)
		return err;
	suspended_end(&r->suspended);
	progress_end();
	return 0;
}

int stage_distill(const struct distill_config *config)
{
	struct distill_run r = {.config = config};
	int err = prepare(&r);
	if (r.output.writer && r.suspended.file.path)
		stop_defer();
	if (!err && r.output.writer)
		err = make_all(&r);
	err = output_close(&r.output, err);
	suspended_free(&r.suspended);
	initial_free(&r.initial);
	history_free(&r.history);
	schedule_free(&r.schedule);
	distill_teachers_free(&r.teachers);
	return err < 0 ? -1 : 0;
}

STAGE(stage_distill)
