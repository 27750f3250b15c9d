/* Writes a shard as folders. Reads it twice: its class list and the number of images per class are
 * known only at its end. */
#include <stdlib.h>
#include <string.h>

#include "formats/digest.h"
#include "formats/npy.h"
#include "formats/shard/shard.h"
#include "lib/base/err.h"
#include "lib/base/folder.h"
#include "lib/base/names.h"
#include "lib/base/opts.h"
#include "lib/base/progress.h"
#include "lib/data/exchange/exchange.h"
#include "lib/data/exchange/half.h"
#include "lib/image/png.h"

const struct exchange_form exchange_forms[] = {
    {"cv-dd", "new", 3, false},
    {"fadrm", "new", 3, true},
    {"rded", "", 5, false},
    {0},
};

/* A sample of the first pass. */
struct exported_image {
	char *class, *id;
	long cls;
	int label, number; /* class index, and the image's index in its class */
};

struct writing {
	const struct exchange_form *form;
	char *const *shards;
	int n_shards;
	struct exported_image *v;
	int n, cap;
	char **classes; /* NULL: bare numbers */
	int n_classes, *count;
	int class_digits, id_digits;
	char digest[DIGEST_HEX];
	struct folder *folder;
};

static void note(struct writing *w, const struct sample *s)
{
	const char *slash = strrchr(s->key, '/');
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 256;
		w->v = xrealloc(w->v, (size_t)w->cap, sizeof *w->v);
	}
	w->v[w->n++] = (struct exported_image){.class = s->folder ? xstrdup(s->folder) : NULL,
	    .id = xstrdup(slash ? slash + 1 : s->key),
	    .cls = s->cls,
	    .label = -1};
}

/* Turns folders into classes, which are known only at the end. */
static void name_classes(struct writing *w, struct shard_reader *r)
{
	for (int i = 0; i < w->n; i++) {
		char *folder = w->v[i].class;
		w->v[i].class = folder ? xstrdup(fd2_shard_class(r, folder)) : NULL;
		free(folder);
	}
}

static int survey(struct writing *w)
{
	struct shard_reader *r = fd2_shard_open(w->shards, w->n_shards);
	struct sample s;
	int got = -1, n;
	if (!r)
		return -1;
	while ((got = fd2_shard_next(r, &s)) > 0)
		note(w, &s);
	if (!got) {
		name_classes(w, r);
		const char *const *classes = fd2_shard_classes(r, &n);
		w->classes = classes ? names_copy(classes, n) : NULL;
		w->n_classes = classes ? n : 0;
		strcpy(w->digest, fd2_shard_digest(r));
	}
	fd2_shard_close(r);
	return got;
}

static int label_of(const struct name_index *classes, const struct exported_image *s)
{
	int k = s->class && classes ? name_index_find(classes, s->class) : -1;
	return k < 0 ? (int)s->cls : k;
}

static int digits(int least, int count)
{
	int n = 1;
	for (int largest = count - 1; largest > 9; largest /= 10)
		n++;
	return n > least ? n : least;
}

/* Numbers images within their classes, in the shard's order. */
static int number(struct writing *w)
{
	int most = 0;
	struct name_index *classes =
	    w->classes ? name_index_new((const char *const *)w->classes, w->n_classes) : NULL;
	for (int i = 0; i < w->n; i++) {
		w->v[i].label = label_of(classes, &w->v[i]);
		if (!w->classes && w->v[i].label >= w->n_classes)
			w->n_classes = w->v[i].label + 1;
	}
	name_index_free(classes);
	w->count = xcalloc((size_t)w->n_classes + 1, sizeof *w->count);
	for (int i = 0; i < w->n; i++) {
		w->v[i].number = w->count[w->v[i].label]++;
		most = w->v[i].number >= most ? w->v[i].number + 1 : most;
	}
	for (int k = 0; k < w->n_classes; k++)
		if (!w->count[k])
			return fail("class %d, '%s', has no image: programs that number classes by "
			            "their folders would count past it",
			    k, w->classes ? w->classes[k] : "(a number)");
	w->class_digits = digits(w->form->digits, w->n_classes);
	w->id_digits = digits(w->form->digits, most);
	return 0;
}

static char *name_of(const struct writing *w, const struct exported_image *s)
{
	return xasprintf("%s%0*d/class%0*d_id%0*d.%s", w->form->prefix, w->class_digits, s->label,
	    w->class_digits, s->label, w->id_digits, s->number, w->form->png ? "png" : "jpg");
}

