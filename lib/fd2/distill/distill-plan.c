#include "lib/fd2/distill/distill-plan.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/rng.h"
#include "lib/fd2/batch/plan.h"
#include "lib/fd2/distill/distill-resume.h"
#include "lib/fd2/distill/phases.h"

enum { PHOTOGRAPHS = 16, STEPS = 3 }; /* timed at once: photographs of a class, steps per phase */

struct dry_run {
	const struct distill_config *config;
	const struct learner *learner;
	struct history *history;
	struct index_batch batch; /* the one to time */
	int images;               /* in the output */
	double left;              /* steps to take */
	int *photographs;         /* [classes]; 0 for classes without images to make */
	bool warm;
	uint8_t *jpeg; /* an estimate of a finished image */
	size_t jpeg_size;
};

/* Returns the standard deviation, in normalised pixels, of white noise that enlarges JPEGs as much
 * as the steps do. The model: pixels walk at random, by the learning rate in each step, but not
 * quite freely. The constants were fitted to cars at 112 pixels, at rates from 0.01 to 0.25; they
 * also hold for drawn birds and at 224 pixels. */
static double roughness(const struct method *m)
{
	const double resized = 0.7; /* share of noise left after bilinear interpolation */
	double walk = 0;
	for (long step = 0; step < m->steps; step++) {
		int phase = phase_at(step, m->steps, m->phases);
		int before = step ? phase_at(step - 1, m->steps, m->phases) : phase;
		if (phase != before && m->connect)
			walk *= 1 - m->residual;
		if (m->image_sizes[phase] != m->image_sizes[before])
			walk *= resized;
		walk = hypot(walk, learning_rate(m, step));
	}
	return 0.325 * pow(walk, 0.78);
}

static void roughen(struct image *im, const struct dry_run *r)
{
	const struct normal *normal = &r->learner->initial->teacher->normal;
	double deviation = 255 * roughness(r->learner->method);
	struct rng noise = rng_at((uint64_t)r->config->seed, RNG_DISTILL, 0, 0, 0);
	if (deviation <= 0)
		return;
	for (int i = 0; i < 3 * im->w * im->h; i++) {
		double v = im->rgb[i] + deviation * normal->std[i % 3] * rng_normal(&noise);
		im->rgb[i] = (uint8_t)lrint(fmin(fmax(v, 0), 255));
	}
}

/* Keeps the JPEG of an initial image, roughened to be as large as a finished one. Frees im. */
static int keep_jpeg(struct dry_run *r, struct image *im)
{
	roughen(im, r);
	free(r->jpeg);
	r->jpeg = NULL;
	int err = jpeg_encode(im, (int)r->config->output.quality, &r->jpeg, &r->jpeg_size);
	image_free(im);
	return err;
}

/* Returns the start in use that scores crops, or the one that chooses whole photographs by what the
 * teacher says of them. NULL: none. */
static struct start_use *use_of(struct initial *s, bool crops)
{
	for (struct start_use *u = s->use; u < s->use + 2; u++) {
		const struct start *start = u->start;
		bool looks = crops ? start->factor : start->choose && start != &start_random;
		if (u->images && looks)
			return u;
	}
	return NULL;
}

static double score_some(void *stage)
{
	struct dry_run *r = stage;
	const struct initial *s = r->learner->initial;
	int k = r->batch.first, n = s->counts[k] < PHOTOGRAPHS ? s->counts[k] : PHOTOGRAPHS;
	struct patch_rule rule = initial_rule(s, use_of(r->learner->initial, true));
	rule.ipc = 1;
	rule.images = PHOTOGRAPHS;
	struct patch *patches = xcalloc((size_t)patches_in(&rule), sizeof *patches);
	int err = patches_choose(patches, s->teacher, &s->images, k, &rule, s->seed);
	if (!err) {
		struct image im = patches_mosaic(patches, &s->images, &rule, 0, s->size);
		err = keep_jpeg(r, &im);
	}
	free(patches);
	return err ? -1 : (double)patches_scored(&n, 1, &rule);
}

/* Chooses photographs of one class. */
static double choose_some(void *stage)
{
	struct dry_run *r = stage;
	struct initial *s = r->learner->initial;
	struct start_use *u = use_of(s, false);
	int k = r->batch.first;
	if (u->photographs) {
		free(u->photographs[k]);
		u->photographs[k] = NULL;
	}
	return u->start->prepare(s, u, k, 1) < 0 ? -1 : s->counts[k];
}

/* Keeps the first initial image as JPEG, for starts that score no crops. */
static int keep_initial(struct dry_run *r)
{
	struct initial *s = r->learner->initial;
	const struct normal *normal = &s->teacher->normal;
	int S = s->size;
	float *v = xcalloc(3 * (size_t)S * S, sizeof *v);
	int err = initial_prepare(s, r->batch.first, 1);
	if (!err)
		err = initial_image(s, v, r->batch.first, r->batch.ids[0]);
	struct image im = image_new(S, S);
	for (int i = 0; i < 3 * S * S && !err; i++) {
		double x = v[i] * normal->std[i % 3] + normal->mean[i % 3];
		im.rgb[i] = (uint8_t)lrint(255 * fmin(fmax(x, 0), 1));
	}
	free(v);
	if (!err)
		return keep_jpeg(r, &im);
	image_free(&im);
	return err;
}

/* Moves the batch on by one place in its groups, if they have more: only images that are not the
 * first of a group are compared with earlier ones. */
