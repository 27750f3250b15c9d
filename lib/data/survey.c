#include "lib/data/survey.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/out.h"
#include "lib/image/draw.h"

enum { SHEET_QUALITY = 90 };

static struct survey_class *class_of(struct survey *s, const struct sample *sample)
{
	char number[24];
	snprintf(number, sizeof number, "%ld", sample->cls);
	const char *name = sample->folder ? sample->folder : number;
	for (int i = s->n; i-- > 0;) /* from the last: samples of a class are mostly neighbours */
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

static int read_samples(struct survey *s, struct shard_reader *r)
{
	struct sample sample;
	int got;
	while ((got = shard_next(r, &sample)) > 0) {
		struct survey_class *c = class_of(s, &sample);
		c->count++;
		s->samples++;
		s->bytes += (double)sample.image_size;
		count_sides(s, &sample);
		keep_image(s, c, &sample);
		if (s->decode && decodes(&sample) < 0)
			return -1;
	}
	return got;
}

/* By number where names are numbers alone. */
static int class_order(const void *a, const void *b)
{
	const char *x = ((const struct survey_class *)a)->name,
	           *y = ((const struct survey_class *)b)->name;
	bool numbers = x[strspn(x, "0123456789")] == '\0' && y[strspn(y, "0123456789")] == '\0';
	long d = numbers ? atol(x) - atol(y) : 0;
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

/* Folders become classes, which are known at the end. */
static void name_classes(struct survey *s, struct shard_reader *r)
{
	int n = 0;
	for (int i = 0; i < s->n; i++) {
		const char *class = shard_class(r, s->v[i].name);
		if (class) {
			free(s->v[i].name);
			s->v[i].name = xstrdup(class);
		}
	}
	if (s->n)
		qsort(s->v, (size_t)s->n, sizeof *s->v, class_order);
	for (int i = 0; i < s->n; i++)
		if (n && !strcmp(s->v[n - 1].name, s->v[i].name))
			add_class(&s->v[n - 1], &s->v[i]);
		else
			s->v[n++] = s->v[i];
	s->n = n;
}

int survey_read(struct survey *s, struct shard_reader *r)
{
	int err = read_samples(s, r);
	if (!err)
		name_classes(s, r);
	return err;
}

/* Every class begins a row; what is left of its last row stays white. */
static struct image *lay_out(const struct survey *s, int columns, int *n)
{
	static uint8_t white[3] = {255, 255, 255};
	struct image *cells = NULL;
	*n = 0;
	for (int i = 0; i < s->n; i++) {
		int padded = (s->v[i].n + columns - 1) / columns * columns;
		cells = xrealloc(cells, (size_t)(*n + padded), sizeof *cells);
		for (int k = 0; k < padded; k++)
			cells[(*n)++] =
			    k < s->v[i].n ? s->v[i].images[k] : (struct image){1, 1, white};
	}
	return cells;
}

int survey_sheet(const struct survey *s, const char *path, int columns, int cell)
{
	int n;
	struct image *cells = lay_out(s, columns, &n), sheet;
	double w = (double)columns * cell, h = ceil(n / (double)columns) * cell;
	uint8_t *jpeg = NULL;
	size_t size;
	struct out *out = NULL;
	int err = 0;
	if (!n)
		err = fail("no image could be read");
	else if (w * h > IMAGE_PIXELS_MAX || w > 60000 || h > 60000)
		err = fail("a sheet of %.0fx%.0f pixels is too large; lower --cell, --per-class or "
		           "--limit",
		    w, h);
	if (!err && (out = out_open(path, 0))) {
		draw_sheet(&sheet, cells, n, columns, cell);
		err = jpeg_encode(&sheet, SHEET_QUALITY, &jpeg, &size);
		image_free(&sheet);
	}
	free(cells);
	if (!out)
		return -1;
	if (err < 0 || out_write(out, jpeg, size) < 0) {
		out_abandon(out);
		err = -1;
	}
	free(jpeg);
	return err ? -1 : out_close(out);
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
