/* fd2-stat: measures what FD2's constraints aim at: distances of representations and of attention
 * maps, attention on true parts. */
#include <stdlib.h>
#include <string.h>

#include "formats/input.h"
#include "formats/json.h"
#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/names.h"
#include "lib/base/start.h"
#include "lib/data/attention-measures.h"
#include "lib/data/separation-text.h"

static struct {
	const char *out, *protos, *boxes, *real, *per_class;
	long group;
	bool separation;
} job;

static const struct opt opts[] = {
    {'o', "output", "FILE", OPT_STRING, &job.out, "write the JSON line to FILE",
        .file = FILE_WRITTEN, .unrecorded = true},
    {'p', "protos", "FILE", OPT_STRING, &job.protos, "also distances to these prototypes",
        .file = FILE_READ},
    {0, "boxes", "SHARD", OPT_STRING, &job.boxes,
        "also attention inside the true parts of this shard", .file = FILE_READ},
    {'g', "group", "N", OPT_INT, &job.group, "pairs within groups of N only (0: any of a class)",
        .min = 0, .max = 64},
    {0, "separation", NULL, OPT_FLAG, &job.separation,
        "also how far classes are apart, and the images of a class"},
    {'r', "real", "FILE", OPT_STRING, &job.real, "also the separation of these real images",
        .file = FILE_READ},
    {0, "per-class", "FILE", OPT_STRING, &job.per_class, "write a table with a line per class",
        .file = FILE_WRITTEN, .unrecorded = true},
    {0},
};

static const char **class_names(json_t *meta, int64_t n)
{
	json_t *list = json_object_get(meta, "classes");
	const char **names = xcalloc((size_t)n + 1, sizeof *names);
	for (int64_t k = 0; k < n; k++) {
		const char *s = json_string_value(json_array_get(list, (size_t)k));
		names[k] = s ? s : "";
	}
	return names;
}

static int add_prototypes(json_t *result, const struct attn_set *set)
{
	const char *teacher = NULL;
	struct prototype_distances d;
	struct array a;
	int got = 0, err = 0;
	bool found = false;
	struct stream_reader *r = fd2_stream_open(job.protos, "protos");
	if (!r)
		return -1;
	json_unpack(fd2_stream_meta(r), "{s:{s:s}}", "inputs", "teacher", &teacher);
	if (!teacher || strcmp(teacher, set->teacher)) {
		fd2_stream_close(r);
		return fail(
		    "'%s' was made from another teacher than the attention maps", job.protos);
	}
	while (!err && (got = fd2_stream_next(r, &a)) > 0) {
		if (a.rank == 2 && a.dtype == DT_F32 && set->n &&
		    a.shape[1] == set->v[0].features.shape[0]) {
			const char **names = class_names(fd2_stream_meta(r), a.shape[0]);
			err = prototype_distances(&d, set, &a, names);
			free(names);
			found = true;
		}
		fd2_array_free(&a);
	}
	fd2_stream_close(r);
	if (got < 0 || err < 0)
		return -1;
	if (!found)
		return fail(
		    "'%s' has no prototypes of the size of the representations", job.protos);
	json_object_set_new(result, "own_prototype", json_real_or_null(d.own));
	json_object_set_new(result, "other_prototypes", json_real_or_null(d.others));
	json_object_set_new(result, "nearest_other", json_real_or_null(d.nearest));
	json_object_set_new(result, "nearest_right", json_real_or_null(d.nearest_right));
	return 0;
}

/* Adds one sample, whose .json is {"part":[x0,y0,x1,y1],"width":..,"height":..}. */
static int add_box(
    const struct sample *s, const struct attn_set *set, double *inside, double *area, int *n)
{
	double p[4], w, h;
	const size_t values = 1 << 16; /* room for anything else that is said of the image */
	json_t *o = s->json ? parse_json_object((const char *)s->json, s->json_size, values,
	                          "the .json of '%s'", s->key)
	                    : NULL;
	int bad = !o || json_unpack(o, "{s:[FFFF], s:F, s:F}", "part", &p[0], &p[1], &p[2], &p[3],
	                    "width", &w, "height", &h);
	json_decref(o);
	if (bad || !(w > 0 && h > 0))
		return fail("image '%s' of '%s' has no part box in its .json", s->key, s->shard);
	double box[4] = {p[0] / w, p[1] / h, p[2] / w, p[3] / h};
	for (int i = 0; i < set->n; i++)
		if (!strcmp(set->v[i].key, s->key)) {
			*inside += mass_inside(&set->v[i].map, box);
			*area += (box[2] - box[0]) * (box[3] - box[1]);
			++*n;
		}
	return 0;
}

