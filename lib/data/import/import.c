#include "lib/data/import/import.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/shard/shard.h"
#include "lib/base/opts.h"
#include "lib/base/progress.h"
#include "lib/data/import/plan.h"
#include "lib/image/image.h"

enum { QUALITY = 95, BANNER = 20, LISTS_MAX = 16 };

const char *const split_names[SPLITS] = {"train", "val"};

#define LIST(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static const struct import_layout cub[] = {
    {"classes.txt, images.txt, image_class_labels.txt, train_test_split.txt and images/CLASS/*.jpg",
        LIST("images.txt", "image_class_labels.txt", "train_test_split.txt", "classes.txt"),
        .plan = plan_cub},
    {0},
};
static const struct import_layout aircraft[] = {
    {"data/variants.txt, data/images_variant_trainval.txt, data/images_variant_test.txt and "
     "data/images/*.jpg",
        LIST("images_variant_trainval.txt", "images_variant_test.txt", "variants.txt"),
        .plan = plan_aircraft},
    {0},
};
static const struct import_layout cars[] = {
    {"car_ims/*.jpg and cars_annos.mat", LIST("cars_annos.mat"), .plan = plan_cars_annos},
    {"cars_train/*.jpg, cars_test/*.jpg, devkit/cars_meta.mat, devkit/cars_train_annos.mat and "
     "cars_test_annos_withlabels.mat",
        LIST("cars_meta.mat", "cars_train_annos.mat"), LIST("cars_test_annos_withlabels.mat"),
        .plan = plan_cars_devkit},
    {"train/CLASS/*.jpg and test/CLASS/*.jpg", .folders = {"train", "test"}, .plan = plan_folders},
    {0},
};
static const struct import_layout imagenette[] = {
    {"train/CLASS/*.JPEG and val/CLASS/*.JPEG", .folders = {"train", "val"}, .plan = plan_folders},
    {0},
};

const struct import_set import_sets[] = {
    {"aircraft", "FGVC-Aircraft, variants", 100, {6667, 3333}, aircraft},
    {"cars", "Stanford Cars", 196, {8144, 8041}, cars},
    {"cub", "CUB-200-2011", 200, {5994, 5794}, cub},
    {"imagenette", "ImageNette 2", 10, {9469, 3925}, imagenette},
    {"imagewoof", "ImageWoof 2", 10, {9025, 3929}, imagenette},
    {0},
};

const struct import_set *import_find(const char *name)
{
	char known[256] = "";
	for (const struct import_set *s = import_sets; s->name; s++) {
		if (!strcmp(s->name, name))
			return s;
		size_t n = strlen(known);
		snprintf(known + n, sizeof known - n, "%s%s",
		    s == import_sets ? ""
		    : s[1].name      ? ", "
		                     : " or ",
		    s->name);
	}
	return fail_null("'%s' is no data set known here: %s", name, known);
}

static int add_lists(const char **names, int n, const char *const *lists)
{
	for (; lists && *lists && n < LISTS_MAX; lists++)
		names[n++] = *lists;
	return n;
}

/* Base names of all lists of all layouts of a set. */
static int all_lists(const struct import_set *set, const char **names)
{
	int n = 0;
	for (const struct import_layout *l = set->layouts; l->plan; l++)
		n = add_lists(names, add_lists(names, n, l->lists), l->also);
	return n;
}

static bool applies(const struct import_layout *l, const struct import_source *s)
{
	if (l->lists)
		return source_list(s, l->lists[0]);
	for (int i = 0; i < s->n; i++)
		if (folders_split(&s->files[i], l) >= 0)
			return true;
	return false;
}

static int no_layout(const struct import_job *job)
{
	char looked[512] = "";
	for (const struct import_layout *l = job->set->layouts; l->plan; l++) {
		size_t n = strlen(looked);
		snprintf(looked + n, sizeof looked - n, "%s%s", n ? "; or " : "", l->looks);
	}
	return fail("'%s'%s is not laid out as %s is: looked for %s", job->paths[0],
	    job->n > 1 ? " and what else is given" : "", job->set->name, looked);
}

