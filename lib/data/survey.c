#include "lib/data/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/out.h"
#include "lib/base/progress.h"
#include "lib/image/draw.h"

enum { SHEET_QUALITY = 90 };

static struct survey_class *class_of(struct survey *s, const struct sample *sample)
{
	char number[24];
	snprintf(number, sizeof number, "%ld", sample->cls);
	const char *name = sample->folder ? sample->folder : number;
	for (int i = s->n; i-- > 0;) /* backwards: samples of a class are mostly adjacent */
		if (!strcmp(s->v[i].name, name))
			return &s->v[i];
	s->v = xrealloc(s->v, (size_t)s->n + 1, sizeof *s->v);
	s->v[s->n] = (struct survey_class){.name = xstrdup(name)};
	return &s->v[s->n++];
}

static void keep_image(struct survey *s, struct survey_class *c, const struct sample *sample)
{
	struct image im;
	if (!s->keep_side || c->n == s->per_class || (s->most && s->kept == s->most))
		return;
	if (jpeg_decode(&im, sample->image, sample->image_size, s->keep_side) < 0) {
		warn("left out '%s' of '%s': %s", sample->key, sample->shard, fail_message());
		return;
	}
	c->images = xrealloc(c->images, (size_t)c->n + 1, sizeof *c->images);
	c->images[c->n++] = im;
	s->kept++;
}

static void count_sides(struct survey *s, const struct sample *sample)
{
	int w, h;
	if (jpeg_sides(sample->image, sample->image_size, &w, &h) < 0)
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
	struct image_notes notes;
	if (jpeg_decode_noting(&im, sample->image, sample->image_size, 0, &notes) < 0)
		return fail("'%s': image '%s': %s", sample->shard, sample->key, fail_message());
	image_free(&im);
	return *notes.recovered
	           ? fail("'%s': image '%s': %s", sample->shard, sample->key, notes.recovered)
	           : 0;
}

static int take(struct survey *s, const struct sample *sample)
{
	struct survey_class *c = class_of(s, sample);
	c->count++;
	s->samples++;
	s->bytes += (double)sample->image_size;
	count_sides(s, sample);
	keep_image(s, c, sample);
	progress_add(1, NULL);
	return s->decode ? decodes(sample) : 0;
}

static int read_samples(struct survey *s, struct shard_reader *r)
{
	struct sample sample;
	int got;
	while ((got = fd2_shard_next(r, &sample)) > 0)
		if (take(s, &sample) < 0)
			return -1;
	return got;
}

static bool is_number(const char *name)
{
	return name[strspn(name, "0123456789")] == '\0';
}

/* Compares class names: numbers first, in numeric order, then other names. */
static int class_order(const void *a, const void *b)
{
	const char *x = ((const struct survey_class *)a)->name,
	           *y = ((const struct survey_class *)b)->name;
	bool first = is_number(x), second = is_number(y);
	if (first != second)
		return second - first;
	long d = first ? atol(x) - atol(y) : 0;
	return d ? (d > 0) - (d < 0) : strcmp(x, y);
}

static void add_class(struct survey_class *to, struct survey_class *c)
{
	to->count += c->count;
	to->images = xrealloc(to->images, (size_t)(to->n + c->n), sizeof *to->images);
	if (c->n)
		memcpy(to->images + to->n, c->images, (size_t)c->n * sizeof *c->images);
	to->n += c->n;
	free(c->images);
	free(c->name);
}

/* Sorts the classes and merges those with the same name. */
static void merge_classes(struct survey *s)
{
	int n = 0;
	if (s->n)
		qsort(s->v, (size_t)s->n, sizeof *s->v, class_order);
	for (int i = 0; i < s->n; i++)
		if (n && !strcmp(s->v[n - 1].name, s->v[i].name))
			add_class(&s->v[n - 1], &s->v[i]);
		else
			s->v[n++] = s->v[i];
	s->n = n;
}

/* Turns folders into classes, which are known only at the end. */
static void name_classes(struct survey *s, struct shard_reader *r)
{
	for (int i = 0; i < s->n; i++) {
		const char *class = fd2_shard_class(r, s->v[i].name);
		if (class) {
			free(s->v[i].name);
			s->v[i].name = xstrdup(class);
		}
	}
	merge_classes(s);
}

int survey_read(struct survey *s, struct shard_reader *r)
{
	progress_start("read", "images", 0);
	int err = read_samples(s, r);
	progress_end();
	if (!err)
		name_classes(s, r);
	return err;
}

static void take_complete(void *survey, const struct sample *sample)
{
	take(survey, sample);
}

int survey_read_unfinished(struct survey *s, const char *part)
{
	char *path = xasprintf("%.*s", (int)(strlen(part) - strlen(".part")), part);
	long n = shard_unfinished(path, take_complete, s);
	free(path);
	merge_classes(s);
	return n < 0 ? -1 : 0;
}

/* Returns the classes with kept images, to be freed. */
static struct sheet_group *groups_of(const struct survey *s, int *n)
{
	struct sheet_group *groups = xcalloc((size_t)s->n, sizeof *groups);
	*n = 0;
	for (int i = 0; i < s->n; i++)
		if (s->v[i].n)
			groups[(*n)++] =
			    (struct sheet_group){s->v[i].name, s->v[i].images, s->v[i].n};
	return groups;
}

static int check_size(const struct sheet *sheet)
{
	if (!sheet->n)
		return fail("no image could be read");
	if (sheet->w * sheet->h > IMAGE_PIXELS_MAX || sheet->w > 60000 || sheet->h > 60000)
		return fail("a sheet of %.0fx%.0f pixels is too large; lower --cell, --per-class "
		            "or --limit",
		    sheet->w, sheet->h);
	return 0;
}

static void say_left_out(const struct survey *s, int classes)
{
	if (s->kept < s->samples)
		say("the sheet shows %ld of %ld images, of %d of %d classes; --per-class and "
		    "--limit decide how many",
		    s->kept, s->samples, classes, s->n);
}

static int write_sheet(const struct sheet *sheet, const char *path)
{
	struct image picture;
	uint8_t *jpeg = NULL;
	size_t size;
	struct out *out = out_open(path, 0);
	if (!out)
		return -1;
	sheet_draw(&picture, sheet);
	int err = jpeg_encode(&picture, SHEET_QUALITY, &jpeg, &size);
	image_free(&picture);
	if (!err)
		err = out_write(out, jpeg, size);
	free(jpeg);
	if (!err)
		return out_close(out);
	out_abandon(out);
	return -1;
}

int survey_sheet(const struct survey *s, const char *path, int columns, int cell)
{
	struct sheet sheet = {.cell = cell};
	struct sheet_group *groups = groups_of(s, &sheet.n);
	sheet.groups = groups;
	sheet_shape(&sheet, columns);
	int err = check_size(&sheet);
	if (!err)
		err = write_sheet(&sheet, path);
	if (!err)
		say_left_out(s, sheet.n);
	free(groups);
	return err;
}

void survey_free(struct survey *s)
{
	for (int i = 0; i < s->n; i++) {
		for (int k = 0; k < s->v[i].n; k++)
			image_free(&s->v[i].images[k]);
		free(s->v[i].images);
		free(s->v[i].name);
	}
	free(s->v);
}
