/* fd2-look: shows what is in a shard, a tensor stream or a file of weights. See fd2-look(1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/input.h"
#include "formats/weights/state.h"
#include "lib/base/err.h"
#include "lib/base/provenance.h"
#include "lib/base/start.h"
#include "lib/data/describe.h"
#include "lib/data/survey.h"

static struct {
	const char *export, *tensor, *sheet;
	long columns, cell, per_class, limit;
	bool check, json;
} job = {.cell = 96, .per_class = 8};

static const struct opt opts[] = {
    {0, "cell", "PX", OPT_INT, &job.cell, "side of an image on the sheet", .min = 8, .max = 4096},
    {0, "check", NULL, OPT_FLAG, &job.check, "print nothing; read all, decode every image"},
    {0, "columns", "N", OPT_INT, &job.columns, "images per row of the sheet (0: fitted)", .min = 0,
        .max = 1000},
    {0, "export", "FILE", OPT_STRING, &job.export,
        "write weights as safetensors; of a teacher, the backbone", .file = FILE_WRITTEN},
    {0, "json", NULL, OPT_FLAG, &job.json, "print one line of JSON"},
    {0, "limit", "N", OPT_INT, &job.limit, "images on the sheet (0: all)", .min = 0,
        .max = 1000000},
    {0, "per-class", "N", OPT_INT, &job.per_class, "images per class on the sheet", .min = 1,
        .max = 1000000},
    {0, "sheet", "FILE", OPT_STRING, &job.sheet, "write the shard's images as one JPEG",
        .file = FILE_WRITTEN},
    {0, "tensor", "NAME", OPT_STRING, &job.tensor, "print this tensor's elements"},
    {0},
};

static const struct tool tool = {"fd2-look", "[options] [FILE...]",
    "Show what image shards, tensor streams and files of weights contain.", opts,
    .wants_stdin = true, .without = "device dtype seed"};

static void print_json(json_t *v)
{
	char *line = json_dumps(v, JSON_COMPACT | JSON_DECIMALS);
	puts(line);
	free(line);
	json_decref(v);
}

/* Prints text from a file, without anything that could drive the terminal. */
static void put_plain(const char *text)
{
	char *copy = plain_copy(text);
	fputs(copy, stdout);
	free(copy);
}

/* Prints "made by fd2-draw 0.1.0: classes=8 size=96", if the meta says so. */
static void print_maker(const json_t *meta)
{
	const char *maker = json_string_value(json_object_get(meta, "tool")),
	           *version = json_string_value(json_object_get(meta, "version"));
	const char *key, *separator = ":";
	json_t *v;
	if (!maker)
		return;
	fputs("made by ", stdout);
	put_plain(maker);
	putchar(' ');
	put_plain(version ? version : "");
	json_object_foreach (json_object_get(meta, "options"), key, v) {
		char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
		char *setting = xasprintf(
		    "%s %s=%s", separator, key, json_is_string(v) ? json_string_value(v) : text);
		put_plain(setting);
		free(setting);
		free(text);
		separator = "";
	}
	putchar('\n');
}

/* Reads the next tensor of a stream or of a file of weights. */
typedef int next_tensor(void *reader, struct array *a);

static int next_of_stream(void *reader, struct array *a)
{
	return fd2_stream_next(reader, a);
}

static int next_of_state(void *reader, struct array *a)
{
	return state_next(reader, a);
}

static int check_finite(const char *path, const struct array *a)
{
	const char *name = input_name_of(path);
	return array_finite(a) ? 0 : fail("'%s': tensor '%s' is not finite", name, a->name);
}

static int look_at_tensors(next_tensor *next, void *reader, const char *path, json_t *list)
{
	struct array a;
	bool found = false;
	int got, err = 0;
	while (!err && (got = next(reader, &a)) > 0) {
		if (job.check)
			err = check_finite(path, &a);
		if (job.tensor && !found && !strcmp(a.name, job.tensor)) {
			describe_values(&a);
			found = true;
		} else if (job.json) {
			json_array_append_new(list, describe_json(&a));
		} else if (!job.tensor && !job.check) {
			plain_text(a.name);
			describe(&a);
		}
		fd2_array_free(&a);
	}
	if (err || got || !job.tensor || found)
		return err ? err : got;
	return fail("'%s' holds no tensor '%s'", input_name_of(path), job.tensor);
}