static int make_plan(const struct import_job *job, struct import_source *s, struct import_plan *p)
{
	const struct import_layout *l = job->set->layouts;
	while (l->plan && !applies(l, s))
		l++;
	if (!l->plan)
		return no_layout(job);
	for (const char *const *list = l->lists; list && *list; list++)
		if (!source_list(s, *list))
			return fail("there is no '%s' beside '%s'", *list,
			    source_list(s, l->lists[0])->name);
	return l->plan(p, s, l);
}

static int check_count(const struct import_job *job, const char *what, int found, int expected)
{
	if (found == expected)
		return 0;
	if (!job->any_count)
		return fail("%s has %d %s, and here are %d (--any-count takes them)",
		    job->set->title, expected, what, found);
	warn("%s has %d %s, and here are %d", job->set->title, expected, what, found);
	return 0;
}

static int check_counts(const struct import_job *job, const struct import_plan *p)
{
	if (check_count(job, "classes", p->n, job->set->classes) < 0)
		return -1;
	for (int i = 0; i < SPLITS; i++) {
		char what[32];
		snprintf(what, sizeof what, "%s images", split_names[i]);
		if (p->wanted[i] && check_count(job, what, p->images[i], job->set->images[i]) < 0)
			return -1;
		if (p->wanted[i] && !p->images[i])
			return fail("there is not one image for the %s shard", split_names[i]);
	}
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct import_file *x = *(struct import_file *const *)a,
	                         *y = *(struct import_file *const *)b;
	if (x->split != y->split)
		return x->split - y->split;
	return x->class != y->class ? x->class - y->class : strcmp(x->id, y->id);
}

/* Two files of a class may differ in their folders or in a dot only. Images in no list are
 * counted. */
static int check_keys(const struct import_plan *p, const struct import_source *s)
{
	struct import_file **v = xcalloc((size_t)s->n + 1, sizeof(*v));
	int n = 0, ok = 0;
	for (int i = 0; i < s->n; i++)
		if (s->files[i].split >= 0)
			v[n++] = &s->files[i];
	qsort(v, (size_t)n, sizeof(*v), by_key);
	for (int i = 1; i < n && !ok; i++)
		if (!by_key(&v[i - 1], &v[i]))
			ok = fail("'%s' and '%s' would both be '%s/%s'", v[i - 1]->name, v[i]->name,
			    p->folders[v[i]->class], v[i]->id);
	free(v);
	if (n < s->n && p->wanted[SPLIT_TRAIN] && p->wanted[SPLIT_VAL])
		warn("%d of %d images are in no list and left out", s->n - n, s->n);
	return ok;
}

struct writing {
	const struct import_job *job;
	const struct import_plan *plan;
	struct out *out[SPLITS];
	struct shard_writer *shard[SPLITS];
	long done, total;
};

static void cut_banner(struct image *im)
{
	if (im->h > BANNER)
		im->h -= BANNER;
}

static void resize(struct image *im, const struct import_job *job)
{
	struct image out;
	if (job->short_side)
		image_resize_short(&out, im, job->size);
	else
		image_resample(&out, im, 0, 0, im->w, im->h, job->size, job->size, 1);
	image_free(im);
	*im = out;
}

static int take_changed(
    struct writing *w, const struct import_file *f, const void *data, size_t size)
{
	struct image im;
	uint8_t *jpeg = NULL;
	size_t jpeg_size;
	if (jpeg_decode(&im, data, size, 0) < 0)
		return fail("'%s': member '%s': %s", f->archive, f->name, fail_message());
	if (w->job->cut_banner)
		cut_banner(&im);
	if (w->job->size)
		resize(&im, w->job);
	int ok = jpeg_encode(&im, QUALITY, &jpeg, &jpeg_size);
	image_free(&im);
	if (!ok)
		ok = shard_add(w->shard[f->split], w->plan->folders[f->class], f->id, f->class,
		    jpeg, jpeg_size, NULL, 0, NULL);
	free(jpeg);
	return ok;
}

