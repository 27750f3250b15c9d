#include "lib/data/import/import.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/opts.h"
#include "lib/base/par.h"
#include "lib/base/progress.h"
#include "lib/base/stop.h"
#include "lib/data/import/convert.h"
#include "lib/data/import/plan.h"

enum { LISTS_MAX = 16 };

const char *const split_names[SPLITS] = {"train", "val"};

static int add_lists(const char **names, int n, const char *const *lists)
{
	for (; lists && *lists && n < LISTS_MAX; lists++)
		names[n++] = *lists;
	return n;
}

/* Collects the base names of all lists of all layouts of a set. */
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
	if (job->set->own)
		return plan_photographs(p, s, job);
	while (l->plan && !applies(l, s))
		l++;
	if (!l->plan)
		return no_layout(job);
	for (const char *const *list = l->lists; list && *list; list++)
		if (!source_list(s, *list))
			return fail("'%s' is missing; it belongs with '%s'", *list,
			    source_list(s, l->lists[0])->name);
	return l->plan(p, s, l);
}

static int check_count(const struct import_job *job, const char *what, int found, int expected)
{
	if (found == expected || job->set->own)
		return 0;
	if (!job->any_count)
		return fail("found %s, expected %d (%s); --any-count accepts them",
		    counted(found, what).text, expected, job->set->title);
	warn("found %s, expected %d (%s)", counted(found, what).text, expected, job->set->title);
	return 0;
}