/* Replaces the JPEG's pixels by the lossless ones of the sample, f16 [3,H,W] of the same size. */
static int take_npy(struct image *im, const struct sample *s)
{
	size_t plane = (size_t)im->w * im->h, begin;
	if (!npy_is_f16(s->npy, s->npy_size, 3, (int64_t[]){3, im->h, im->w}, &begin))
		return fail("'%s': member '%s.npy' is not float16 of [3,%d,%d], as its image is",
		    s->shard, s->key, im->h, im->w);
	for (size_t i = 0; i < 3 * plane; i++) {
		uint16_t half;
		memcpy(&half, s->npy + begin + i * sizeof half, sizeof half);
		int byte = half_to_byte(half);
		if (byte < 0)
			return fail("'%s': member '%s.npy' holds a NaN", s->shard, s->key);
		im->rgb[3 * (i % plane) + i / plane] = (uint8_t)byte;
	}
	return 0;
}

static int put_png(struct writing *w, const struct sample *s, const char *name)
{
	struct image im;
	uint8_t *png = NULL;
	size_t size;
	if (jpeg_decode(&im, s->image, s->image_size, 0) < 0)
		return fail("'%s': member '%s': %s", s->shard, s->key, fail_message());
	int err = s->npy ? take_npy(&im, s) : 0;
	if (!err)
		err = png_encode(&im, &png, &size);
	if (!err)
		err = folder_put(w->folder, name, png, size);
	image_free(&im);
	free(png);
	return err;
}

static int put_image(struct writing *w, const struct exported_image *image, const struct sample *s)
{
	char *name = name_of(w, image);
	int err = w->form->png ? put_png(w, s, name)
	                       : folder_put(w->folder, name, s->image, s->image_size);
	free(name);
	return err;
}

static int put_images(struct writing *w)
{
	struct shard_reader *r = fd2_shard_open(w->shards, w->n_shards);
	struct sample s;
	int got = r ? 1 : -1, i = 0, err = 0;
	progress_start("export", "images", w->n);
	while (!err && got > 0 && (got = fd2_shard_next(r, &s)) > 0) {
		err = i < w->n ? put_image(w, &w->v[i++], &s)
		               : fail("'%s' has grown while it was read", s.shard);
		progress_at(i, "%s", s.key);
	}
	progress_end();
	if (!err && !got && strcmp(w->digest, fd2_shard_digest(r)))
		err = fail("'%s' has changed while it was read", w->shards[0]);
	if (r)
		fd2_shard_close(r);
	return got < 0 ? -1 : err;
}

static int put_map(struct writing *w)
{
	json_t *map = opts_provenance(), *images = json_array();
	for (int i = 0; i < w->n; i++) {
		char *file = name_of(w, &w->v[i]);
		json_array_append_new(
		    images, json_pack("{s:s, s:s}", "file", file, "id", w->v[i].id));
		free(file);
	}
	json_object_set_new(map, "digest", json_string(w->digest));
	json_object_set_new(map, "classes",
	    w->classes ? names_to_json((const char *const *)w->classes, w->n_classes)
	               : json_null());
	json_object_set_new(map, "numbered", json_boolean(w->v[0].cls >= 0));
	json_object_set_new(map, "images", images);
	char *text = json_dumps(map, JSON_INDENT(1)), *line = text ? xasprintf("%s\n", text) : NULL;
	int err = line ? folder_put(w->folder, EXCHANGE_MAP, line, strlen(line))
	               : fail("the classes' names are not JSON");
	json_decref(map);
	free(text);
	free(line);
	return err;
}

static int write_folder(struct writing *w, const char *out)
{
	w->folder = folder_create(out);
	if (!w->folder)
		return -1;
	if (put_images(w) == 0 && put_map(w) == 0)
		return folder_close(w->folder);
	folder_abandon(w->folder);
	return -1;
}

int exchange_write(const struct exchange_form *form, char *const *shards, int n, const char *out)
{
	struct writing w = {.form = form, .shards = shards, .n_shards = n};
	int err = survey(&w);
	if (!err)
		err = number(&w);
	if (!err)
		err = write_folder(&w, out);
	if (!err)
		say("%s: %s of %s", out, counted(w.n, "images").text,
		    counted(w.n_classes, "classes").text);
	for (int i = 0; i < w.n; i++) {
		free(w.v[i].class);
		free(w.v[i].id);
	}
	free(w.v);
	free(w.count);
	names_free(w.classes, w.n_classes);
	return err;
}