static bool as_text(void)
{
	return !job.check && !job.json && !job.tensor;
}

static int look_at_stream(const char *path)
{
	struct stream_reader *r = fd2_stream_open(path, NULL);
	if (!r)
		return -1;
	json_t *list = json_array();
	if (as_text()) {
		fputs("tensor stream, kind ", stdout);
		put_plain(fd2_stream_kind(r));
		putchar('\n');
		print_maker(fd2_stream_meta(r));
		describe_head();
	}
	int err = look_at_tensors(next_of_stream, r, path, list);
	if (!err && job.json && !job.tensor)
		print_json(json_pack("{s:s, s:s, s:s, s:O, s:O}", "format", "fd2-stream", "kind",
		    fd2_stream_kind(r), "digest", fd2_stream_digest(r), "meta", fd2_stream_meta(r),
		    "tensors", list));
	json_decref(list);
	fd2_stream_close(r);
	return err;
}

static int look_at_weights(const char *path)
{
	struct state_reader *r = state_open_nested(path);
	if (!r)
		return -1;
	json_t *list = json_array();
	if (as_text()) {
		printf("weights, %s\n", state_format(r));
		print_maker(state_meta(r));
		describe_head();
	}
	int err = look_at_tensors(next_of_state, r, path, list);
	if (!err && job.json && !job.tensor)
		print_json(json_pack("{s:s, s:s, s:O?, s:O}", "format", state_format(r), "digest",
		    state_digest(r), "meta", state_meta(r), "tensors", list));
	json_decref(list);
	state_close(r);
	return err;
}

static void print_side(const char *name, long min, long max)
{
	printf(min == max ? "%s %ld" : "%s %ld to %ld", name, min, max);
}

static void print_sides(const struct survey *s)
{
	print_side("width", s->min_w, s->max_w);
	print_side(", height", s->min_h, s->max_h);
	puts(" pixels");
}

/* n: classes that the shard names. */
static void print_shard(const struct survey *s, int n, const json_t *meta)
{
	printf("image shard, %s of %s", counted(s->samples, "images").text,
	    counted(s->n, "classes").text);
	if (n > s->n)
		printf(" (of %d)", n);
	printf(", %.1f MB\n", s->bytes / 1e6);
	if (s->sized)
		print_sides(s);
	print_maker(meta);
	for (int i = 0; i < s->n; i++) {
		printf("%6ld  ", s->v[i].count);
		put_plain(s->v[i].name);
		putchar('\n');
	}
}

static json_t *shard_json(const struct survey *s, struct shard_reader *r)
{
	json_t *counts = json_object(), *meta = fd2_shard_meta(r);
	for (int i = 0; i < s->n; i++)
		json_object_set_new(counts, s->v[i].name, json_integer(s->v[i].count));
	return json_pack("{s:s, s:I, s:I, s:[II], s:[II], s:s, s:o, s:O?}", "format", "fd2-shard",
	    "samples", (json_int_t)s->samples, "bytes", (json_int_t)s->bytes, "width",
	    (json_int_t)s->min_w, (json_int_t)s->max_w, "height", (json_int_t)s->min_h,
	    (json_int_t)s->max_h, "digest", fd2_shard_digest(r), "classes", counts, "meta", meta);
}

static struct survey new_survey(void)
{
	return (struct survey){.decode = job.check,
	    .keep_side = job.sheet ? (int)job.cell : 0,
	    .per_class = job.per_class,
	    .most = job.limit};
}

/* Returns whether path is the partial file of a run, which can be shown although it has no end
 * yet. */
static bool is_unfinished(const char *path)
{
	const char *dot = strrchr(path, '.');
	struct stat st;
	return dot && !strcmp(dot, ".part") && as_text() && !stat(path, &st) && S_ISREG(st.st_mode);
}

