#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/fd2/labels/labels.h"

void view_options_to_meta(const struct view_options *v, json_t *meta)
{
	json_object_set_new(meta, "mix", json_string(mix_name(v->mix)));
	if (v->shuffled)
		json_object_set_new(meta, "quarters", json_true());
}

int view_options_from_meta(struct view_options *v, json_t *meta)
{
	const char *mix = "cutmix";
	int quarters = 0;
	json_error_t e;
	if (json_unpack_ex(meta, &e, 0, "{s?s, s?b}", "mix", &mix, "quarters", &quarters))
		return fail("the labels' meta is invalid: %s", e.text);
	int kind = mix_of(mix);
	if (kind < 0)
		return fail("the labels' meta has mix '%s', expected one of " MIX_CHOICES, mix);
	*v = (struct view_options){(enum mix_kind)kind, quarters};
	return 0;
}

/* Fields in the order in which they are written. */
enum field { IDS, BOXES, FLIPS, WITH, LAMBDA, MIX, QUARTERS, LOGITS, FIELDS };

/* A tensor of the stream, and where its rows are in an epoch: row i is at first + i * stride. */
struct layout {
	const char *name; /* NULL: not in this stream */
	enum dtype type;
	int rank;
	int64_t shape[2];
	void *first;
	size_t stride;
};

static void layouts(const struct epoch *e, struct layout l[FIELDS])
{
	struct view *v = e->views;
	struct mix *m = e->mixes;
	int64_t n = e->n, B = e->batches, K = e->classes;
	l[IDS] = (struct layout){"ids", DT_I32, 1, {n}, &v->image, sizeof *v};
	l[BOXES] = (struct layout){"boxes", DT_I32, 2, {n, 4}, &v->box, sizeof *v};
	l[FLIPS] = (struct layout){"flips", DT_BOOL, 1, {n}, &v->flip, sizeof *v};
	l[WITH] = (struct layout){"with", DT_I32, 1, {n}, &v->with, sizeof *v};
	l[LAMBDA] = (struct layout){"lambda", DT_F32, 1, {B}, &m->lambda, sizeof *m};
	l[MIX] = (struct layout){"mix", DT_I32, 2, {B, 4}, &m->x0, sizeof *m};
	l[QUARTERS] = (struct layout){
	    e->options.shuffled ? "quarters" : NULL, DT_U8, 2, {n, 4}, v->quarters, sizeof *v};
	l[LOGITS] =
	    (struct layout){"logits", DT_F16, 2, {n, K}, e->logits, (size_t)K * sizeof *e->logits};
}
_Static_assert(sizeof(struct box) == 4 * sizeof(int32_t) &&
                   offsetof(struct mix, y1) - offsetof(struct mix, x0) == 3 * sizeof(int32_t) &&
                   sizeof(bool) == 1,
    "rows are copied as they are in memory");

static size_t row_size(const struct layout *l)
{
	return fd2_dtype_size(l->type) * (l->rank > 1 ? (size_t)l->shape[1] : 1);
}

static void *row_of(const struct layout *l, int64_t i)
{
	return (char *)l->first + (size_t)i * l->stride;
}

size_t epoch_bytes(const struct epoch *e)
{
	struct layout l[FIELDS];
	size_t bytes = 0;
	layouts(e, l);
	for (int f = 0; f < FIELDS; f++)
		if (l[f].name)
			bytes += (size_t)l[f].shape[0] * row_size(&l[f]);
	return bytes;
}

static int put_field(const struct layout *l, struct stream_writer *w, long number)
{
	size_t row = row_size(l);
	char *name = xasprintf("%ld/%s", number, l->name),
	     *data = xcalloc((size_t)l->shape[0], row);
	for (int64_t i = 0; i < l->shape[0]; i++)
		memcpy(data + (size_t)i * row, row_of(l, i), row);
	int err = fd2_stream_put(w, name, l->type, l->rank, l->shape, data);
	free(data);
	free(name);
	return err;
}

int epoch_write(const struct epoch *e, struct stream_writer *w, long number)
{
	struct layout l[FIELDS];
	layouts(e, l);
	for (int f = 0; e->batches && f < FIELDS; f++)
		if (l[f].name && put_field(&l[f], w, number) < 0)
			return -1;
	return fd2_stream_flush(w);
}

static void take_rows(const struct layout *l, const struct array *a)
{
	const uint8_t *data = a->data;
	size_t row = row_size(l);
	for (int64_t i = 0; i < l->shape[0]; i++)
		if (l->type == DT_BOOL)
			*(bool *)row_of(l, i) = data[i] != 0;
		else
			memcpy(row_of(l, i), data + (size_t)i * row, row);
}

static int take(const struct layout *l, const struct array *a, long number)
{
	char *name = xasprintf("%ld/%s", number, l->name);
	int err = 0;
	if (strcmp(name, a->name))
		err = fail("the labels have tensor '%s' where '%s' is expected", a->name, name);
	else if (a->dtype != l->type || a->rank != l->rank || a->shape[0] != l->shape[0] ||
	         (l->rank > 1 && a->shape[1] != l->shape[1]))
		err =
		    fail("tensor '%s' of the labels has another type or shape than this distilled "
		         "set asks for",
		        name);
	else
		take_rows(l, a);
	free(name);
	return err;
}

