#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/fkd/fkd.h"
#include "formats/weights/torch-file.h"
#include "lib/base/err.h"

enum { COORDS, FLIPS, WITH, LAMBDA, BOX, LOGITS, PARTS };

/* What each tensor is called in messages, and what it must be. */
static const struct {
	const char *name;
	enum state_type type;
	int rank, most; /* ranks */
} expected[PARTS] = {
    [COORDS] = {"coords", STATE_F32, 2, 2},
    [FLIPS] = {"flip_status", STATE_BOOL, 1, 1},
    [WITH] = {"mix_index", STATE_I64, 1, 1},
    [LOGITS] = {"soft_label", STATE_F16, 2, 3},
};

static bool is_number(const struct value *v)
{
	return v->kind == VALUE_NUMBER || v->kind == VALUE_REAL;
}

static int take_mix(struct fkd_batch *b, struct value *const *v, const char *file)
{
	const struct value *lambda = v[LAMBDA], *box = v[BOX];
	b->lambda = 1;
	b->mixing = FKD_UNMIXED;
	if (v[WITH]->kind == VALUE_NONE && lambda->kind == VALUE_NONE && box->kind == VALUE_NONE)
		return 0;
	b->mixing = box->kind == VALUE_NONE ? FKD_MIXUP : FKD_CUTMIX;
	if (!is_number(lambda) ||
	    (b->mixing == FKD_CUTMIX && (box->kind != VALUE_LIST || box->list.n != 4)))
		return fail("'%s' has a mix_lam that is not a number, or a mix_bbox that is not "
		            "four numbers",
		    file);
	b->lambda = lambda->kind == VALUE_REAL ? lambda->real : (double)lambda->number;
	for (int i = 0; i < 4 && b->mixing == FKD_CUTMIX; i++) {
		if (box->list.v[i]->kind != VALUE_NUMBER)
			return fail("'%s' has a mix_bbox that is not four whole numbers", file);
		b->box[i] = box->list.v[i]->number;
	}
	return 0;
}

static int within(int64_t n, int most)
{
	return n < 1 || n > most ? 0 : (int)n;
}

/* Takes the sizes of a tensor; false: they do not fit. Coordinates come first and give the number
 * of samples. */
static bool take_shape(struct fkd_batch *b, int part, const struct state_tensor *t)
{
	const int64_t *shape = t->shape;
	if (part == COORDS) {
		b->n = within(shape[0], FKD_BATCH_MAX);
		return b->n && shape[1] == 4;
	}
	if (part != LOGITS)
		return shape[0] == b->n;
	b->branches = t->rank == 3 ? within(shape[0], 2) : 1;
	b->classes = within(shape[t->rank - 1], FKD_CLASSES_MAX);
	return b->branches == t->rank - 1 && b->classes && shape[t->rank - 2] == b->n;
}

/* Checks a tensor's type and shape and adds it to the table. */
static int take_tensor(struct fkd_batch *b, int part, struct state_table *table,
    const struct value *v, const struct storages *s, const char *file, uint64_t size)
{
	const char *name = expected[part].name;
	if (part == WITH && v->kind == VALUE_NONE)
		return 0;
	const struct state_tensor *t = v->kind == VALUE_TENSOR ? v->tensor.layout : NULL;
	if (t && part == LOGITS && (t->type == STATE_F32 || t->type == STATE_F64))
		return fail("'%s' has a soft_label of more than 16 bits; labels are read as "
		            "--use-fp16 saves them",
		    file);
	if (!t || t->type != expected[part].type || t->rank < expected[part].rank ||
	    t->rank > expected[part].most)
		return fail("'%s' has a %s of another type or rank than expected", file, name);
	if (!take_shape(b, part, t))
		return fail("'%s' has a %s of the wrong shape", file, name);
	return torch_tensor(table, v, name, strlen(name), s, file, size);
}

static int take_list(void *ctx, struct state_table *table, const struct value *root,
    const struct storages *s, const char *file, uint64_t size)
{
	struct fkd_batch *b = ctx;
	if (root->kind != VALUE_LIST || root->list.n != PARTS)
		return fail("'%s' is not a batch of soft labels: expected a list of %d objects",
		    file, PARTS);
	for (int i = 0; i < PARTS; i++)
		if (expected[i].name &&
		    take_tensor(b, i, table, root->list.v[i], s, file, size) < 0)
			return -1;
	return take_mix(b, root->list.v, file);
}

/* Returns where the elements of a part go. */
static void **place_of(struct fkd_batch *b, const char *name)
{
	if (!strcmp(name, expected[COORDS].name))
		return (void **)&b->coords;
	if (!strcmp(name, expected[FLIPS].name))
		return (void **)&b->flips;
	return !strcmp(name, expected[WITH].name) ? (void **)&b->with : (void **)&b->logits;
}

static int take_elements(
    struct fkd_batch *b, const struct state_table *table, const struct bytes *storages)
{
	for (int i = 0; i < table->n; i++) {
		struct array a;
		if (table_read(&table->v[i], storages, &a) < 0)
			return -1;
		*place_of(b, a.name) = a.data;
		free(a.name);
	}
	if (b->with)
		return 0;
	b->with = xcalloc((size_t)b->n, sizeof *b->with);
	for (int i = 0; i < b->n; i++)
		b->with[i] = i;
	return 0;
}

static int read_place(struct fkd_batch *b, struct bytes *file)
{
	struct state_table table = {0};
	struct bytes *storages = NULL;
	*b = (struct fkd_batch){0};
	if (!file)
		return -1;
	int err = bytes_size(file) > FKD_FILE_MAX
	              ? fail("'%s' is larger than 1 GiB", bytes_name(file))
	              : torch_zip_read_any(file, take_list, b, &table, &storages);
	if (!err)
		err = take_elements(b, &table, storages);
	table_free(&table);
	bytes_close(storages);
	bytes_close(file);
	return err;
}

int fkd_read(struct fkd_batch *b, const char *path)
{
	struct stat st;
	*b = (struct fkd_batch){0};
	if (stat(path, &st))
		return fail("cannot open '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail("'%s' is not a file", path);
	return read_place(b, bytes_open(path));
}

int fkd_read_memory(struct fkd_batch *b, const void *data, size_t size)
{
	return read_place(b, bytes_open_memory(data, size));
}

void fkd_free(struct fkd_batch *b)
{
	free(b->coords);
	free(b->flips);
	free(b->with);
	free(b->logits);
	*b = (struct fkd_batch){0};
}