static int move_on_in_group(struct dry_run *r)
{
	struct index_batch *b = &r->batch;
	const struct schedule_config *c = &r->config->schedule;
	int last = b->ids[b->indices - 1];
	if (!r->learner->similarity || c->id || last % c->group == 0 || last >= c->ipc)
		return 0;
	for (int i = 0; i < b->indices; i++) {
		for (int k = b->first; k < b->first + b->n; k++)
			if (!history_has(r->history, k, b->ids[i]) &&
			    history_add(r->history, k, b->ids[i], r->jpeg, r->jpeg_size) < 0)
				return -1;
		b->ids[i]++;
	}
	return 0;
}

/* Takes some steps from noise, which takes no time to make; steps take as long from any start. */
static double learn_some(void *stage)
{
	struct dry_run *r = stage;
	struct method method = *r->learner->method;
	struct initial initial = *r->learner->initial;
	struct learner l = *r->learner;
	struct suspended none = {.file.lock = -1};
	if (!r->warm && ((!r->jpeg && keep_initial(r) < 0) || move_on_in_group(r) < 0))
		return -1;
	method.steps = method.phases * (r->warm ? STEPS : 1);
	initial_share(&initial, 1, &start_noise, &start_noise);
	l.method = &method;
	l.initial = &initial;
	l.suspended = &none;
	l.log_every = 0;
	r->warm = true;
	tensor_scope_begin(NO_GRAD);
	Tensor *x = learn_index_batch(&l, &r->batch);
	tensor_scope_end();
	return x ? (double)method.steps * r->batch.indices : -1;
}

/* Returns the size of a tar member with its header. */
static double member(double bytes)
{
	return 512 + 512 * ceil(bytes / 512);
}

static double bytes(void *stage)
{
	const struct dry_run *r = stage;
	double S = r->learner->initial->size, class_number = 3, npy_header = 128;
	double one = member((double)r->jpeg_size) + member(class_number);
	const double ends = 5120; /* members that describe the shard, and tar's end blocks */
	if (r->config->output.pixels == PIXELS_F16)
		one += member(npy_header + 6 * S * S);
	return ends + r->images * one;
}

static char *work(const struct dry_run *r, long indices, int classes)
{
	const struct method *m = r->learner->method;
	return xasprintf("%s (%s, %s) by %s%s, each in %s in %s", counted(r->images, "images").text,
	    counted(classes, "classes").text, counted(indices, "index batches").text, m->name,
	    r->config->plain ? "" : " with FD2", counted(m->steps, "steps").text,
	    counted(m->phases, "phases").text);
}

/* Finds what the output lacks: steps, photographs to choose from, and a batch to time. */
static void find_left(struct dry_run *r, struct schedule *s)
{
	const struct suspended *suspended = r->learner->suspended;
	const int *counts = r->learner->initial->counts;
	struct index_batch b;
	while (schedule_next(s, &b)) {
		struct index_batch left = schedule_left(s, &b, r->history);
		if (!r->batch.indices || (left.indices && !r->left))
			r->batch = left.indices ? left : b;
		r->left += (double)left.indices * (double)r->learner->method->steps;
		if (left.indices && suspended_or(suspended, &left) != &left)
			r->left -= (double)left.indices * (double)suspended->step;
		if (!left.indices || !counts)
			continue;
		for (int k = b.first; k < b.first + b.n; k++)
			r->photographs[k] = counts[k];
	}
}

/* Adds the crops and photographs to be chosen before the steps. Returns the number of parts. */
static int plan_choices(struct dry_run *r, struct plan *p)
{
	struct initial *initial = r->learner->initial;
	const struct start_use *cut = use_of(initial, true), *whole = use_of(initial, false);
	int classes = r->history->classes, n = 0;
	if (cut) {
		struct patch_rule rule = initial_rule(initial, cut);
		double crops = (double)patches_scored(r->photographs, classes, &rule);
		p->parts[n++] = (struct plan_part){"crops", crops, score_some};
	}
	if (whole) {
		double photographs = 0;
		for (int k = 0; k < classes; k++)
			photographs += r->photographs[k];
		p->parts[n++] = (struct plan_part){"photographs", photographs, choose_some};
	}
	return n;
}

/* Adds the parts to be timed: choices and steps. -1: fail_message. */
static int plan_dry(struct dry_run *r, struct plan *p, struct schedule *s)
{
	bool cut = use_of(r->learner->initial, true);
	r->photographs = xcalloc((size_t)r->history->classes, sizeof *r->photographs);
	find_left(r, s);
	if (!r->batch.indices)
		return fail("there is no image to make");
	int n = plan_choices(r, p);
	if (r->learner->method->steps)
		p->parts[n] = (struct plan_part){"steps", r->left, learn_some};
	return r->learner->method->steps || cut ? 0 : keep_initial(r);
}

int distill_tell_plan(const struct distill_config *config, const struct learner *l,
    struct schedule *s, struct history *h)
{
	struct dry_run r = {.config = config, .learner = l, .history = h};
	long of_class = schedule_size(s) / ((s->last - s->first) / config->schedule.batch + 1);
	int classes = s->last - s->first + 1;
	r.images = (int)of_class * classes;
	struct plan p = {.stage = &r, .work = work(&r, schedule_size(s), classes), .bytes = bytes};
	int err = config->dry_run ? plan_dry(&r, &p, s) : 0;
	if (err)
		free(p.work);
	else
		err = plan_tell(&p, config->dry_run);
	free(r.photographs);
	free(r.jpeg);
	return err;
}
