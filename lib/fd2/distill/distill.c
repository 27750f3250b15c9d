#include "lib/fd2/distill/distill.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/progress.h"
#include "lib/base/stop.h"
#include "lib/fd2/distill/distill-plan.h"
#include "lib/fd2/distill/distill-resume.h"
#include "lib/fd2/stage.h"

struct run {
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

static const struct teacher *teacher_of(const struct run *r)
{
	return r->teachers.v[0].teacher;
}

static bool without_ls(const struct distill_config *config)
{
	return config->plain || config->constraints.no_ls;
}

/* A network whose classifier sees the whole feature map knows one size only. */
static int check_size(const struct teacher *t, int size)
{
	const struct arch *arch = t->backbone.arch;
	if (arch->flattens && size != t->size)
		return fail("%s takes images of its own size only: give --sizes %d, for each "
		            "phase, instead of %d",
		    arch->name, t->size, size);
	return arch_check_size(arch, size);
}

static int check_sizes(const struct run *r)
{
	const struct method *m = &r->method;
	int err = 0;
	for (int i = 0; i < r->teachers.n; i++)
		for (int p = 0; p < m->phases && !err; p++)
			err = check_size(r->teachers.v[i].teacher, m->sizes[p]);
	return err;
}

/* A backbone that normalises in another way has no statistics to match. */
static void warn_of_no_bn(const struct run *r)
{
	for (int i = 0; i < r->teachers.n; i++) {
		const struct backbone *b = &r->teachers.v[i].teacher->backbone;
		bool any = false;
		for (int j = 0; j < b->params.n; j++)
			any |= strstr(b->params.v[j].name, ".running_mean") &&
			       strncmp(b->params.v[j].name, "cal.", 4);
		if (!any && !r->config->constraints.bn_head)
			warn("%s has no BatchNorm, so its images have no BN term", b->arch->name);
	}
}

/* What the method and the inputs decided where no option did. */
static void record_settings(const struct run *r)
{
	const struct method *m = &r->method;
	json_t *sizes = json_array();
	for (int p = 0; p < m->phases; p++)
		json_array_append_new(sizes, json_integer(m->sizes[p]));
	fd2_resolved("sizes", sizes);
	fd2_resolved("init", r->config->initial.given ? json_null() : json_string(m->start->name));
	if (r->initial.use[1].images)
		fd2_resolved("init-rest", json_string(r->initial.use[1].start->name));
	fd2_resolved("classes", json_pack("[i,i]", r->schedule.first, r->schedule.last));
	fd2_resolved("image-size", json_integer(m->image_size));
	fd2_resolved("steps", json_integer(m->steps));
	fd2_resolved("lr", json_real(m->lr));
	fd2_resolved("r-bn", json_real(m->r_bn));
	fd2_resolved("residual", json_real(m->residual));
	fd2_resolved("indices-per-pass", json_integer(schedule_indices(&r->schedule)));
}

static json_t *provenance(const struct run *r)
{
	const struct teacher *t = teacher_of(r);
	json_t *p = fd2_provenance(), *inputs = json_object();
	distill_teachers_describe(&r->teachers, inputs);
	initial_describe(&r->initial, inputs);
	json_object_update(inputs, r->history.inputs);
	json_object_set_new(p, "inputs", inputs);
	json_object_set_new(p, "size", json_integer(r->method.image_size));
	json_object_set_new(p, "mean", numbers_to_json(t->normal.mean, 3));
	json_object_set_new(p, "std", numbers_to_json(t->normal.std, 3));
	return p;
}

/* The log's start event has the options as they were given. */
static void log_settings(const struct run *r)
{
	json_t *p = provenance(r);
	log_event(json_pack("{s:s, s:O, s:O}", "event", "settings", "options",
	    json_object_get(p, "options"), "inputs", json_object_get(p, "inputs")));
	json_decref(p);
}

static int read_teachers(struct run *r)
{
	const struct distill_config *config = r->config;
	if (distill_teachers_read(&r->teachers, &config->teachers, config->plain) < 0)
		return -1;
	if (method_configure(&r->method, &config->method, r->teachers.n, teacher_of(r)->size) < 0)
		return -1;
	if (check_sizes(r) < 0)
		return -1;
	warn_of_no_bn(r);
	return 0;
}

static int read_history(struct run *r)
{
	const struct distill_config *config = r->config;
	history_init(
	    &r->history, &r->teachers, (int)config->schedule.ipc, (int)config->schedule.group);
	for (int i = 0; i < config->attn.n; i++)
		if (history_read_maps(&r->history, config->attn.v[i]) < 0)
			return -1;
	return config->previous ? history_read_images(&r->history, config->previous) : 0;
}

static int read_initial(struct run *r)
{
	const struct initial_config *config = &r->config->initial;
	const struct start *own = method_of(r->config->method.method)->start;
	r->initial = (struct initial){.config = config,
	    .teacher = teacher_of(r),
	    .size = r->method.image_size,
	    .ipc = (int)r->config->schedule.ipc,
	    .first = r->schedule.first,
	    .last = r->schedule.last,
	    .seed = (uint64_t)r->config->seed};
	initial_share(&r->initial, config->share, r->method.start,
	    config->rest == START_UNSET ? own : start_of(config->rest));
	return initial_read(&r->initial);
}

static void connect_learner(struct run *r)
{
	const struct distill_config *config = r->config;
	struct view_rule views = {config->min_scale, (uint64_t)config->seed};
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

static int open_output(struct run *r)
{
	const struct output_config *config = &r->config->output;
	json_t *p = provenance(r);
	int err = suspended_init(
	    &r->suspended, config->path, config->resume, json_incref(json_object_get(p, "inputs")));
	if (err) {
		json_decref(p);
		return err;
	}
	r->output =
	    (struct output){.config = config, .teacher = teacher_of(r), .history = &r->history};
	if (output_open(&r->output, p) < 0)
		return -1;
	return r->output.writer ? suspended_find(&r->suspended, &r->method, r->config->schedule.ipc)
	                        : 0;
}

static int prepare(struct run *r)
{
	const struct distill_config *config = r->config;
	if (read_teachers(r) < 0 ||
	    schedule_init(
	        &r->schedule, &config->schedule, teacher_of(r)->classes, without_ls(config)) < 0 ||
	    read_history(r) < 0 || read_initial(r) < 0)
		return -1;
	connect_learner(r);
	record_settings(r);
	log_settings(r);
	if (distill_tell_plan(config, &r->learner, &r->schedule, &r->history) < 0)
		return -1;
	return config->dry_run ? 0 : open_output(r);
}

static bool is_stored(const struct run *r, const struct index_batch *b, int id)
{
	for (int k = b->first; k < b->first + b->n; k++)
		if (!history_has(&r->history, k, id))
			return false;
	return true;
}

/* The indices of b that a resumed run has not stored. */
static struct index_batch missing(struct run *r, const struct index_batch *b)
{
	struct index_batch left = {.first = b->first, .n = b->n};
	for (int i = 0; i < b->indices; i++) {
		if (is_stored(r, b, b->ids[i]))
			r->learner.steps_done += r->method.steps;
		else
			left.ids[left.indices++] = b->ids[i];
	}
	return left;
}

static int make(struct run *r, const struct index_batch *b)
{
	b = suspended_or(&r->suspended, b);
	tensor_scope_begin(NO_GRAD);
	Tensor *x = learn(&r->learner, b);
	int err = x ? output_store(&r->output, b, x) : -1;
	tensor_scope_end();
	if (!err)
		suspended_end(&r->suspended);
	return err;
}

static int make_all(struct run *r)
{
	struct index_batch b;
	int err = 0;
	progress_start("distill", "steps", schedule_size(&r->schedule) * r->method.steps);
	while (!err && schedule_next(&r->schedule, &b)) {
		b = missing(r, &b);
		if (b.indices)
			err = make(r, &b);
	}
	if (err)
		return err;
	suspended_end(&r->suspended);
	progress_end();
	return 0;
}

int stage_distill(const struct distill_config *config)
{
	struct run r = {.config = config};
	int err = prepare(&r);
	if (r.suspended.file.path)
		stop_defer();
	if (!err && r.output.writer)
		err = make_all(&r);
	err = output_close(&r.output, err);
	suspended_free(&r.suspended);
	initial_free(&r.initial);
	history_free(&r.history);
	schedule_free(&r.schedule);
	distill_teachers_free(&r.teachers);
	return err;
}

STAGE(stage_distill)
