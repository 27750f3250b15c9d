/* fd2-look: what is in a shard or a tensor stream. See fd2-look(1). */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/input.h"
#include "formats/shard.h"
#include "formats/stream.h"
#include "lib/base/err.h"
#include "lib/base/opts.h"
#include "lib/base/out.h"
#include "lib/image/draw.h"
#include "lib/image/image.h"

enum { SHEET_QUALITY = 90 };

static struct {
	const char *tensor, *sheet;
	long columns, cell, per_class, limit;
	bool check, json;
} job = {.columns = 8, .cell = 96, .per_class = 8};

static const struct opt opts[] = {
    {0, "cell", "PX", OPT_INT, &job.cell, "side of an image on the sheet", .min = 8, .max = 4096},
    {0, "check", NULL, OPT_FLAG, &job.check, "print nothing; read all, decode every image"},
    {0, "columns", "N", OPT_INT, &job.columns, "images in a row of the sheet", .min = 1, .max = 1000},
    {0, "json", NULL, OPT_FLAG, &job.json, "one line of JSON instead of text"},
    {0, "limit", "N", OPT_INT, &job.limit, "images on the sheet (0: all)", .min = 0, .max = 1000000},
    {0, "per-class", "N", OPT_INT, &job.per_class, "images of a class on the sheet", .min = 1, .max = 1000000},
    {0, "sheet", "FILE", OPT_STRING, &job.sheet, "write the shard's images as one JPEG"},
    {0, "tensor", "NAME", OPT_STRING, &job.tensor, "print this tensor of the stream"},
    {0},
};

static const struct tool tool = {"fd2-look", "[options] [FILE...]", "Show what is in image shards or tensor streams.", opts, true};

static void print_json(json_t *v)
{
	char *line = json_dumps(v, JSON_COMPACT);
	puts(line);
	free(line);
	json_decref(v);
}

/* "made by fd2-draw 0.1.0: classes=8 size=96", when the meta say so. */
static void print_maker(const json_t *meta)
{
	const char *maker = json_string_value(json_object_get(meta, "tool")),
	           *version = json_string_value(json_object_get(meta, "version"));
	const char *key, *separator = ":";
	json_t *v;
	if (!maker)
		return;
	printf("made by %s %s", maker, version ? version : "");
	json_object_foreach(json_object_get(meta, "options"), key, v)
	{
		char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
		printf("%s %s=%s", separator, key, json_is_string(v) ? json_string_value(v) : text);
		free(text);
		separator = "";
	}
	putchar('\n');
}

/* --- streams --------------------------------------------------------------------------------------------------------------------
 */

struct summary {
	double min, max, sum;
	int64_t finite, others;
};

static struct summary summarise(const struct array *a)
{
	struct summary s = {.min = DBL_MAX, .max = -DBL_MAX};
	for (int64_t i = 0, n = array_count(a); i < n; i++) {
		double v = array_at(a, i);
		if (!isfinite(v)) {
			s.others++;
			continue;
		}
		s.finite++;
		s.sum += v;
		s.min = fmin(s.min, v);
		s.max = fmax(s.max, v);
	}
	return s;
}

static void describe(const struct array *a)
{
	char shape[160] = "[";
	for (int i = 0; i < a->rank; i++) {
		size_t n = strlen(shape);
		snprintf(shape + n, sizeof shape - n, i ? ",%lld" : "%lld", (long long)a->shape[i]);
	}
	struct summary s = summarise(a);
	printf("%-40s %-4s %-18s", a->name, dtype_name(a->dtype), strcat(shape, "]"));
	if (s.finite)
		printf(" %11.4g %11.4g %11.4g", s.min, s.sum / (double)s.finite, s.max);
	if (s.others)
		printf("  %lld not finite", (long long)s.others);
	putchar('\n');
}

static json_t *described(const struct array *a)
{
	struct summary s = summarise(a);
	json_t *shape = json_array();
	for (int i = 0; i < a->rank; i++)
		json_array_append_new(shape, json_integer(a->shape[i]));
	json_t *o = json_pack("{s:s, s:s, s:o}", "name", a->name, "dtype", dtype_name(a->dtype), "shape", shape);
	if (s.finite)
		json_object_update_new(
		    o, json_pack("{s:f, s:f, s:f}", "min", s.min, "mean", s.sum / (double)s.finite, "max", s.max));
	if (s.others)
		json_object_set_new(o, "not_finite", json_integer(s.others));
	return o;
}

/* One line for each row of the last axis; an empty line between matrices. */
static void print_values(const struct array *a)
{
	int64_t n = array_count(a), row = a->rank ? a->shape[a->rank - 1] : 1, rows = a->rank > 1 ? a->shape[a->rank - 2] : 1;
	for (int64_t i = 0; i < n; i++) {
		if (i && i % (row * rows) == 0 && a->rank > 2)
			putchar('\n');
		printf("%.*g%c", a->dtype == DT_F64 || a->dtype == DT_I64 ? 17 : 9, array_at(a, i), (i + 1) % row ? ' ' : '\n');
	}
}

