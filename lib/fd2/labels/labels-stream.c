#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/fd2/labels/labels.h"

void views_to_meta(const struct views *v, json_t *meta)
{
	json_object_set_new(meta, "mix", json_string(mix_name(v->mix)));
	if (v->shuffled)
		json_object_set_new(meta, "quarters", json_true());
}

int views_from_meta(struct views *v, json_t *meta)
{
	const char *mix = "cutmix";
	int quarters = 0;
	json_error_t e;
	if (json_unpack_ex(meta, &e, 0, "{s?s, s?b}", "mix", &mix, "quarters", &quarters))
		return fail("the labels' meta is not to be understood: %s", e.text);
	int kind = mix_of(mix);
	if (kind < 0)
		return fail("the labels' meta names the mixing '%s', which is none of cutmix, "
		            "mixup and none",
		    mix);
	*v = (struct views){(enum mix_kind)kind, quarters};
	return 0;
}

/* In the order in which they are written. */
enum part { IDS, BOXES, FLIPS, WITH, LAMBDA, MIX, QUARTERS, LOGITS, PARTS };

struct layout {
	const char *name; /* NULL: this stream has none */
	enum dtype type;
	int rank;
	int64_t shape[2];
	void *data;
};

static void layouts(const struct epoch *e, struct layout l[PARTS])
{
	l[IDS] = (struct layout){"ids", DT_I32, 1, {e->n}, e->ids};
	l[BOXES] = (struct layout){"boxes", DT_I32, 2, {e->n, 4}, e->boxes};
	l[FLIPS] = (struct layout){"flips", DT_BOOL, 1, {e->n}, e->flips};
	l[WITH] = (struct layout){"with", DT_I32, 1, {e->n}, e->with};
	l[LAMBDA] = (struct layout){"lambda", DT_F32, 1, {e->batches}, e->lambda};
	l[MIX] = (struct layout){"mix", DT_I32, 2, {e->batches, 4}, e->mix};
	l[QUARTERS] = (struct layout){
	    e->views.shuffled ? "quarters" : NULL, DT_U8, 2, {e->n, 4}, e->quarters};
	l[LOGITS] = (struct layout){"logits", DT_F16, 2, {e->n, e->classes}, e->logits};
}

size_t epoch_bytes(const struct epoch *e)
{
	struct layout l[PARTS];
	size_t bytes = 0;
	layouts(e, l);
	for (int i = 0; i < PARTS; i++)
		if (l[i].name)
			bytes += dtype_size(l[i].type) * (size_t)l[i].shape[0] *
			         (l[i].rank > 1 ? (size_t)l[i].shape[1] : 1);
	return bytes;
}

int epoch_write(const struct epoch *e, struct stream_writer *w, long number)
{
	struct layout l[PARTS];
	layouts(e, l);
	for (int i = 0; e->batches && i < PARTS; i++) {
		if (!l[i].name)
			continue;
		char *name = xasprintf("%ld/%s", number, l[i].name);
		int ok = stream_put(w, name, l[i].type, l[i].rank, l[i].shape, l[i].data);
		free(name);
		if (ok < 0)
			return -1;
	}
	return stream_flush(w);
}

static int take(const struct layout *l, const struct array *a, long number)
{
	char *name = xasprintf("%ld/%s", number, l->name);
	int ok = 0;
	if (strcmp(name, a->name))
		ok = fail("the labels have tensor '%s' where '%s' is wanted", a->name, name);
	else if (a->dtype != l->type || a->rank != l->rank || a->shape[0] != l->shape[0] ||
	         (l->rank > 1 && a->shape[1] != l->shape[1]))
		ok = fail("tensor '%s' of the labels has another type or shape than this distilled "
		          "set asks for",
		    name);
	else
		memcpy(l->data, a->data, a->size);
	free(name);
	return ok;
}

static bool inside(const int32_t *box, int w, int h)
{
	return box[0] >= 0 && box[1] >= 0 && box[2] > 0 && box[3] > 0 && box[2] <= w - box[0] &&
	       box[3] <= h - box[1];
}

