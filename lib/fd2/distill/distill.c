/* Stage 3: a base method with FD2's constraints, group by group (Algorithm 1), every class of a
 * batch at once.
 *
 * Images are numbered from 1 in their class. Image i belongs to group (i-1) / N_S and is the
 * ((i-1) mod N_S + 1)-th of it. What a block (one image index, one batch of classes) becomes
 * depends on the settings, its classes, its index and the finished images before it in the
 * group, and on nothing else: so blocks can be made by different processes (--classes, --id), or
 * again after a crash. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/npy.h"
#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/fd2/distill/block.h"

enum { FULL_PASS = 100 }; /* images */

/* Image indices that are made together. */
struct wave {
	int n, ids[TOGETHER_MAX];
};

struct run {
	struct distill d;
	struct shard_writer *writer; /* NULL: what is asked for is there already */
	int first, last;             /* classes to make */
};

static const struct teacher *teacher_of(const struct run *r)
{
	return r->d.guides.v[0].teacher;
}

/* [3][S][S] in [0,1] to the image as it will be stored. */
static struct image to_image(const float *rgb, int S)
{
	struct image im = image_new(S, S);
	for (int c = 0; c < 3; c++)
		for (int i = 0; i < S * S; i++)
			im.rgb[3 * i + c] =
			    (uint8_t)lrintf(255 * fminf(fmaxf(rgb[(size_t)c * S * S + i], 0), 1));
	return im;
}

static int store(struct run *r, int k, int id, const float *rgb, const void *f16)
{
	const struct distill_job *job = r->d.job;
	int S = teacher_of(r)->size, ok;
	char name[16];
	uint8_t *jpeg = NULL, *npy = NULL;
	size_t jpeg_size = 0, npy_size = 0;
	if (earlier_has(&r->d.earlier, k, id))
		return 0; /* stored by the run that is resumed */
	struct image im = to_image(rgb, S);
	snprintf(name, sizeof name, "%04d", id);
	ok = jpeg_encode(&im, (int)job->quality, &jpeg, &jpeg_size);
	image_free(&im);
	if (!ok && job->pixels == PIXELS_F16)
		npy = npy_f16(f16, 3, (int64_t[]){3, S, S}, &npy_size);
	if (!ok)
		ok = shard_add(r->writer, teacher_of(r)->class_names[k], name, k, jpeg, jpeg_size,
		    npy, npy_size, NULL);
	if (!ok)
		ok = earlier_put(&r->d.earlier, k, id, jpeg, jpeg_size);
	free(jpeg);
	free(npy);
	return ok;
}

static int block_store(struct run *r, const struct block *b)
{
	int64_t S = teacher_of(r)->size, one = 3 * S * S, shape[] = {1, 3, 1, 1};
	const struct normal *normal = &teacher_of(r)->normal;
	int N = b->indices * b->n;
	float *rgb = xcalloc((size_t)(N * one), sizeof *rgb);
	uint16_t *f16 = xcalloc((size_t)(N * one), sizeof *f16);
	tensor_scope_begin(NO_GRAD);
	Tensor *std = tensor_to(tensor_from(normal->std, T_F64, 4, shape), T_F32);
	Tensor *mean = tensor_to(tensor_from(normal->mean, T_F64, 4, shape), T_F32);
	Tensor *pixels = tensor_add(tensor_mul(b->x, std), mean);
	int ok = tensor_read(pixels, T_F32, rgb, N * one) < 0 ||
	                 tensor_read(pixels, T_F16, f16, N * one) < 0
	             ? -1
	             : 0;
	tensor_scope_end();
	if (ok < 0)
		fail("cannot read the images: %s", tensor_error());
	for (int i = 0; i < N && !ok; i++)
		ok = store(r, b->first + i % b->n, b->ids[i / b->n], rgb + i * one, f16 + i * one);
	free(rgb);
	free(f16);
	return ok;
}

static bool is_stored(const struct run *r, int first, int n, int id)
{
	for (int k = first; k < first + n; k++)
		if (!earlier_has(&r->d.earlier, k, id))
			return false;
	return true;
}

static int make_block(struct run *r, int first, int n, const struct wave *wave)
{
	struct block b = {.first = first, .n = n};
	for (int i = 0; i < wave->n; i++) {
		if (is_stored(r, first, n, wave->ids[i]))
			r->d.steps_done += r->d.method.steps;
		else
			b.ids[b.indices++] = wave->ids[i];
	}
	if (!b.indices)
		return 0;
	tensor_scope_begin(NO_GRAD);
	int ok = block_make(&r->d, &b);
	if (!ok)
		ok = block_store(r, &b);
	tensor_scope_end();
	return ok;
}

