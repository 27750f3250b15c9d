#include "lib/data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/par.h"
#include "lib/base/progress.h"

enum {
	CHUNK = 128,          /* samples held compressed at a time */
	NUMBERS_MAX = 100000, /* classes without names */
};

/* A sample on its way: its bytes, then its image or the reason why there is none. */
struct job {
	uint8_t *bytes;
	size_t size;
	char *shard, *key, *class;
	long cls;
	struct image image;
	char *problem;
};

struct chunk {
	struct job v[CHUNK];
	int n;
	int got;       /* what shard_next said last */
	char *problem; /* got < 0: why */
};

static struct job job_of(const struct sample *s)
{
	struct job j = {.size = s->image_size,
	    .cls = s->cls,
	    .shard = xstrdup(s->shard),
	    .key = xstrdup(s->key)};
	j.class = s->class_name ? xstrdup(s->class_name) : NULL;
	j.bytes = xmalloc(s->image_size + 1);
	memcpy(j.bytes, s->image, s->image_size);
	return j;
}

static void job_free(struct job *j)
{
	free(j->bytes);
	free(j->shard);
	free(j->key);
	free(j->class);
	free(j->problem);
	image_free(&j->image);
	*j = (struct job){0};
}

/* The class's name waits in `class_of` until all names are known. */
struct loading {
	struct dataset *d;
	const struct dataset_options *o;
	char **class_of;
	int cap;
};

static int take(struct loading *l, struct job *j)
{
	struct dataset *d = l->d;
	if (j->problem) {
		d->skipped++;
		if (l->o->strict)
			return fail(
			    "cannot read '%s': member '%s': %s", j->shard, j->key, j->problem);
		warn("skipped member '%s' of '%s': %s", j->key, j->shard, j->problem);
		return 0;
	}
	if (d->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 1024;
		d->v = xrealloc(d->v, (size_t)l->cap, sizeof *d->v);
		l->class_of = xrealloc(l->class_of, (size_t)l->cap, sizeof *l->class_of);
	}
	l->class_of[d->n] = j->class;
	struct item *it = &d->v[d->n++];
	*it = (struct item){.key = j->key, .label = (int)j->cls};
	d->sizes_sum += (double)j->size;
	j->key = j->class = NULL;
	return store_put(d->store, it, &j->image, j->bytes, j->size);
}

static void fill(struct chunk *c, struct shard_reader *r)
{
	struct sample s;
	while (c->n < CHUNK && (c->got = shard_next(r, &s)) > 0)
		c->v[c->n++] = job_of(&s);
	if (c->got < 0)
		c->problem = xstrdup(fail_message());
}

/* Samples are decoded while the next ones arrive. */
struct relay {
	struct chunk *now, *next;
	struct shard_reader *r;
	const struct dataset_options *o;
};

static void decode(struct job *j, const struct dataset_options *o)
{
	if (fit_decode(&j->image, j->bytes, j->size, o->fit, o->size) < 0)
		j->problem = xstrdup(fail_message());
}

static void pass_on(void *ctx, int i)
{
	struct relay *relay = ctx;
	if (i)
		decode(&relay->now->v[i - 1], relay->o);
	else if (relay->now->got > 0)
		fill(relay->next, relay->r);
}

/* Takes the chunk's images in their order, unless the shard could not be read; the chunk is
 * empty then. */
static int take_all(struct loading *l, struct chunk *c)
{
	int ok = c->got < 0 ? fail("%s", c->problem) : 0;
	for (int i = 0; i < c->n; i++) {
		if (!ok)
			ok = take(l, &c->v[i]);
		job_free(&c->v[i]);
	}
	free(c->problem);
	*c = (struct chunk){.got = 1};
	return ok;
}

static int read_all(struct loading *l, struct shard_reader *r)
{
	struct chunk *a = xcalloc(1, sizeof *a), *b = xcalloc(1, sizeof *b);
	struct relay relay = {a, b, r, l->o};
	int ok = 0;
	fill(a, r);
	while (!ok && (relay.now->n || relay.now->got < 0)) {
		struct chunk *now = relay.now;
		par_for(now->n + 1, pass_on, &relay);
		ok = take_all(l, now);
		progress_at(l->d->n, "images");
		relay.now = relay.next;
		relay.next = now;
	}
	for (int i = 0; i < relay.now->n; i++)
		job_free(&relay.now->v[i]);
	free(relay.now->problem);
	free(a);
	free(b);
	return ok;
}