static bool is_order(const uint8_t q[4])
{
	unsigned seen = 0;
	for (int i = 0; i < 4; i++)
		seen |= q[i] < 4 ? 1u << q[i] : 0;
	return seen == 15;
}

static int check_sample(const struct epoch *e, int i, const struct dataset *d, long number)
{
	if (e->ids[i] < 0 || e->ids[i] >= d->n)
		return fail(
		    "epoch %ld of the labels names image %d of %d", number, e->ids[i], d->n);
	const struct item *it = &d->v[e->ids[i]];
	if (!inside(e->boxes + 4 * i, it->image.w, it->image.h))
		return fail("epoch %ld of the labels crops outside of image '%s'", number, it->key);
	if (e->with[i] < 0 || e->with[i] >= epoch_size(e, i / e->batch))
		return fail("epoch %ld of the labels mixes with sample %d of its batch", number,
		    e->with[i]);
	if (e->views.shuffled && !is_order(e->quarters + 4 * i))
		return fail("epoch %ld of the labels shows the quarters of image '%s' in an order "
		            "that is none",
		    number, it->key);
	return 0;
}

/* Labels may come from another program: nothing in them may reach outside the images. */
static int check(const struct epoch *e, const struct dataset *d, int size, long number)
{
	for (int i = 0; i < e->n; i++)
		if (check_sample(e, i, d, number) < 0)
			return -1;
	for (int i = 0; i < e->batches; i++) {
		const int32_t *m = e->mix + 4 * i;
		if (m[0] < 0 || m[1] < 0 || m[2] > size || m[3] > size || m[2] < m[0] ||
		    m[3] < m[1])
			return fail("epoch %ld of the labels mixes outside of the image", number);
		if (!(e->lambda[i] >= 0 && e->lambda[i] <= 1))
			return fail("epoch %ld of the labels mixes by %g, which is no share",
			    number, (double)e->lambda[i]);
	}
	return 0;
}

static int read_part(const struct layout *l, struct stream_reader *r, long number)
{
	struct array a;
	int got = stream_next(r, &a);
	if (got == 0)
		return fail("the labels end in the middle of epoch %ld", number);
	if (got < 0)
		return -1;
	int ok = take(l, &a, number);
	array_free(&a);
	return ok;
}

/* The rest of an epoch whose ids are a, freed here. */
static int read_parts(struct epoch *e, struct array *ids, struct stream_reader *r, long number,
    const struct dataset *d, int size)
{
	struct layout l[PARTS];
	layouts(e, l);
	int ok = take(&l[IDS], ids, number);
	array_free(ids);
	for (int i = IDS + 1; !ok && i < PARTS; i++)
		if (l[i].name)
			ok = read_part(&l[i], r, number);
	return ok < 0 || check(e, d, size, number) < 0 ? -1 : 1;
}

int epoch_read(
    struct epoch *e, struct stream_reader *r, long number, const struct dataset *d, int size)
{
	struct array a;
	int got = stream_next(r, &a);
	return got <= 0 ? got : read_parts(e, &a, r, number, d, size);
}

/* The epoch's number of "E/ids"; -1 when that is not the name. */
static long number_of(const char *name)
{
	char *end;
	long number = strtol(name, &end, 10);
	return *name >= '0' && *name <= '9' && !strcmp(end, "/ids") ? number : -1;
}

/* Rows that are whole batches, the last as long as the epoch's last can be. */
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
	int got = stream_next(r, &a);
	if (got <= 0)
		return got;
	long found = number_of(a.name);
	if (found < *number || found >= epochs || !whole_batches(e, &a)) {
		fail("the labels have tensor '%s' where whole batches of epoch %ld or a later one "
		     "are wanted",
		    a.name, *number);
		array_free(&a);
		return -1;
	}
	*number = found;
	epoch_lay_out(e, (int)a.shape[0]);
	return read_parts(e, &a, r, found, d, size);
}
