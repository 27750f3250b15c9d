#include "lib/fd2/distill/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/npy.h"
#include "lib/base/err.h"
#include "lib/nn/checkpoint.h"

/* Images that nobody asked to keep, and nobody to throw away. */
static int check_unfinished(const char *path)
{
	long left = shard_unfinished(path, NULL, NULL);
	return left > 0 ? fail("'%s.part' holds %ld images of an interrupted run: go on with "
	                       "--resume, or remove it",
	                      path, left)
	                : (int)left;
}

static int read_whole(struct shard_reader *r)
{
	struct sample s;
	int got;
	while ((got = shard_next(r, &s)) > 0)
		;
	return got;
}

static int check_finished(const char *path, const json_t *provenance)
{
	struct shard_reader *r = shard_open((char *[]){(char *)path}, 1);
	int err = r ? read_whole(r) : -1;
	if (!err)
		err = provenance_agree(path, shard_meta(r), provenance);
	if (r)
		shard_close(r);
	return err ? fail("%s; remove it, or leave --resume out", fail_message()) : 0;
}

/* 1: the output is finished and up to date; 0: it is not finished; -1: it is another one's. */
static int finished(const struct output *o, const json_t *provenance)
{
	const char *path = o->config->path;
	char *partial = out_part_name(path);
	bool exists = access(partial, F_OK) && !access(path, F_OK);
	free(partial);
	if (!exists)
		return 0;
	if (check_finished(path, provenance) < 0)
		return -1;
	out_made_already(path);
	return 1;
}

static void keep_stored(void *ctx, const struct sample *s)
{
	struct output *o = ctx;
	const char *slash = strrchr(s->key, '/');
	if (s->cls >= 0 && s->cls < o->teacher->classes && slash)
		history_add(o->history, (int)s->cls, atoi(slash + 1), s->image, s->image_size);
}

static int resume(struct output *o, json_t *provenance)
{
	const char *const *names = (const char *const *)o->teacher->class_names;
	int done = finished(o, provenance);
	if (done) {
		json_decref(provenance);
		return done < 0 ? -1 : 0;
	}
	o->writer =
	    shard_resume(o->config->path, provenance, names, o->teacher->classes, keep_stored, o);
	return o->writer ? 0 : -1;
}

static int create(struct output *o, json_t *provenance)
{
	const char *const *names = (const char *const *)o->teacher->class_names;
	bool file = out_is_file(o->config->path);
	struct out *out = NULL;
	if (!file || check_unfinished(o->config->path) == 0)
		out = out_open(o->config->path, file ? OUT_KEEP : 0);
	if (out)
		o->writer = shard_create(out, provenance, names, o->teacher->classes);
	else
		json_decref(provenance);
	return o->writer ? 0 : -1;
}

int output_open(struct output *o, json_t *provenance)
{
	o->writer = NULL;
	return o->config->resume ? resume(o, provenance) : create(o, provenance);
}

/* [3][S][S] in [0,1] to the image as it will be stored. */
static struct image to_image(const float *rgb, int S)
{
	struct image im = image_new(S, S);
	for (int c = 0; c < 3; c++)
		for (int i = 0; i < S * S; i++)
			im.rgb[3 * i + c] =
			    (uint8_t)lrintf(255 * fminf(fmaxf(rgb[(size_t)c * S * S + i], 0), 1));
	return im;
}

/* f16: [3][S][S], or NULL */
static int store(struct output *o, int k, int id, const float *rgb, const uint16_t *f16)
{
	const struct teacher *t = o->teacher;
	int S = t->size;
	char name[16];
	uint8_t *jpeg = NULL, *npy = NULL;
	size_t jpeg_size = 0, npy_size = 0;
	if (history_has(o->history, k, id))
		return 0;
	struct image im = to_image(rgb, S);
	snprintf(name, sizeof name, "%04d", id);
	int err = jpeg_encode(&im, (int)o->config->quality, &jpeg, &jpeg_size);
	image_free(&im);
	if (!err && f16)
		npy = npy_f16(f16, 3, (int64_t[]){3, S, S}, &npy_size);
	if (!err)
		err = shard_add(
		    o->writer, t->class_names[k], name, k, jpeg, jpeg_size, npy, npy_size, NULL);
	if (!err)
		err = history_add(o->history, k, id, jpeg, jpeg_size);
	free(jpeg);
	free(npy);
	return err;
}

/* x in [0,1] as rgb and, unless it is NULL, as f16. */
static int read_pixels(
    const Tensor *x, const struct normal *normal, float *rgb, uint16_t *f16, int64_t n)
{
	int64_t shape[] = {1, 3, 1, 1};
	tensor_scope_begin(NO_GRAD);
	Tensor *std = tensor_to(tensor_from(normal->std, T_F64, 4, shape), T_F32);
	Tensor *mean = tensor_to(tensor_from(normal->mean, T_F64, 4, shape), T_F32);
	Tensor *pixels = tensor_add(tensor_mul(x, std), mean);
	int err = tensor_read(pixels, T_F32, rgb, n);
	if (!err && f16)
		err = tensor_read(pixels, T_F16, f16, n);
	tensor_scope_end();
	return err < 0 ? fail("cannot read the images: %s", tensor_error()) : 0;
}

int output_store(struct output *o, const struct index_batch *b, const Tensor *x)
{
	int N = b->indices * b->n;
	size_t one = (size_t)3 * o->teacher->size * o->teacher->size;
	float *rgb = xcalloc(N * one, sizeof *rgb);
	uint16_t *f16 = o->config->pixels == PIXELS_F16 ? xcalloc(N * one, sizeof *f16) : NULL;
	int err = read_pixels(x, &o->teacher->normal, rgb, f16, (int64_t)(N * one));
	for (int i = 0; i < N && !err; i++)
		err = store(o, b->first + i % b->n, b->ids[i / b->n], rgb + i * one,
		    f16 ? f16 + i * one : NULL);
	free(rgb);
	free(f16);
	return err;
}

int output_close(struct output *o, int err)
{
	if (!o->writer)
		return err;
	if (!err)
		return shard_finish(o->writer);
	shard_abandon(o->writer);
	return err;
}
