#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "formats/shard/member-name.h"
#include "formats/shard/sample.h"
#include "formats/shard/tree.h"
#include "lib/base/err.h"
#include "lib/base/names.h"

/* A sample's name, remembered to notice that it comes again. */
struct key {
	const char *shard;
	bool image;
	char name[];
};

/* A folder and, where its samples have a .cls, the number they agree on. */
struct folder {
	long cls; /* -1: none yet */
	const char *shard;
	char *class; /* at the end; NULL: a folder without samples that is not a class */
	char name[];
};

struct shard_reader {
	struct members *members;
	struct member member;
	struct group groups[2]; /* the sample handed out, and the one being collected */
	int now;                /* the latter */
	void *keys, *folders;   /* search trees */
	struct folder **v;      /* the folders in order of appearance, at the end one per class */
	int n_folders;
	char **seen; /* names of all folders, of which some may hold no sample */
	int n_seen;
	char **shards; /* names that keys and folders point to */
	int n_shards;
	long in_path, in_part; /* samples: of this path, and since its last __fd2__ */
	long numbers;          /* samples with a number and no folder */
	long highest;          /* such number */
	struct digest digest, part_digest;
	uint64_t digest_v1, part_digest_v1;
	long samples, counted_v1; /* counted_v1: those that an __fd2__ of version 1 has counted */
	json_t *meta, *list;    /* the last __fd2__ and the class list of the first that has one */
	const char *list_shard; /* where the list is from */
	const char **classes;
	int n_classes;
	char hex[DIGEST_HEX];
	bool done;
};

struct shard_reader *fd2_shard_open(char *const *paths, int n)
{
	struct members *ms = members_open(paths, n);
	if (!ms)
		return NULL;
	struct shard_reader *r = xcalloc(1, sizeof *r);
	r->members = ms;
	r->highest = -1;
	digest_begin(&r->digest);
	digest_begin(&r->part_digest);
	return r;
}

/* The path being read, as a string that outlives it. */
static const char *shard_name(struct shard_reader *r)
{
	const char *path = members_path(r->members);
	if (r->n_shards && !strcmp(r->shards[r->n_shards - 1], path))
		return r->shards[r->n_shards - 1];
	r->shards = xrealloc(r->shards, (size_t)r->n_shards + 1, sizeof *r->shards);
	return r->shards[r->n_shards++] = xstrdup(path);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct key *)a)->name, ((const struct key *)b)->name);
}

static int by_folder(const void *a, const void *b)
{
	return strcmp(((const struct folder *)a)->name, ((const struct folder *)b)->name);
}

static int remember_key(struct shard_reader *r, const struct group *g)
{
	struct key *k = xcalloc(1, sizeof *k + strlen(g->key) + 1), **found;
	strcpy(k->name, g->key);
	k->shard = shard_name(r);
	k->image = g->has[PART_IMAGE];
	found = tsearch(k, &r->keys, by_key);
	if (*found == k)
		return 0;
	struct key *earlier = *found;
	free(k);
	if (earlier->shard == shard_name(r))
		return fail("'%s': sample '%s' appears again with member '%s'; pack each sample "
		            "once, with its members next to each other, as "
		            "`tar --sort=name` does",
		    earlier->shard, g->key, g->last);
	if (earlier->image && g->has[PART_IMAGE])
		return fail(
		    "sample '%s' of '%s' is also in '%s'", g->key, shard_name(r), earlier->shard);
	if (g->has[PART_IMAGE]) {
		earlier->image = true;
		earlier->shard = shard_name(r);
	}
	return 0;
}

static struct folder *folder_of(struct shard_reader *r, const char *name)
{
	struct folder *f = xcalloc(1, sizeof *f + strlen(name) + 1), **found;
	strcpy(f->name, name);
	f->shard = shard_name(r);
	f->cls = -1;
	found = tsearch(f, &r->folders, by_folder);
	if (*found != f) {
		free(f);
		return *found;
	}
	r->v = xrealloc(r->v, (size_t)r->n_folders + 1, sizeof *r->v);
	return r->v[r->n_folders++] = f;
}

static int check_label(struct shard_reader *r, const struct sample *s, const struct group *g)
{
	if (!s->folder && s->cls < 0)
		return fail("'%s': member '%s' has no label (no folder and no %s.cls)%s", s->shard,
		    g->last, s->key,
		    strchr(g->last, '\\') ? ": it has backslashes where folders have '/'" : "");
	if (!s->folder) {
		r->numbers++;
		r->highest = s->cls > r->highest ? s->cls : r->highest;
		return 0;
	}
	struct folder *f = folder_of(r, s->folder);
	if (s->cls >= 0 && f->cls >= 0 && f->cls != s->cls)
		return fail("'%s': folder '%s' holds classes %ld and %ld by their .cls; a folder "
		            "is a class",
		    s->shard, s->folder, f->cls, s->cls);
	if (s->cls >= 0)
		f->cls = s->cls;
	return 0;
}

