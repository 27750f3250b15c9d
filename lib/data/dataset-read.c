/* Reads a set from shards. Decodes samples while it reads the next ones, and gives them their
 * classes after the last. */
#include "lib/data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/par.h"
#include "lib/base/progress.h"
#include "lib/base/rng.h"
#include "lib/data/soft-label.h"

enum {
	CHUNK = 128,          /* samples held compressed at a time */
	NUMBERS_MAX = 100000, /* number of classes without names */
};

/* A sample being decoded: its bytes, then its image or the reason why there is none. */
struct job {
	uint8_t *bytes;
	size_t size;
	uint8_t *json; /* a copy of KEY.json, if soft labels are needed */
	size_t json_size;
	char *shard, *key, *class;
	long cls;
	struct image image;
	struct image_notes notes;
	uint64_t content;
	char *problem;
};

struct chunk {
	struct job v[CHUNK];
	int n;
	int got;       /* the last result of fd2_shard_next */
	char *problem; /* got < 0: why */
};

static struct job job_of(const struct sample *s, bool with_json)
{
	struct job j = {.size = s->image_size,
	    .cls = s->cls,
	    .shard = xstrdup(s->shard),
	    .key = xstrdup(s->key)};
	j.class = s->folder ? xstrdup(s->folder) : NULL;
	j.bytes = xmalloc(s->image_size + 1);
	memcpy(j.bytes, s->image, s->image_size);
	if (with_json && s->json) {
		j.json_size = s->json_size;
		j.json = xmalloc(s->json_size + 1);
		memcpy(j.json, s->json, s->json_size);
	}
	return j;
}

static void job_free(struct job *j)
{
	free(j->bytes);
	free(j->json);
	free(j->shard);
	free(j->key);
	free(j->class);
	free(j->problem);
	image_free(&j->image);
	*j = (struct job){0};
}

/* Where an image came from, until all classes are known. */
struct origin {
	char *folder; /* NULL: it only has a number */
	const char *shard;
};

struct loading {
	struct dataset *d;
	const struct dataset_options *o;
	struct shard_reader *r;
	struct origin *of;
	int cap;
	char **shards; /* their names */
	int n_shards;
	int soft;        /* number of classes of the soft labels; 0: none was read */
	char *recovered; /* the first recovered image, and why */
};

static const char *keep_name(struct loading *l, const char *shard)
{
	if (!l->n_shards || strcmp(l->shards[l->n_shards - 1], shard)) {
		l->shards = xrealloc(l->shards, (size_t)l->n_shards + 1, sizeof *l->shards);
		l->shards[l->n_shards++] = xstrdup(shard);
	}
	return l->shards[l->n_shards - 1];
}

/* Handles an image that cannot be decoded, or only with errors. 1: skip it; -1: fail_message. */
static int judge(struct loading *l, const struct job *j)
{
	const char *why = j->problem ? j->problem : j->notes.recovered;
	if (*why && (l->o->strict || (j->problem && l->o->complete)))
		return fail("cannot read '%s': member '%s': %s", j->shard, j->key, why);
	if (j->problem) {
		l->d->skipped++;
		warn("skipped member '%s' of '%s': %s", j->key, j->shard, j->problem);
		return 1;
	}
	if (*why && !l->d->recovered++)
		l->recovered = xasprintf("'%s' of '%s': %s", j->key, j->shard, why);
	return 0;
}

static int take_soft_label(struct loading *l, const struct job *j, float **soft)
{
	int n;
	if (soft_label_from_json(j->json, j->json_size, soft, &n) < 0)
		return fail("cannot read '%s': member '%s': %s", j->shard, j->key, fail_message());
	if (l->soft && n != l->soft)
		return fail("cannot read '%s': member '%s' has a soft label of %d classes, and "
		            "others of %d",
		    j->shard, j->key, n, l->soft);
	l->soft = n;
	return 0;
}