static int look_at_tensors(struct stream_reader *r, const char *name, json_t *list)
{
	struct array a;
	bool found = false;
	int got;
	while ((got = stream_next(r, &a)) > 0) {
		if (job.tensor && !found && !strcmp(a.name, job.tensor)) {
			print_values(&a);
			found = true;
		} else if (job.json) {
			json_array_append_new(list, described(&a));
		} else if (!job.tensor && !job.check) {
			describe(&a);
		}
		array_free(&a);
	}
	return got || !job.tensor || found ? got : fail("'%s' holds no tensor '%s'", name, job.tensor);
}

static int look_at_stream(const char *path)
{
	struct stream_reader *r = stream_open(path, NULL);
	if (!r)
		return -1;
	bool text = !job.check && !job.json && !job.tensor;
	json_t *list = json_array();
	if (text) {
		printf("tensor stream, kind %s\n", stream_kind(r));
		print_maker(stream_meta(r));
		printf("%-40s %-4s %-18s %11s %11s %11s\n", "name", "type", "shape", "min", "mean", "max");
	}
	int ok = look_at_tensors(r, strcmp(path, "-") ? path : "standard input", list);
	if (!ok && job.json && !job.tensor)
		print_json(json_pack("{s:s, s:s, s:s, s:O, s:O}", "format", "fd2-stream", "kind", stream_kind(r), "digest",
		    stream_digest(r), "meta", stream_meta(r), "tensors", list));
	json_decref(list);
	stream_close(r);
	return ok;
}

/* --- shards ---------------------------------------------------------------------------------------------------------------------
 */

/* What is counted of one class, and its images on the sheet. */
struct class
{
	char *name;
	long count;
	struct image *images;
	int n;
};

struct shard {
	struct class *v;
	int n;
	long samples, on_sheet;
	long min_w, max_w, min_h, max_h, sized;
	double bytes;
};

/* Width and height from the first frame header of a JPEG. */
static bool jpeg_sides(const uint8_t *b, size_t n, long *w, long *h)
{
	size_t at = 2;
	while (at + 9 < n && b[at] == 0xff) {
		uint8_t marker = b[at + 1];
		bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
		if (frame) {
			*h = b[at + 5] << 8 | b[at + 6];
			*w = b[at + 7] << 8 | b[at + 8];
			return *w && *h;
		}
		at += marker == 0xff ? 1 : 2 + (size_t)(b[at + 2] << 8 | b[at + 3]);
	}
	return false;
}

static struct class *class_of(struct shard *s, const struct sample *sample)
{
	char number[24];
	snprintf(number, sizeof number, "%ld", sample->cls);
	const char *name = sample->class ? sample->class : number;
	for (int i = s->n; i-- > 0;) /* from the last: samples of a class are mostly neighbours */
		if (!strcmp(s->v[i].name, name))
			return &s->v[i];
	s->v = xrealloc(s->v, (size_t)s->n + 1, sizeof *s->v);
	s->v[s->n] = (struct class){.name = xstrdup(name)};
	return &s->v[s->n++];
}

static void put_on_sheet(struct shard *s, struct class *c, const struct sample *sample)
{
	struct image im;
	if (!job.sheet || c->n == job.per_class || (job.limit && s->on_sheet == job.limit))
		return;
	if (jpeg_decode(&im, sample->image, sample->image_size, (int)job.cell) < 0) {
		warn("left out '%s' of '%s': %s", sample->key, sample->shard, fail_message());
		return;
	}
	c->images = xrealloc(c->images, (size_t)c->n + 1, sizeof *c->images);
	c->images[c->n++] = im;
	s->on_sheet++;
}

static void count_sides(struct shard *s, const struct sample *sample)
{
	long w, h;
	if (!jpeg_sides(sample->image, sample->image_size, &w, &h))
		return;
	bool first = !s->sized++;
	s->min_w = first || w < s->min_w ? w : s->min_w;
	s->max_w = first || w > s->max_w ? w : s->max_w;
	s->min_h = first || h < s->min_h ? h : s->min_h;
	s->max_h = first || h > s->max_h ? h : s->max_h;
}

static int decodes(const struct sample *sample)
{
	struct image im;
	if (jpeg_decode(&im, sample->image, sample->image_size, 0) < 0)
		return fail("'%s': image '%s': %s", sample->shard, sample->key, fail_message());
	image_free(&im);
	return 0;
}

static int read_shard(struct shard *s, struct shard_reader *r)
{
	struct sample sample;
	int got;
	while ((got = shard_next(r, &sample)) > 0) {
		struct class *c = class_of(s, &sample);
		c->count++;
		s->samples++;
		s->bytes += (double)sample.image_size;
		count_sides(s, &sample);
		put_on_sheet(s, c, &sample);
		if (job.check && decodes(&sample) < 0)
			return -1;
	}
	return got;
}

/* By number where names are numbers alone. */
static int class_order(const void *a, const void *b)
{
	const char *x = ((const struct class *)a)->name, *y = ((const struct class *)b)->name;
	bool numbers = x[strspn(x, "0123456789")] == '\0' && y[strspn(y, "0123456789")] == '\0';
	long d = numbers ? atol(x) - atol(y) : 0;
	return d ? (d > 0) - (d < 0) : strcmp(x, y);
}