static bool is_inside(const struct box *b, const struct image *im)
{
	return b->x >= 0 && b->y >= 0 && b->w > 0 && b->h > 0 && b->w <= im->w - b->x &&
	       b->h <= im->h - b->y;
}

static bool is_permutation(const uint8_t q[4])
{
	unsigned seen = 0;
	for (int i = 0; i < 4; i++)
		seen |= q[i] < 4 ? 1u << q[i] : 0;
	return seen == 15;
}

static int check_view(const struct epoch *e, int i, const struct dataset *d, long number)
{
	const struct view *v = &e->views[i];
	if (v->image < 0 || v->image >= d->n)
		return fail("epoch %ld of the labels names image %d of %d", number, v->image, d->n);
	const struct item *it = &d->v[v->image];
	if (!is_inside(&v->box, &it->image))
		return fail("epoch %ld of the labels crops outside of image '%s'", number, it->key);
	if (v->with < 0 || v->with >= epoch_size(e, i / e->batch))
		return fail(
		    "epoch %ld of the labels mixes with sample %d of its batch", number, v->with);
	if (v->shuffled && !is_permutation(v->quarters))
		return fail("epoch %ld of the labels has an invalid quarter order for image '%s'",
		    number, it->key);
	return 0;
}

static int check_mix(const struct mix *m, int size, long number)
{
	if (m->x0 < 0 || m->y0 < 0 || m->x1 > size || m->y1 > size || m->x1 < m->x0 ||
	    m->y1 < m->y0)
		return fail("epoch %ld of the labels mixes outside of the image", number);
	return m->lambda >= 0 && m->lambda <= 1
	           ? 0
	           : fail("epoch %ld of the labels has mix lambda %g, which is outside [0, 1]",
	                 number, (double)m->lambda);
}

/* Checks that nothing reaches outside the images: labels may come from another program. */
static int check(const struct epoch *e, const struct dataset *d, int size, long number)
{
	for (int i = 0; i < e->n; i++)
		if (check_view(e, i, d, number) < 0)
			return -1;
	for (int i = 0; i < e->batches; i++)
		if (check_mix(&e->mixes[i], size, number) < 0)
			return -1;
	if (!halves_finite(e->logits, (int64_t)e->n * e->classes))
		return fail("tensor '%ld/logits' of the labels is not finite", number);
	return 0;
}

static int read_field(const struct layout *l, struct stream_reader *r, long number)
{
	struct array a;
	int got = fd2_stream_next(r, &a);
	if (got == 0)
		return fail("the labels end in the middle of epoch %ld", number);
	if (got < 0)
		return -1;
	int err = take(l, &a, number);
	fd2_array_free(&a);
	return err;
}

/* Reads the rest of an epoch whose "E/ids" is `ids`, which is freed. */
static int read_fields(struct epoch *e, struct array *ids, struct stream_reader *r, long number,
    const struct dataset *d, int size)
{
	struct layout l[FIELDS];
	layouts(e, l);
	int err = take(&l[IDS], ids, number);
	fd2_array_free(ids);
	for (int f = IDS + 1; !err && f < FIELDS; f++)
		if (l[f].name)
			err = read_field(&l[f], r, number);
	for (int i = 0; i < e->n; i++)
		e->views[i].shuffled = e->options.shuffled;
	for (int i = 0; i < e->batches; i++)
		e->mixes[i].kind = e->options.mix;
	return err < 0 || check(e, d, size, number) < 0 ? -1 : 1;
}

int epoch_read(
    struct epoch *e, struct stream_reader *r, long number, const struct dataset *d, int size)
{
	struct array a;
	int got = fd2_stream_next(r, &a);
	return got <= 0 ? got : read_fields(e, &a, r, number, d, size);
}

/* Returns E of the name "E/ids"; -1: another name. */
static long number_of(const char *name)
{
	char *end;
	long number = strtol(name, &end, 10);
	return *name >= '0' && *name <= '9' && !strcmp(end, "/ids") ? number : -1;
}

/* Returns whether the rows are whole batches; the last may be as short as the epoch's last. */
static bool whole_batches(const struct epoch *e, const struct array *ids)
{
	int64_t n = ids->rank == 1 ? ids->shape[0] : 0;
	return n > 0 && n <= e->images &&
	       (n % e->batch == 0 || n % e->batch == e->images % e->batch);
}

int epoch_read_some(struct epoch *e, struct stream_reader *r, long *number, long epochs,
    const struct dataset *d, int size)
{
	struct array a;
	int got = fd2_stream_next(r, &a);
	if (got <= 0)
		return got;
	long found = number_of(a.name);
	if (found < *number || found >= epochs || !whole_batches(e, &a)) {
		fail("the labels have tensor '%s' where whole batches of epoch %ld or a later one "
		     "are expected",
		    a.name, *number);
		fd2_array_free(&a);
		return -1;
	}
	*number = found;
	epoch_lay_out(e, (int)a.shape[0]);
	return read_fields(e, &a, r, found, d, size);
}