static int add_boxes(json_t *result, const struct attn_set *set)
{
	char *paths[] = {(char *)job.boxes};
	struct sample s;
	double inside = 0, area = 0;
	int got, n = 0, err = 0;
	if (set->n && !set->v[0].map.data)
		return fail("--boxes needs attention maps, not features");
	struct shard_reader *r = fd2_shard_open(paths, 1);
	if (!r)
		return -1;
	while (!err && (got = fd2_shard_next(r, &s)) > 0)
		err = add_box(&s, set, &inside, &area, &n);
	if (!err && !got && set->images && digests_differ(set->images, fd2_shard_digest(r)))
		warn("'%s' holds other images than those of the attention maps", job.boxes);
	fd2_shard_close(r);
	if (err < 0 || got < 0)
		return -1;
	if (!n)
		return fail(
		    "'%s' has none of the images whose attention maps were given", job.boxes);
	json_object_set_new(result, "part_mass", json_real_or_null(inside / n));
	json_object_set_new(result, "part_area", json_real_or_null(area / n));
	return 0;
}

static int compatible(const struct attn_set *set, const struct attn_set *real)
{
	if (!set->n || !real->n)
		return fail("'%s' has no images", real->n ? "the input" : job.real);
	if (strcmp(set->teacher, real->teacher) != 0)
		return fail("'%s' was made by another teacher", job.real);
	if (!set->v[0].map.data != !real->v[0].map.data ||
	    set->v[0].features.size != real->v[0].features.size)
		return fail("'%s' has features of another kind", job.real);
	return 0;
}

/* Adds the results of --separation, --real and --per-class. */
static int add_separation(json_t *result, const struct attn_set *set, const char *path)
{
	struct separation sets[2] = {{0}};
	char *names[] = {set_name(path), job.real ? set_name(job.real) : NULL};
	struct attn_set real = {0};
	int group = (int)job.group, err = 0;
	separation_of(&sets[0], set);
	separation_add(result, &sets[0], set, group);
	if (job.real)
		err = attn_read(&real, job.real);
	if (job.real && !err)
		err = compatible(set, &real);
	if (job.real && !err) {
		json_t *o = json_pack("{s:i}", "images", real.n);
		separation_of(&sets[1], &real);
		separation_add(o, &sets[1], &real, group);
		json_object_set_new(result, "real", o);
		json_object_set_new(
		    result, "nearest_accuracy", json_real_or_null(nearest_accuracy(set, &real)));
	}
	if (job.per_class && !err)
		err = separation_write(job.per_class, sets, names, job.real ? 2 : 1);
	for (int i = 0; i < 2; i++) {
		separation_free(&sets[i]);
		free(names[i]);
	}
	attn_free(&real);
	return err;
}

static int print(json_t *result)
{
	char *text = json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(6));
	struct out *out = out_open(job.out, OUT_TEXT);
	int err = out ? out_write(out, text, strlen(text)) : -1;
	if (!err)
		err = out_write(out, "\n", 1);
	free(text);
	if (out && out_close(out) < 0)
		err = -1;
	return err;
}

/* Fails for options for which the stream lacks data. */
static int check(const struct attn_set *set, const char *attn)
{
	if (job.group && set->n && !set->v[0].map.data)
		return fail("--group needs attention maps, not features");
	if (job.boxes && set->cut > 0)
		return fail("--boxes needs the attention of whole images, and that of '%s' is "
		            "without their border (fd2-attn --cut)",
		    input_name_of(attn));
	return 0;
}

static int run(const char *attn)
{
	struct attn_set set;
	if ((job.out && out_try(job.out, OUT_TEXT) < 0) || attn_read(&set, attn) < 0)
		return -1;
	json_t *result = json_pack("{s:i, s:o, s:o}", "images", set.n, "intra_class_attention",
	    json_real_or_null(intra_class_attention(&set, (int)job.group)), "intra_class_location",
	    json_real_or_null(intra_class_location(&set, (int)job.group)));
	if (set.cut > 0)
		json_object_set_new(result, "cut", json_real(set.cut));
	int err = check(&set, attn);
	if (!err && job.protos)
		err = add_prototypes(result, &set);
	if (!err && job.boxes)
		err = add_boxes(result, &set);
	if (!err && (job.separation || job.real || job.per_class))
		err = add_separation(result, &set, attn);
	if (!err)
		err = print(result);
	json_decref(result);
	attn_free(&set);
	return err;
}

int main(int argc, char **argv)
{
	const struct tool tool = {"fd2-stat", "[options] [ATTN]",
	    "Measure the distances of representations and attention maps.", opts,
	    .wants_stdin = true, .without = "device dtype seed"};
	int first = fd2_start(&tool, argc, argv);
	if (argc - first > 1)
		die_usage("expected one attention stream");
	return fd2_finish(run(argc > first ? argv[first] : NULL));
}