static int take(struct loading *l, struct job *j)
{
	struct dataset *d = l->d;
	int skip = judge(l, j);
	float *soft = NULL;
	if (skip)
		return skip < 0 ? -1 : 0;
	if (l->o->soft && take_soft_label(l, j, &soft) < 0) {
		free(soft);
		return -1;
	}
	if (d->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 1024;
		d->v = xrealloc(d->v, (size_t)l->cap, sizeof *d->v);
		l->of = xrealloc(l->of, (size_t)l->cap, sizeof *l->of);
	}
	l->of[d->n] = (struct origin){j->class, keep_name(l, j->shard)};
	struct item *it = &d->v[d->n++];
	*it =
	    (struct item){.key = j->key, .label = (int)j->cls, .content = j->content, .soft = soft};
	d->sizes_sum += (double)j->size;
	j->key = j->class = NULL;
	return store_put(d->store, it, &j->image, j->bytes, j->size);
}

static void fill(struct chunk *c, struct shard_reader *r, bool with_json)
{
	struct sample s;
	while (c->n < CHUNK && (c->got = fd2_shard_next(r, &s)) > 0)
		c->v[c->n++] = job_of(&s, with_json);
	if (c->got < 0)
		c->problem = xstrdup(fail_message());
}

/* Decodes the samples of `now` while it reads those of `next`. */
struct relay {
	struct chunk *now, *next;
	struct shard_reader *r;
	const struct dataset_options *o;
};

static struct fitting fitting_of(const struct dataset_options *o)
{
	return (struct fitting){o->fit, o->size, o->exact};
}

static void decode(struct job *j, const struct dataset_options *o)
{
	struct fitting how = fitting_of(o);
	if (fit_decode(&j->image, j->bytes, j->size, &how, &j->notes) < 0)
		j->problem = xstrdup(fail_message());
	j->content = hash_bytes(j->bytes, j->size);
}

static void pass_on(void *ctx, int i)
{
	struct relay *relay = ctx;
	if (i)
		decode(&relay->now->v[i - 1], relay->o);
	else if (relay->now->got > 0)
		fill(relay->next, relay->r, relay->o->soft);
}

/* Takes the chunk's images in order, unless the shard could not be read. Empties the chunk. */
static int take_all(struct loading *l, struct chunk *c)
{
	int err = c->got < 0 ? fail("%s", c->problem) : 0;
	for (int i = 0; i < c->n; i++) {
		if (!err)
			err = take(l, &c->v[i]);
		job_free(&c->v[i]);
	}
	free(c->problem);
	*c = (struct chunk){.got = 1};
	return err;
}

static int read_all(struct loading *l, struct shard_reader *r)
{
	struct chunk *a = xcalloc(1, sizeof *a), *b = xcalloc(1, sizeof *b);
	struct relay relay = {a, b, r, l->o};
	int err = 0;
	fill(a, r, l->o->soft);
	while (!err && (relay.now->n || relay.now->got < 0)) {
		struct chunk *now = relay.now;
		par_for(now->n + 1, pass_on, &relay);
		err = take_all(l, now);
		progress_at(l->d->n, NULL);
		relay.now = relay.next;
		relay.next = now;
	}
	for (int i = 0; i < relay.now->n; i++)
		job_free(&relay.now->v[i]);
	free(relay.now->problem);
	free(a);
	free(b);
	return err;
}

/* Fails: the class that image i has by its folder or number is not known. */
static int unknown_class(const struct loading *l, int i, const char *class)
{
	const struct item *it = &l->d->v[i];
	const char *who = l->o->known_by ? l->o->known_by : "the shard";
	int n = l->d->n_classes, least = it->label, most = it->label;
	if (class)
		return fail("'%s': class '%s' of '%s' is not one of the %d classes of %s",
		    l->of[i].shard, class, it->key, n, who);
	for (int k = 0; k < l->d->n; k++) {
		least = l->d->v[k].label < least ? l->d->v[k].label : least;
		most = l->d->v[k].label > most ? l->d->v[k].label : most;
	}
	return fail("'%s': the class of '%s' is number %d, and %s has %d classes, 0 to %d%s",
	    l->of[i].shard, it->key, it->label, who, n, n - 1,
	    least == 1 && most == n ? " (these labels count from 1)" : "");
}