static void print_shard(const struct shard *s, struct shard_reader *r)
{
	int n;
	shard_classes(r, &n);
	printf("image shard, %ld images of %d classes", s->samples, s->n);
	if (n > s->n)
		printf(" (of %d)", n);
	printf(", %.1f MB\n", s->bytes / 1e6);
	if (s->sized)
		printf("width %ld to %ld, height %ld to %ld\n", s->min_w, s->max_w, s->min_h, s->max_h);
	print_maker(shard_meta(r));
	for (int i = 0; i < s->n; i++)
		printf("%6ld  %s\n", s->v[i].count, s->v[i].name);
}

static json_t *shard_json(const struct shard *s, struct shard_reader *r)
{
	json_t *counts = json_object(), *meta = shard_meta(r);
	for (int i = 0; i < s->n; i++)
		json_object_set_new(counts, s->v[i].name, json_integer(s->v[i].count));
	return json_pack("{s:s, s:I, s:f, s:[II], s:[II], s:s, s:o, s:O?}", "format", "fd2-shard", "samples",
	    (json_int_t)s->samples, "bytes", s->bytes, "width", (json_int_t)s->min_w, (json_int_t)s->max_w, "height",
	    (json_int_t)s->min_h, (json_int_t)s->max_h, "digest", shard_digest(r), "classes", counts, "meta", meta);
}

/* Every class begins a row; what is left of its last row stays white. */
static struct image *lay_out(const struct shard *s, int *n)
{
	static uint8_t white[3] = {255, 255, 255};
	struct image *cells = NULL;
	*n = 0;
	for (int i = 0; i < s->n; i++) {
		int columns = (int)job.columns, padded = (s->v[i].n + columns - 1) / columns * columns;
		cells = xrealloc(cells, (size_t)(*n + padded), sizeof *cells);
		for (int k = 0; k < padded; k++)
			cells[(*n)++] = k < s->v[i].n ? s->v[i].images[k] : (struct image){1, 1, white};
	}
	return cells;
}

static int write_sheet(const struct shard *s)
{
	int n;
	struct image *cells = lay_out(s, &n), sheet;
	double w = (double)job.columns * (double)job.cell, h = ceil(n / (double)job.columns) * (double)job.cell;
	uint8_t *jpeg = NULL;
	size_t size;
	struct out *out = NULL;
	int ok = 0;
	if (!n)
		ok = fail("no image could be read");
	else if (w * h > IMAGE_PIXELS_MAX || w > 60000 || h > 60000)
		ok = fail("a sheet of %.0fx%.0f pixels is too large; lower --cell, --per-class or --limit", w, h);
	if (!ok && (out = out_open(job.sheet, 0))) {
		draw_sheet(&sheet, cells, n, (int)job.columns, (int)job.cell);
		ok = jpeg_encode(&sheet, SHEET_QUALITY, &jpeg, &size);
		image_free(&sheet);
	}
	free(cells);
	if (!out)
		return -1;
	if (ok < 0 || out_write(out, jpeg, size) < 0) {
		out_abandon(out);
		ok = -1;
	}
	free(jpeg);
	return ok ? -1 : out_close(out);
}

static void shard_free(struct shard *s)
{
	for (int i = 0; i < s->n; i++) {
		for (int k = 0; k < s->v[i].n; k++)
			image_free(&s->v[i].images[k]);
		free(s->v[i].images);
		free(s->v[i].name);
	}
	free(s->v);
}

static int look_at_shards(char **paths, int n)
{
	struct shard_reader *r = shard_open(paths, n);
	struct shard s = {0};
	if (!r)
		return -1;
	int ok = job.tensor ? fail("'%s' is an image shard; --tensor wants a tensor stream", paths[0]) : read_shard(&s, r);
	if (!ok && s.n)
		qsort(s.v, (size_t)s.n, sizeof *s.v, class_order);
	if (!ok && job.sheet)
		ok = write_sheet(&s);
	else if (!ok && job.json)
		print_json(shard_json(&s, r));
	else if (!ok && !job.check)
		print_shard(&s, r);
	shard_free(&s);
	shard_close(r);
	return ok;
}

/* --- which ----------------------------------------------------------------------------------------------------------------------
 */

static bool is_stream(const char *path)
{
	struct stat st;
	if (strcmp(path, "-") != 0 && (stat(path, &st) || S_ISDIR(st.st_mode)))
		return false;
	struct input *in = input_open(path);
	bool yes = in && input_content(in) == CONTENT_STREAM;
	input_close(in);
	return yes;
}

/* Streams are looked at one by one, shards as one set of images. */
static int look(char **paths, int n)
{
	if (!is_stream(paths[0]))
		return look_at_shards(paths, n);
	if (job.sheet)
		return fail("'%s' is a tensor stream; --sheet wants an image shard", paths[0]);
	for (int i = 0; i < n; i++)
		if (look_at_stream(paths[i]) < 0)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	int first = fd2_start(&tool, argc, argv);
	char *standard[] = {"-"};
	return fd2_finish(first == argc ? look(standard, 1) : look(argv + first, argc - first));
}
