#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "formats/json.h"
#include "formats/shard/member-name.h"
#include "formats/shard/sample.h"
#include "formats/shard/shard-classes.h"
#include "lib/base/err.h"

/* A sample's name, kept to notice repetitions. */
struct key {
	const char *shard;
	bool image;
	char name[];
};

struct shard_reader {
	struct members *members;
	struct member member;
	struct group groups[2]; /* the sample handed out, and the one being collected */
	int now;                /* index of the one being collected */
	void *keys;             /* a search tree */
	struct shard_classes classes;
	char **shards; /* names that keys and folders point to */
	int n_shards;
	long in_path, in_part; /* number of samples in this path, and since its last __fd2__ */
	struct digest digest, part_digest;
	uint64_t digest_v1, part_digest_v1;
	long samples, counted_v1; /* counted_v1: those that an __fd2__ of version 1 has counted */
	json_t *meta;             /* the last __fd2__ */
	char hex[DIGEST_HEX];
	bool done;
};

static int is_needed(void *ctx, const char *shard, const char *name)
{
	(void)ctx;
	char key[SHARD_NAME_MAX + 1];
	enum part p = part_of(name, key);
	if (p == PART_FOREIGN)
		return fail("'%s': member '%s' is not a JPEG; 'fd2-import folder' converts images",
		    shard, name);
	return p >= 0 || !strcmp(name, SHARD_END);
}

struct shard_reader *fd2_shard_open(char *const *paths, int n)
{
	struct members *ms = members_open(paths, n, is_needed, NULL);
	if (!ms)
		return NULL;
	struct shard_reader *r = xcalloc(1, sizeof *r);
	r->members = ms;
	r->classes.highest = -1;
	digest_begin(&r->digest);
	digest_begin(&r->part_digest);
	return r;
}

/* Returns the path being read, as a string that lives as long as the reader. */
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

/* Ends the sample being collected. 1: it is in *s; 0: there was none, or one without an image; -1:
 * fail_message. */
static int close_group(struct shard_reader *r, struct sample *s)
{
	struct group *g = &r->groups[r->now];
	int got = 0;
	if (!g->open)
		return 0;
	if (remember_key(r, g) < 0 || group_sample(g, shard_name(r), s) < 0)
		return -1;
	if (!g->has[PART_IMAGE] && g->has[PART_CLS])
		return fail("'%s': member '%s.cls' has no image next to it; pack the members of "
		            "a sample one after another, as `tar --sort=name` does",
		    s->shard, g->key);
	if (s->image && shard_classes_take(&r->classes, s, g) < 0)
		return -1;
	if (s->image) {
		count_in(r, s);
		got = 1;
	}
	group_close(g);
	r->now ^= 1;
	return got;
}

/* Returns the format version: 1 if there is a digest but no version; 0 if there is neither. */
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

/* Ends a part of the set, and begins the next. */
static void end_part(struct shard_reader *r)
{
	r->in_part = 0;
	r->part_digest_v1 = 0;
	digest_begin(&r->part_digest);
}

static int take_meta(struct shard_reader *r)
{
	if (r->member.data.size > SHARD_META_MAX)
		return fail("'%s': its %s is larger than 16 MiB", shard_name(r), SHARD_END);
	json_t *meta = parse_json_object((const char *)r->member.data.data, r->member.data.size,
	    SHARD_VALUES_MAX, "'%s': its %s", shard_name(r), SHARD_END);
	json_decref(r->meta);
	r->meta = meta;
	if (!meta || check_version(r, meta) < 0)
		return -1;
	json_t *list = json_object_get(meta, "classes");
	if (list && !json_is_null(list) && shard_classes_list(&r->classes, shard_name(r), list) < 0)
		return -1;
	/* Users may remove images from an unpacked shard. */
	if (!members_in_folder(r->members) &&
	    (check_count(r, meta) < 0 || check_digest(r, meta) < 0))
		return -1;
	if (version_of(meta) == 1)
		r->counted_v1 += r->in_part;
	end_part(r);
	return 0;
}

static int end_path(struct shard_reader *r)
{
	if (!r->in_path)
		return fail("'%s' holds no image", shard_name(r));
	r->in_path = 0;
	end_part(r);
	return 0;
}

/* Handles what ended the last sample: the next's first member, the end of a path, or __fd2__. */
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
	return shard_classes_end(&r->classes, shard_name(r));
}

int fd2_shard_next(struct shard_reader *r, struct sample *s)
{
	char key[SHARD_NAME_MAX + 1];
	int event = MEMBER_END;
	while (!r->done && (event = members_next(r->members, &r->member)) > 0) {
		struct group *g = &r->groups[r->now];
		if (event == MEMBER_FOLDER) {
			shard_classes_see(&r->classes, r->member.name);
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

const char *fd2_shard_class(struct shard_reader *r, const char *folder)
{
	return shard_classes_of(&r->classes, folder);
}

const char *const *fd2_shard_classes(struct shard_reader *r, int *n)
{
	*n = r->classes.n_classes;
	return r->classes.classes;
}

const char *fd2_shard_digest(struct shard_reader *r)
{
	return r->hex;
}

void fd2_shard_close(struct shard_reader *r)
{
	members_close(r->members);
	tdestroy(r->keys, free);
	shard_classes_free(&r->classes);
	for (int i = 0; i < r->n_shards; i++)
		free(r->shards[i]);
	for (int i = 0; i < 2; i++)
		group_free(&r->groups[i]);
	free(r->member.data.data);
	free(r->shards);
	json_decref(r->meta);
	free(r);
}