/* --id I makes the I-th image of every group; without it all are made, in order. */
static bool wanted(const struct run *r, int id)
{
	return !r->d.job->id || (id - 1) % r->d.job->group == r->d.job->id - 1;
}

/* --together: as many indices as the images of a GPU's full pass ask for; one on the CPU, which
 * is full with a few images. */
static int most_together(const struct run *r)
{
	int n = r->last - r->first + 1 < r->d.job->batch ? r->last - r->first + 1
	                                                 : (int)r->d.job->batch;
	int most = r->d.job->together            ? (int)r->d.job->together
	           : common.device == DEVICE_CPU ? 1
	                                         : (FULL_PASS + n - 1) / n;
	return most < TOGETHER_MAX ? most : TOGETHER_MAX;
}

/* The next indices from `id` that do not depend on one another: with L_S, those of one place in
 * their groups. */
static struct wave next_wave(const struct run *r, bool *taken, int id)
{
	const struct distill_job *job = r->d.job;
	struct wave wave = {.n = 0};
	for (int most = most_together(r); id <= job->ipc && wave.n < most; id++) {
		bool apart =
		    job->plain || job->no_ls || !wave.n || (id - wave.ids[0]) % job->group == 0;
		if (taken[id - 1] || !wanted(r, id) || !apart)
			continue;
		taken[id - 1] = true;
		wave.ids[wave.n++] = id;
	}
	return wave;
}

static int make_wave(struct run *r, const struct wave *wave)
{
	int batch = (int)r->d.job->batch, ok = 0;
	for (int k = r->first; k <= r->last && !ok; k += batch)
		ok = make_block(r, k, r->last - k + 1 < batch ? r->last - k + 1 : batch, wave);
	return ok;
}

static int make_all(struct run *r)
{
	const struct distill_job *job = r->d.job;
	int blocks = (r->last - r->first) / (int)job->batch + 1, images = 0, ok = 0;
	bool *taken = xcalloc((size_t)job->ipc, sizeof *taken);
	for (int id = 1; id <= job->ipc; id++)
		images += wanted(r, id);
	progress_start("distill", (long)blocks * images * r->d.method.steps);
	for (int id = 1; id <= job->ipc && !ok; id++) {
		struct wave wave = next_wave(r, taken, id);
		ok = make_wave(r, &wave);
	}
	free(taken);
	if (!ok)
		progress_end();
	return ok;
}

/* A block's statistics are over all of its classes, so shards of work must be whole blocks. */
static int choose_classes(struct run *r)
{
	const struct distill_job *job = r->d.job;
	int K = teacher_of(r)->classes;
	if (job->classes.first >= K)
		return fail("--classes starts at %ld, but the teacher knows %d classes (0-%d)",
		    job->classes.first, K, K - 1);
	r->first = (int)job->classes.first;
	r->last = job->classes.last < K ? (int)job->classes.last : K - 1;
	if (r->first % job->batch || ((r->last + 1) % job->batch && r->last != K - 1))
		return fail("--classes %d-%d cuts a batch of %ld classes: BatchNorm statistics are "
		            "over whole batches, so give "
		            "multiples of --batch",
		    r->first, r->last, job->batch);
	return 0;
}

/* A network whose classifier sees the whole feature map knows one size only. */
static int check_sizes(const struct run *r)
{
	const struct method *m = &r->d.method;
	for (int g = 0; g < r->d.guides.teachers.n; g++) {
		const struct teacher *t = r->d.guides.v[g].teacher;
		for (int p = 0; p < m->parts; p++)
			if (t->backbone.arch->flattens && m->sizes[p] != t->size)
				return fail("a %s sees images of its own size only: give --sizes "
				            "%d, for each part, instead of %d",
				    t->backbone.arch->name, t->size, m->sizes[p]);
	}
	return 0;
}

static json_t *inputs(const struct run *r)
{
	json_t *in = json_object();
	guides_describe(&r->d.guides, in);
	initial_describe(&r->d.initial, in);
	return in;
}

/* What the method decided where no option did. */
static void put_method(const struct run *r, json_t *options)
{
	const struct method *m = &r->d.method;
	json_t *sizes = json_array();
	for (int p = 0; p < m->parts; p++)
		json_array_append_new(sizes, json_integer(m->sizes[p]));
	json_object_set_new(options, "sizes", sizes);
	json_object_set_new(options, "init",
	    r->d.job->init_images ? json_null() : json_string(start_name(m->start)));
	json_object_set_new(options, "classes", json_pack("[i,i]", r->first, r->last));
	json_object_set_new(options, "steps", json_integer(m->steps));
	json_object_set_new(options, "lr", json_real(m->lr));
	json_object_set_new(options, "r-bn", json_real(m->r_bn));
	json_object_set_new(options, "residual", json_real(m->residual));
}