/* Returns the class of image i: the index of its folder's class, or its number. -1: unknown. */
static int label_of(const struct loading *l, int i, const struct name_index *known)
{
	const char *class = l->of[i].folder ? fd2_shard_class(l->r, l->of[i].folder) : NULL;
	int k = class && known ? name_index_find(known, class) : l->d->v[i].label;
	return k < 0 || (known && k >= l->d->n_classes) ? unknown_class(l, i, class) : k;
}

/* Turns folders into indices of the known classes; bare numbers must be such indices. */
static int label_all(struct loading *l)
{
	struct dataset *d = l->d;
	struct name_index *known =
	    d->classes ? name_index_new((const char *const *)d->classes, d->n_classes) : NULL;
	int *label = xcalloc((size_t)d->n, sizeof *label), n = 0;
	while (n < d->n && (label[n] = label_of(l, n, known)) >= 0)
		n++;
	int err = n < d->n ? -1 : 0;
	for (int i = 0; i < n && !err; i++) {
		d->v[i].label = label[i];
		if (!known && label[i] >= d->n_classes)
			d->n_classes = label[i] + 1;
	}
	name_index_free(known);
	free(label);
	return err;
}

/* Names classes without names by their numbers. */
static int name_by_number(struct dataset *d)
{
	if (d->classes)
		return 0;
	if (d->n_classes > NUMBERS_MAX)
		return fail("the highest class number is %d; at most %d is taken", d->n_classes - 1,
		    NUMBERS_MAX - 1);
	d->numbered = true;
	d->classes = xcalloc((size_t)d->n_classes, sizeof *d->classes);
	for (int k = 0; k < d->n_classes; k++)
		d->classes[k] = xasprintf("%d", k);
	return 0;
}

static int load(struct loading *l)
{
	struct dataset *d = l->d;
	struct shard_reader *r = l->r;
	if (read_all(l, r) < 0)
		return -1;
	int n = l->o->n_known;
	const char *const *classes = l->o->known ? l->o->known : fd2_shard_classes(r, &n);
	if (classes) {
		d->n_classes = n;
		d->classes = names_copy(classes, n);
	}
	strcpy(d->digest, fd2_shard_digest(r));
	d->meta = json_incref(fd2_shard_meta(r));
	if (d->skipped)
		warn("skipped %d of %d images", d->skipped, d->skipped + d->n);
	if (d->recovered)
		warn("%d of %d images have errors that libjpeg recovered from; the first is %s",
		    d->recovered, d->n, l->recovered);
	if (!d->n)
		return fail("not one image could be read");
	if (label_all(l) < 0 || name_by_number(d) < 0)
		return -1;
	return !l->o->soft || l->soft == d->n_classes
	           ? 0
	           : fail("the soft labels are of %d classes, and the set has %d", l->soft,
	                 d->n_classes);
}

int dataset_read(struct dataset *d, char *const *paths, int n, const struct dataset_options *o)
{
	struct fitting how = fitting_of(o);
	*d = (struct dataset){
	    .store = store_new(&how, o->cache ? (size_t)o->cache << 20 : SIZE_MAX, o->jpegs)};
	struct loading l = {.d = d, .o = o, .r = fd2_shard_open(paths, n)};
	progress_start("read", "images", 0);
	int err = l.r ? load(&l) : -1;
	progress_end();
	for (int i = 0; i < d->n; i++)
		free(l.of[i].folder);
	free(l.of);
	names_free(l.shards, l.n_shards);
	free(l.recovered);
	if (l.r)
		fd2_shard_close(l.r);
	if (err)
		dataset_free(d);
	return err;
}