static void count_in(struct shard_reader *r, const struct sample *s)
{
	struct sample_sum sum;
	r->in_path++;
	r->in_part++;
	r->samples++;
	sample_sum(&sum, s);
	digest_add(&r->digest, sum.lines, sum.n);
	digest_add(&r->part_digest, sum.lines, sum.n);
	r->digest_v1 = digest_v1_add_sample(r->digest_v1, s);
	r->part_digest_v1 = digest_v1_add_sample(r->part_digest_v1, s);
}

/* Ends the sample being collected. 1: it is in *s; 0: there was none, or one without an image. */
static int close_group(struct shard_reader *r, struct sample *s)
{
	struct group *g = &r->groups[r->now];
	int err = 0;
	if (!g->open)
		return 0;
	if (remember_key(r, g) < 0 || group_sample(g, shard_name(r), s) < 0)
		return -1;
	if (!g->has[PART_IMAGE] && g->has[PART_CLS])
		return fail("'%s': member '%s.cls' has no image next to it; pack the members of "
		            "a sample one after another, as `tar --sort=name` does",
		    s->shard, g->key);
	if (s->image && check_label(r, s, g) < 0)
		return -1;
	if (s->image) {
		count_in(r, s);
		err = 1;
	}
	group_close(g);
	r->now ^= 1;
	return err;
}

static bool is_list(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!json_is_string(json_array_get(list, i)))
			return false;
	return json_is_array(list);
}

static const char *class_name(const json_t *list, size_t i)
{
	return json_string_value(json_array_get(list, i));
}

/* Names as members have them. */
static int make_normal(json_t *list, const char *shard)
{
	char name[MEMBER_NAME_MAX + 1];
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v) {
		if (member_name(name, shard, json_string_value(v)) < 0)
			return -1;
		if (strcmp(name, json_string_value(v)) != 0)
			json_array_set_new(list, i, json_string(name));
	}
	return 0;
}

static int take_list(struct shard_reader *r, json_t *list)
{
	const char *shard = shard_name(r);
	if (!is_list(list))
		return fail(
		    "'%s': the class list of its %s is not a list of names", shard, SHARD_END);
	if (make_normal(list, shard) < 0)
		return -1;
	if (!r->list) {
		r->list = json_incref(list);
		r->list_shard = shard;
		return 0;
	}
	size_t n = json_array_size(list), before = json_array_size(r->list);
	if (n != before)
		return fail(
		    "'%s' knows %zu classes where '%s' knows %zu", shard, n, r->list_shard, before);
	for (size_t i = 0; i < n; i++)
		if (strcmp(class_name(list, i), class_name(r->list, i)))
			return fail("class %zu is '%s' in '%s' and '%s' in '%s'", i,
			    class_name(list, i), shard, class_name(r->list, i), r->list_shard);
	return 0;
}

/* Version 1 has digests and no version; who gives neither is of no version. */
static json_int_t version_of(const json_t *meta)
{
	const json_t *version = json_object_get(meta, "format_version");
	return version ? json_integer_value(version) : json_object_get(meta, "digest") ? 1 : 0;
}

static int check_version(struct shard_reader *r, const json_t *meta)
{
	const json_t *version = json_object_get(meta, "format_version");
	json_int_t v = json_integer_value(version);
	if (version && (v < 1 || v > SHARD_VERSION))
		return fail("'%s' is an image shard of version %lld; this program reads versions 1 "
		            "and 2",
		    shard_name(r), (long long)v);
	return 0;
}

static int check_count(struct shard_reader *r, const json_t *meta)
{
	const char *shard = shard_name(r);
	const json_t *count = json_object_get(meta, "count");
	if (count && !json_is_integer(count))
		return fail("'%s': the count of its %s is not a number", shard, SHARD_END);
	if (count && !r->in_part && json_integer_value(count))
		return fail("'%s' has its %s before its samples; leave it out when you pack the "
		            "shard again",
		    shard, SHARD_END);
	if (count && json_integer_value(count) != r->in_part)
		return fail("'%s' holds %ld samples where its %s says %lld", shard, r->in_part,
		    SHARD_END, (long long)json_integer_value(count));
	return 0;
}