static int check_counts(const struct import_job *job, const struct import_plan *p)
{
	if (check_count(job, "classes", p->n, job->set->classes) < 0)
		return -1;
	for (int i = 0; i < SPLITS; i++) {
		char what[32];
		snprintf(what, sizeof what, "%s images", split_names[i]);
		if (p->needed[i] && check_count(job, what, p->images[i], job->set->images[i]) < 0)
			return -1;
		if (p->needed[i] && !p->images[i])
			return job->set->own && i == SPLIT_VAL
			           ? fail("'%s' has no held-out set", job->paths[0])
			           : fail("found no image for the %s shard", split_names[i]);
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

/* Refuses two files with the same class and id, as they may differ only in their folders or in a
 * dot. Warns about images that no list names. */
static int check_keys(const struct import_plan *p, const struct import_source *s)
{
	struct import_file **v = xcalloc((size_t)s->n + 1, sizeof(*v));
	int n = 0, err = 0;
	for (int i = 0; i < s->n; i++)
		if (s->files[i].split >= 0)
			v[n++] = &s->files[i];
	qsort(v, (size_t)n, sizeof(*v), by_key);
	for (int i = 1; i < n && !err; i++)
		if (!by_key(&v[i - 1], &v[i]))
			err = fail("'%s' and '%s' would both be '%s/%s'", v[i - 1]->name,
			    v[i]->name, p->folders[v[i]->class], v[i]->id);
	free(v);
	if (s->lists_n && n < s->n && p->needed[SPLIT_TRAIN] && p->needed[SPLIT_VAL])
		warn("left out %d of %d images, which no list names", s->n - n, s->n);
	return err;
}

/* A file of the plan to be converted and written. */
struct pending_image {
	const struct import_file *f;
	uint8_t *data;
	size_t size;
	struct converted c;
};

enum { CHUNK = 64, CHUNK_BYTES = 64 << 20, SKIPPED_NAMED = 20 };

struct writing {
	const struct import_job *job;
	const struct import_plan *plan;
	struct split_writer *split[SPLITS];
	struct pending_image chunk[CHUNK]; /* converted together */
	int n;
	size_t bytes;
	long done, total;
	struct tally {
		long formats[PHOTO_FORMATS], turned, recovered, alpha, deep, skipped;
		int min_w, max_w, min_h, max_h;
	} tally;
	long *of_class; /* images written per class */
};

static void convert_pending(void *ctx, int i)
{
	struct pending_image *p = &((struct writing *)ctx)->chunk[i];
	p->c = convert(((struct writing *)ctx)->job, p->data, p->size);
}

static int skip(struct writing *w, const struct pending_image *p, const char *why)
{
	if (!w->job->set->own || w->job->strict)
		return fail("'%s': member '%s': %s", p->f->archive, p->f->name, why);
	if (w->tally.skipped++ < SKIPPED_NAMED)
		warn("skipped '%s': %s", p->f->name, why);
	return 0;
}

static void count(struct tally *t, const struct converted *c)
{
	bool first = !t->max_w;
	t->formats[c->format]++;
	t->turned += c->notes.orientation > 1;
	t->recovered += *c->notes.recovered != '\0';
	t->alpha += c->notes.alpha;
	t->deep += c->notes.deep;
	t->min_w = first || c->w < t->min_w ? c->w : t->min_w;
	t->max_w = c->w > t->max_w ? c->w : t->max_w;
	t->min_h = first || c->h < t->min_h ? c->h : t->min_h;
	t->max_h = c->h > t->max_h ? c->h : t->max_h;
}

static int put(struct writing *w, const struct pending_image *p)
{
	const struct converted *c = &p->c;
	bool converted = w->job->set->own || w->job->size || w->job->cut_banner;
	if (c->problem)
		return skip(w, p, c->problem);
	if (w->job->strict && *c->notes.recovered)
		return skip(w, p, c->notes.recovered);
	if (converted)
		count(&w->tally, c);
	w->of_class[p->f->class]++;
	return split_add(w->split[p->f->split], w->plan->folders[p->f->class], p->f->id,
	    p->f->class, c->jpeg ? c->jpeg : p->data, c->jpeg ? c->size : p->size);
}

/* Converts the pending images on all threads, and writes them in their order. */
static int flush(struct writing *w)
{
	int err = 0;
	if (w->job->set->own || w->job->size || w->job->cut_banner)
		par_for(w->n, convert_pending, w);
	for (int i = 0; i < w->n; i++) {
		struct pending_image *p = &w->chunk[i];
		if (!err)
			err = put(w, p);
		progress_at(++w->done, "%s", w->plan->folders[p->f->class]);
		converted_free(&p->c);
		free(p->data);
		*p = (struct pending_image){0};
	}
	w->n = 0;
	w->bytes = 0;
	return !err && stop_asked() ? stop_fail("no shard is kept") : err;
}

static int take(void *ctx, const struct import_file *f, const void *data, size_t size)
{
	struct writing *w = ctx;
	if (!size && !w->job->set->own)
		return fail("'%s': member '%s' is empty", f->archive, f->name);
	struct pending_image *p = &w->chunk[w->n++];
	*p = (struct pending_image){.f = f, .data = xmalloc(size), .size = size};
	if (size)
		memcpy(p->data, data, size);
	w->bytes += size;
	return w->n == CHUNK || w->bytes > CHUNK_BYTES ? flush(w) : 0;
}

/* Returns the record for a shard. Adds the official class names if folders cannot have them. */
static json_t *provenance(const struct import_job *job, const struct import_plan *p, int split)
{
	json_t *meta = opts_provenance(), *names = json_array();
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
		if (!w->plan->needed[i])
			continue;
		w->split[i] =
		    split_open(w->job->out[i], &w->job->bounds, provenance(w->job, w->plan, i),
		        (const char *const *)w->plan->folders, w->plan->n);
		if (!w->split[i])
			return -1;
		w->total += w->plan->images[i];
	}
	if (w->job->bounds.images || w->job->bounds.bytes > 0)
		stop_defer(); /* full shards are published already: split_abandon removes them */
	return 0;
}

/* Publishes both splits. Syncs both first, so that a full disk is noticed before either appears. */
static int publish(struct writing *w)
{
	for (int i = 0; i < SPLITS; i++)
		if (w->split[i] && split_sync(w->split[i]) < 0)
			return -1;
	for (int i = 0; i < SPLITS; i++)
		if (w->split[i] && split_publish(w->split[i]) < 0)
			return -1;
	return 0;
}

static int check_written(const struct writing *w)
{
	if (w->done != w->total)
		return fail(
		    "'%s' has changed while it was read: %ld of %ld images were still there",
		    w->job->paths[0], w->done, w->total);
	for (int k = 0; k < w->plan->n && w->tally.skipped; k++)
		if (!w->of_class[k])
			return fail("no image of class '%s' can be read", w->plan->names[k]);
	return 0;
}

/* Reports what was written, and how the user's own photographs were converted. */
static void report(const struct writing *w)
{
	const struct tally *t = &w->tally;
	for (int i = 0; i < SPLITS; i++)
		if (w->split[i])
			split_report(w->split[i]);
	if (!w->job->set->own)
		return;
	say("%ld JPEG, %ld PNG, %ld WebP, %ld AVIF; width %d to %d, height %d to %d",
	    t->formats[PHOTO_JPEG], t->formats[PHOTO_PNG], t->formats[PHOTO_WEBP],
	    t->formats[PHOTO_AVIF], t->min_w, t->max_w, t->min_h, t->max_h);
	if (t->turned)
		say("%ld turned upright by their EXIF orientation", t->turned);
	if (t->recovered)
		say("%ld JPEGs have errors that libjpeg recovered from", t->recovered);
	if (t->alpha || t->deep)
		say("%ld lost their transparency, %ld their 16 or 10 bits", t->alpha, t->deep);
	if (t->skipped)
		say("skipped %ld of %ld files, which cannot be read", t->skipped, w->total);
}

static int write_shards(
    const struct import_job *job, const struct import_plan *p, struct import_source *s)
{
	struct writing w = {.job = job, .plan = p, .of_class = xcalloc((size_t)p->n, sizeof(long))};
	int err = open_shards(&w);
	if (!err) {
		progress_start("import", "images", w.total);
		err = source_read(s, p->needed, take, &w);
		if (!err)
			err = flush(&w);
		progress_end();
	}
	if (!err)
		err = check_written(&w);
	if (!err)
		err = publish(&w);
	if (!err)
		report(&w);
	for (int i = 0; i < w.n; i++)
		free(w.chunk[i].data);
	for (int i = 0; i < SPLITS; i++)
		if (w.split[i])
			(err ? split_abandon : split_free)(w.split[i]);
	free(w.of_class);
	return err;
}

int import_run(const struct import_job *job)
{
	const char *lists[LISTS_MAX];
	struct import_source s;
	struct import_plan p = {.needed = {job->out[SPLIT_TRAIN], job->out[SPLIT_VAL]}};
	int err = source_open(&s, job->paths, job->n, lists, all_lists(job->set, lists));
	if (!err)
		err = make_plan(job, &s, &p);
	if (!err && job->set->own && !job->val_needed && !p.images[SPLIT_VAL] &&
	    p.images[SPLIT_TRAIN])
		p.needed[SPLIT_VAL] = false;
	if (!err)
		err = check_counts(job, &p);
	if (!err)
		err = check_keys(&p, &s);
	if (!err)
		err = write_shards(job, &p, &s);
	source_close(&s);
	for (int k = 0; k < p.n; k++) {
		free(p.names[k]);
		free(p.folders[k]);
	}
	free(p.names);
	free(p.folders);
	return err;
}