static int take(void *ctx, const struct import_file *f, const void *data, size_t size)
{
	struct writing *w = ctx;
	if (!size)
		return fail("'%s': member '%s' is empty", f->archive, f->name);
	int ok = w->job->size || w->job->cut_banner
	             ? take_changed(w, f, data, size)
	             : shard_add(w->shard[f->split], w->plan->folders[f->class], f->id, f->class,
	                   data, size, NULL, 0, NULL);
	progress_at(++w->done, "%s", w->plan->folders[f->class]);
	return ok;
}

/* The official names, where folders cannot have them. */
static json_t *provenance(const struct import_job *job, const struct import_plan *p, int split)
{
	json_t *meta = fd2_provenance(), *names = json_array();
	bool differ = false;
	json_object_set_new(meta, "dataset", json_string(job->set->name));
	json_object_set_new(meta, "split", json_string(split_names[split]));
	for (int k = 0; k < p->n; k++) {
		differ |= strcmp(p->names[k], p->folders[k]) != 0;
		json_array_append_new(names, json_string(p->names[k]));
	}
	if (differ)
		json_object_set(meta, "names", names);
	json_decref(names);
	return meta;
}

static int open_shards(struct writing *w)
{
	for (int i = 0; i < SPLITS; i++) {
		if (!w->plan->wanted[i])
			continue;
		w->out[i] = out_open(w->job->out[i], 0);
		if (!w->out[i])
			return -1;
		w->shard[i] = shard_create(w->out[i], provenance(w->job, w->plan, i),
		    (const char *const *)w->plan->folders, w->plan->n);
		if (!w->shard[i])
			return -1;
		w->total += w->plan->images[i];
	}
	return 0;
}

static void abandon(struct writing *w)
{
	for (int i = 0; i < SPLITS; i++)
		if (w->shard[i])
			shard_abandon(w->shard[i]);
}

/* Whatever can fail for want of room has happened before the first appears. */
static int finish(struct writing *w)
{
	for (int i = 0; i < SPLITS; i++)
		if (w->shard[i] && out_sync(w->out[i]) < 0)
			return -1;
	for (int i = 0; i < SPLITS; i++) {
		struct shard_writer *shard = w->shard[i];
		w->shard[i] = NULL;
		if (shard && shard_finish(shard) < 0) {
			if (i && w->plan->wanted[0] && w->job->out[0] &&
			    strcmp(w->job->out[0], "-"))
				unlink(w->job->out[0]);
			return -1;
		}
	}
	return 0;
}

static int write_shards(
    const struct import_job *job, const struct import_plan *p, struct import_source *s)
{
	struct writing w = {.job = job, .plan = p};
	int ok = open_shards(&w);
	if (!ok) {
		progress_start("import", w.total);
		ok = source_read(s, p->wanted, take, &w);
		progress_end();
	}
	if (!ok && w.done != w.total)
		ok = fail("'%s' has changed while it was read: %ld of %ld images were still there",
		    job->paths[0], w.done, w.total);
	if (!ok)
		ok = finish(&w);
	if (ok < 0)
		abandon(&w);
	return ok;
}

int import_run(const struct import_job *job)
{
	const char *lists[LISTS_MAX];
	struct import_source s;
	struct import_plan p = {.wanted = {job->out[SPLIT_TRAIN], job->out[SPLIT_VAL]}};
	int ok = source_open(&s, job->paths, job->n, lists, all_lists(job->set, lists));
	if (!ok)
		ok = make_plan(job, &s, &p);
	if (!ok)
		ok = check_counts(job, &p);
	if (!ok)
		ok = check_keys(&p, &s);
	if (!ok)
		ok = write_shards(job, &p, &s);
	if (!ok)
		for (int i = 0; i < SPLITS; i++)
			if (p.wanted[i] && strcmp(job->out[i], "-"))
				say("%s: %d images of %d classes", job->out[i], p.images[i], p.n);
	source_close(&s);
	for (int k = 0; k < p.n; k++) {
		free(p.names[k]);
		free(p.folders[k]);
	}
	free(p.names);
	free(p.folders);
	return ok;
}