static int check_digest(struct shard_reader *r, const json_t *meta)
{
	const char *digest = json_string_value(json_object_get(meta, "digest"));
	char hex[DIGEST_HEX];
	if (version_of(meta) == 1)
		digest_v1_hex(hex, r->part_digest_v1);
	else
		digest_hex(hex, &r->part_digest);
	return !digest || !strcmp(digest, hex)
	           ? 0
	           : fail("'%s' is damaged: its samples are not those that its %s counted",
	                 shard_name(r), SHARD_END);
}

/* Everything until here is a part of the set, and what follows the next. */
static void end_part(struct shard_reader *r)
{
	r->in_part = 0;
	r->part_digest_v1 = 0;
	digest_begin(&r->part_digest);
}

static int take_meta(struct shard_reader *r)
{
	json_error_t why;
	if (r->member.data.size > SHARD_META_MAX)
		return fail("'%s': its %s is larger than 16 MiB", shard_name(r), SHARD_END);
	json_t *meta = json_loadb(
	    (const char *)r->member.data.data, r->member.data.size, JSON_REJECT_DUPLICATES, &why);
	json_decref(r->meta);
	r->meta = meta;
	if (!json_is_object(meta))
		return fail("'%s': its %s is not a JSON object: %s", shard_name(r), SHARD_END,
		    meta ? "another value" : why.text);
	if (check_version(r, meta) < 0)
		return -1;
	json_t *list = json_object_get(meta, "classes");
	if (list && !json_is_null(list) && take_list(r, list) < 0)
		return -1;
	/* Whoever unpacked a shard may take images away. */
	if (!members_in_folder(r->members) &&
	    (check_count(r, meta) < 0 || check_digest(r, meta) < 0))
		return -1;
	if (version_of(meta) == 1)
		r->counted_v1 += r->in_part;
	end_part(r);
	return 0;
}

static int by_class(const void *a, const void *b)
{
	return strcmp((*(struct folder *const *)a)->class, (*(struct folder *const *)b)->class);
}

/* Folders of one class have one number. Leaves the first of each class in r->v, sorted. */
static int merge_folders(struct shard_reader *r)
{
	int n = 0;
	qsort(r->v, (size_t)r->n_folders, sizeof(*r->v), by_class);
	for (int i = 0; i < r->n_folders; i++) {
		struct folder *f = r->v[i], *same = n ? r->v[n - 1] : NULL;
		if (!same || strcmp(same->class, f->class))
			r->v[n++] = f;
		else if (same->cls >= 0 && f->cls >= 0 && same->cls != f->cls)
			return fail("'%s': folders '%s' and '%s' hold classes %ld and %ld by their "
			            ".cls; a folder is a class",
			    f->shard, same->name, f->name, same->cls, f->cls);
		else if (f->cls >= 0)
			same->cls = f->cls;
	}
	r->n_folders = n;
	return 0;
}

/* Gives every folder its class. Without a class list, a class may have no sample. */
static int name_folders(struct shard_reader *r)
{
	int n = r->n_folders, named = 0;
	if (!n)
		return 0;
	for (int i = 0; i < r->n_seen && !r->list; i++)
		folder_of(r, r->seen[i]);
	struct tree_folder *v = xcalloc((size_t)r->n_folders, sizeof *v);
	for (int i = 0; i < r->n_folders; i++)
		v[i] = (struct tree_folder){r->v[i]->shard, r->v[i]->name, NULL};
	int err = tree_classes(v, n, r->n_folders - n);
	for (int i = 0; i < r->n_folders; i++)
		if ((r->v[i]->class = v[i].class))
			r->v[named++] = r->v[i];
	r->n_folders = named;
	free(v);
	return err ? err : merge_folders(r);
}

/* In the list, at the number of its samples. */
static int check_listed(
    struct shard_reader *r, const struct folder *f, const struct name_index *listed)
{
	int i = name_index_find(listed, f->class);
	if (i < 0)
		return fail("class '%s' of '%s' is not in the class list of '%s'", f->class,
		    f->shard, r->list_shard);
	return f->cls < 0 || f->cls == i
	           ? 0
	           : fail("'%s': the .cls of class '%s' say %ld where '%s' lists it as %d",
	                 f->shard, f->class, f->cls, r->list_shard, i);
}

static int listed_classes(struct shard_reader *r)
{
	int n = r->n_classes = (int)json_array_size(r->list), err = 0;
	r->classes = xcalloc((size_t)n, sizeof *r->classes);
	for (int i = 0; i < n; i++)
		r->classes[i] = class_name(r->list, (size_t)i);
	struct name_index *listed = name_index_new(r->classes, n);
	for (int i = 0; i < r->n_folders && !err; i++)
		err = check_listed(r, r->v[i], listed);
	name_index_free(listed);
	if (!err && r->highest >= n)
		err = fail("class %ld is not in the class list of '%s', which has %d", r->highest,
		    r->list_shard, n);
	return err;
}