static json_t *provenance(const struct run *r)
{
	const struct teacher *t = teacher_of(r);
	json_t *p = fd2_provenance();
	put_method(r, json_object_get(p, "options"));
	json_object_set_new(p, "inputs", inputs(r));
	json_object_set_new(p, "size", json_integer(t->size));
	json_object_set_new(p, "mean", numbers_to_json(t->normal.mean, 3));
	json_object_set_new(p, "std", numbers_to_json(t->normal.std, 3));
	return p;
}

static void seen(void *ctx, const struct sample *s)
{
	struct run *r = ctx;
	const char *slash = strrchr(s->key, '/');
	if (s->cls >= 0 && s->cls < teacher_of(r)->classes && slash)
		earlier_put(&r->d.earlier, (int)s->cls, atoi(slash + 1), s->image, s->image_size);
}

/* The log's start event has the options as they were given. */
static void log_settings(const struct run *r)
{
	json_t *p = provenance(r);
	log_event(json_pack("{s:s, s:O, s:O}", "event", "settings", "options",
	    json_object_get(p, "options"), "inputs", json_object_get(p, "inputs")));
	json_decref(p);
}

/* Images that nobody asked to keep, and nobody to throw away. */
static int check_unfinished(const char *out)
{
	long left = shard_unfinished(out);
	return left > 0 ? fail("'%s.part' holds %ld images of an interrupted run: go on with "
	                       "--resume, or remove it",
	                      out, left)
	                : (int)left;
}

/* Whether a run with --resume finds its work done. */
static bool is_made(const struct run *r)
{
	const char *out = r->d.job->out;
	char *part = out_part_name(out);
	json_t *meta = provenance(r);
	bool made = access(part, F_OK) && shard_is_made(out, meta);
	free(part);
	json_decref(meta);
	if (made)
		out_made_already(out);
	return made;
}

static int open_output(struct run *r)
{
	const struct distill_job *job = r->d.job;
	const char *const *names = (const char *const *)teacher_of(r)->class_names;
	int K = teacher_of(r)->classes, named = job->out && strcmp(job->out, "-");
	if (job->resume && is_made(r))
		return 0;
	if (job->resume) {
		r->writer = shard_resume(job->out, provenance(r), names, K, seen, r);
		return r->writer ? 0 : -1;
	}
	if (named && check_unfinished(job->out) < 0)
		return -1;
	struct out *out = out_open(job->out, named ? OUT_KEEP : 0);
	r->writer = out ? shard_create(out, provenance(r), names, K) : NULL;
	return r->writer ? 0 : -1;
}

/* A backbone that normalises otherwise has no statistics to match. */
static void warn_of_no_bn(const struct run *r)
{
	for (int g = 0; g < r->d.guides.teachers.n; g++) {
		const struct params *p = &r->d.guides.v[g].teacher->backbone.params;
		bool any = false;
		for (int i = 0; i < p->n; i++)
			any |= strstr(p->v[i].name, ".running_mean") &&
			       strncmp(p->v[i].name, "cal.", 4);
		if (!any && !r->d.job->bn_head)
			warn("%s has no BatchNorm, so its images have no BN term",
			    r->d.guides.v[g].teacher->backbone.arch->name);
	}
}

static int prepare(struct run *r)
{
	struct distill *d = &r->d;
	const struct distill_job *job = d->job;
	if (guides_read(&d->guides, job) < 0 ||
	    method_of(&d->method, job, teacher_of(r)->size) < 0 || check_sizes(r) < 0)
		return -1;
	warn_of_no_bn(r);
	d->ls_view = job->ls_view;
	d->bn_form = job->bn_form;
	earlier_init(&d->earlier, &d->guides, (int)job->ipc, (int)job->group, job->min_scale);
	if (choose_classes(r) < 0)
		return -1;
	for (int i = 0; i < job->attn.n; i++)
		if (earlier_read_maps(&d->earlier, job->attn.v[i]) < 0)
			return -1;
	if (job->previous && earlier_read_images(&d->earlier, job->previous) < 0)
		return -1;
	if (initial_read(&d->initial, job, d->method.start, teacher_of(r)) < 0)
		return -1;
	log_settings(r);
	return open_output(r);
}

int stage_distill(const struct distill_job *job)
{
	struct run r = {.d.job = job};
	int ok = prepare(&r);
	if (!ok && r.writer)
		ok = make_all(&r);
	if (!ok && r.writer)
		ok = shard_finish(r.writer);
	else if (r.writer)
		shard_abandon(r.writer);
	initial_free(&r.d.initial);
	earlier_free(&r.d.earlier);
	guides_free(&r.d.guides);
	return ok;
}