static int find(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

/* Folder names become indices into the known classes; bare numbers must be such indices. */
static int label_all(struct loading *l)
{
	struct dataset *d = l->d;
	const char *who = l->o->known_by ? l->o->known_by : "the shard";
	for (int i = 0; i < d->n; i++) {
		struct item *it = &d->v[i];
		int k = l->class_of[i] && d->classes
		            ? find((const char *const *)d->classes, d->n_classes, l->class_of[i])
		            : it->label;
		if (k < 0 || (d->classes && k >= d->n_classes))
			return fail("class '%s' of '%s' is none of the %d that %s knows",
			    l->class_of[i] ? l->class_of[i] : "(a number)", it->key, d->n_classes,
			    who);
		it->label = k;
		if (!d->classes && k >= d->n_classes)
			d->n_classes = k + 1;
	}
	return 0;
}

/* Classes without names are called by their numbers. */
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

static void copy_classes(struct dataset *d, const char *const *names, int n)
{
	if (!names)
		return;
	d->n_classes = n;
	d->classes = xcalloc((size_t)n, sizeof *d->classes);
	for (int i = 0; i < n; i++)
		d->classes[i] = xstrdup(names[i]);
}

static int load(struct loading *l, struct shard_reader *r)
{
	struct dataset *d = l->d;
	if (read_all(l, r) < 0)
		return -1;
	int n;
	const char *const *own = shard_classes(r, &n);
	copy_classes(d, l->o->known ? l->o->known : own, l->o->known ? l->o->n_known : n);
	strcpy(d->digest, shard_digest(r));
	d->meta = json_incref(shard_meta(r));
	if (d->skipped)
		warn("skipped %d of %d images", d->skipped, d->skipped + d->n);
	if (!d->n)
		return fail("not one image could be read");
	return label_all(l) < 0 ? -1 : name_by_number(d);
}

int dataset_read(struct dataset *d, char *const *paths, int n, const struct dataset_options *o)
{
	*d = (struct dataset){.store = store_new(o->fit, o->size,
	                          o->cache ? (size_t)o->cache << 20 : SIZE_MAX, o->jpegs)};
	struct loading l = {.d = d, .o = o};
	struct shard_reader *r = shard_open(paths, n);
	progress_start("read", 0);
	int ok = r ? load(&l, r) : -1;
	progress_end();
	for (int i = 0; i < d->n; i++)
		free(l.class_of[i]);
	free(l.class_of);
	if (r)
		shard_close(r);
	if (ok < 0)
		dataset_free(d);
	return ok;
}

void dataset_free(struct dataset *d)
{
	for (int i = 0; i < d->n; i++) {
		free(d->v[i].key);
		image_free(&d->v[i].image);
	}
	for (int i = 0; d->classes && i < d->n_classes; i++)
		free(d->classes[i]);
	free(d->v);
	free(d->classes);
	json_decref(d->meta);
	store_free(d->store);
	*d = (struct dataset){0};
}

int dataset_empty_classes(const struct dataset *d, const char **first)
{
	bool *has = xcalloc((size_t)d->n_classes, sizeof *has);
	int empty = 0;
	for (int i = 0; i < d->n; i++)
		has[d->v[i].label] = true;
	for (int k = d->n_classes; k-- > 0;)
		if (!has[k]) {
			*first = d->classes[k];
			empty++;
		}
	free(has);
	return empty;
}

int dataset_check_classes(const struct dataset *d)
{
	const char *first, *hint = d->numbered ? " (are the numbers counted from 1?)" : "";
	int n = dataset_empty_classes(d, &first);
	return n == 0   ? 0
	       : n == 1 ? fail("class '%s' has no image%s", first, hint)
	                : fail("%d of %d classes have no image, '%s' is one%s", n, d->n_classes,
	                      first, hint);
}

void dataset_warn_missing(const struct dataset *d)
{
	const char *first;
	int n = dataset_empty_classes(d, &first);
	if (n)
		warn("no image of %d of the %d classes ('%s'%s): is a part missing?", n,
		    d->n_classes, first, n > 1 ? " ..." : "");
}

static int by_class_and_key(const void *a, const void *b)
{
	const struct item *p = a, *q = b;
	return p->label != q->label ? p->label - q->label : strcmp(p->key, q->key);
}

void dataset_sort(struct dataset *d)
{
	qsort(d->v, (size_t)d->n, sizeof *d->v, by_class_and_key);
}