static int look_at_unfinished(const char *path)
{
	struct survey s = new_survey();
	int err = survey_read_unfinished(&s, path);
	if (!err)
		warn("'%s' is incomplete: its run is not finished", path);
	if (!err && job.sheet)
		err = survey_sheet(&s, job.sheet, (int)job.columns, (int)job.cell);
	else if (!err)
		print_shard(&s, s.n, NULL);
	survey_free(&s);
	return err;
}

static int look_at_shards(char **paths, int n)
{
	struct shard_reader *r = fd2_shard_open(paths, n);
	struct survey s = new_survey();
	int classes;
	if (!r)
		return -1;
	int err = job.tensor
	              ? fail("'%s' is an image shard; --tensor expects a tensor stream", paths[0])
	              : survey_read(&s, r);
	fd2_shard_classes(r, &classes);
	if (!err && job.sheet)
		err = survey_sheet(&s, job.sheet, (int)job.columns, (int)job.cell);
	else if (!err && job.json)
		print_json(shard_json(&s, r));
	else if (!err && !job.check)
		print_shard(&s, classes, fd2_shard_meta(r));
	survey_free(&s);
	fd2_shard_close(r);
	return err;
}

enum what { NOTHING = -1, SHARD, STREAM, WEIGHTS };

/* Returns what a file holds; NOTHING: fail_message. */
static enum what what_is(const char *path)
{
	struct stat st;
	if (strcmp(path, "-") != 0 && (stat(path, &st) || S_ISDIR(st.st_mode)))
		return SHARD;
	struct input *in = input_open(path);
	int content = in ? input_content(in) : -1;
	bool foreign = content == CONTENT_EMPTY || content == CONTENT_JPEG ||
	               (content == CONTENT_OTHER && input_foreign(in));
	if (foreign)
		input_refuse(in, "a shard, a tensor stream or weights");
	input_close(in);
	if (content < 0 || foreign)
		return NOTHING;
	if (content == CONTENT_ZIP || content == CONTENT_PICKLE || content == CONTENT_SAFETENSORS)
		return WEIGHTS;
	return content == CONTENT_STREAM ? STREAM : SHARD;
}

static int export(const char *path)
{
	struct out *out = out_open(job.export, 0);
	return out ? state_export(path, out) : -1;
}

/* Shows the files: shards as one set of images, streams and weights one by one. */
static int look(char **paths, int n)
{
	if (job.export)
		return n == 1 ? export(paths[0]) : fail("--export expects one file, not %d", n);
	enum what what = what_is(paths[0]);
	if (what == SHARD && n == 1 && is_unfinished(paths[0]))
		return look_at_unfinished(paths[0]);
	if (what == SHARD)
		return look_at_shards(paths, n);
	if (what != NOTHING && job.sheet)
		return fail("'%s' holds tensors; --sheet expects an image shard", paths[0]);
	for (int i = 0; i < n; i++) {
		what = what_is(paths[i]);
		if (what == NOTHING ||
		    (what == WEIGHTS ? look_at_weights(paths[i]) : look_at_stream(paths[i])) < 0)
			return -1;
	}
	return 0;
}

/* Checks that only one thing is to be shown, checked or written. */
static void check_options(void)
{
	static const char *const of_sheet[] = {"cell", "columns", "limit", "per-class", NULL};
	static const char *const results[] = {"check", "export", "json", "sheet", "tensor"};
	const char *first = NULL;
	opts_need(of_sheet, job.sheet != NULL, "--sheet");
	for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
		bool given = opt_given(results[i]);
		if (given && first)
			die_usage("--%s and --%s exclude each other", first, results[i]);
		first = given ? results[i] : first;
	}
}

int main(int argc, char **argv)
{
	int first = fd2_start(&tool, argc, argv);
	char *standard[] = {"-"};
	check_options();
	return fd2_finish(first == argc ? look(standard, 1) : look(argv + first, argc - first));
}