static int folder_classes(struct shard_reader *r)
{
	if (!r->n_folders)
		return 0;
	if (r->numbers)
		return fail("'%s' has labels by number alone, and '%s' by folder", shard_name(r),
		    r->v[0]->shard);
	r->n_classes = r->n_folders;
	r->classes = xcalloc((size_t)r->n_folders, sizeof *r->classes);
	for (int i = 0; i < r->n_folders; i++)
		r->classes[i] = r->v[i]->class;
	return 0;
}

const char *fd2_shard_class(struct shard_reader *r, const char *name)
{
	struct folder *f = xcalloc(1, sizeof *f + strlen(name) + 1), **found;
	strcpy(f->name, name);
	found = tfind(f, &r->folders, by_folder);
	free(f);
	return found ? (*found)->class : NULL;
}

static int is_needed(const char *shard, const char *name)
{
	char key[SHARD_NAME_MAX + 1];
	enum part p = part_of(name, key);
	if (p == PART_FOREIGN)
		return fail("'%s': member '%s' is not a JPEG; 'fd2-import folder' converts images",
		    shard, name);
	return p >= 0 || !strcmp(name, SHARD_END);
}

static void see_folder(struct shard_reader *r)
{
	if (!*r->member.name || is_hidden(r->member.name)) /* "": of "./" */
		return;
	r->seen = xrealloc(r->seen, (size_t)r->n_seen + 1, sizeof *r->seen);
	r->seen[r->n_seen++] = xstrdup(r->member.name);
}

static int end_path(struct shard_reader *r)
{
	if (!r->in_path)
		return fail("'%s' holds no image", shard_name(r));
	r->in_path = 0;
	end_part(r);
	return 0;
}

/* What ended the last sample: the first member of the next, the end of a path, or __fd2__. */
static int go_on(struct shard_reader *r, int event, enum part p, const char *key)
{
	if (event == MEMBER_PATH_END)
		return end_path(r);
	return p < 0 ? take_meta(r)
	             : group_take(&r->groups[r->now], shard_name(r), p, key, &r->member);
}

static int finish(struct shard_reader *r)
{
	if (r->samples && r->counted_v1 == r->samples)
		digest_v1_hex(r->hex, r->digest_v1);
	else
		digest_hex(r->hex, &r->digest);
	r->done = true;
	if (name_folders(r) < 0)
		return -1;
	return r->list ? listed_classes(r) : folder_classes(r);
}

int fd2_shard_next(struct shard_reader *r, struct sample *s)
{
	char key[SHARD_NAME_MAX + 1];
	int event = MEMBER_END;
	while (!r->done && (event = members_next(r->members, &r->member, is_needed)) > 0) {
		struct group *g = &r->groups[r->now];
		if (event == MEMBER_FOLDER) {
			see_folder(r);
			continue;
		}
		enum part p = event == MEMBER_FILE ? part_of(r->member.name, key) : PART_NONE;
		if (p >= 0 && g->open && !strcmp(key, g->key)) {
			if (group_take(g, shard_name(r), p, key, &r->member) < 0)
				return -1;
			continue;
		}
		int closed = close_group(r, s);
		if (closed < 0 || go_on(r, event, p, key) < 0)
			return -1;
		if (closed)
			return 1;
	}
	return r->done ? 0 : event < 0 ? -1 : finish(r);
}

json_t *fd2_shard_meta(struct shard_reader *r)
{
	return r->meta;
}

const char *const *fd2_shard_classes(struct shard_reader *r, int *n)
{
	*n = r->n_classes;
	return r->classes;
}

const char *fd2_shard_digest(struct shard_reader *r)
{
	return r->hex;
}

static void free_folder(void *p)
{
	free(((struct folder *)p)->class);
	free(p);
}

void fd2_shard_close(struct shard_reader *r)
{
	members_close(r->members);
	tdestroy(r->keys, free);
	tdestroy(r->folders, free_folder);
	for (int i = 0; i < r->n_shards; i++)
		free(r->shards[i]);
	for (int i = 0; i < r->n_seen; i++)
		free(r->seen[i]);
	free(r->seen);
	for (int i = 0; i < 2; i++)
		group_free(&r->groups[i]);
	free(r->member.data.data);
	free(r->shards);
	free(r->v);
	free(r->classes);
	json_decref(r->meta);
	json_decref(r->list);
	free(r);
}
