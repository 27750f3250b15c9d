/* What the known calls make: tensors, dicts, storages. */
#include <stdlib.h>

#include "formats/pickle-machine.h"
#include "formats/pickle-names.h"
#include "formats/state-table.h"
#include "lib/base/err.h"

static bool is_list(const struct value *v, size_t least)
{
	return v->kind == VALUE_LIST && v->list.n >= least;
}

/* Numbers of a shape. */
static bool copy_numbers(int64_t *to, const struct value *list)
{
	for (size_t i = 0; i < list->list.n; i++) {
		if (list->list.v[i]->kind != VALUE_NUMBER)
			return false;
		to[i] = list->list.v[i]->number;
	}
	return true;
}

/* (storage, offset, shape, strides, ...) */
static struct value *make_tensor(struct pickle *p, const struct value *args)
{
	struct value **a = args->list.v;
	if (!is_list(args, 4) || a[0]->kind != VALUE_STORAGE || a[1]->kind != VALUE_NUMBER || !is_list(a[2], 0) ||
	    !is_list(a[3], 0) || a[2]->list.n != a[3]->list.n || a[2]->list.n > STREAM_RANK_MAX)
		return fail_null(
		    "'%s' has a tensor whose storage or shape is none, or of more than %d sides", p->file, STREAM_RANK_MAX);
	struct value *v = pickle_value(p, VALUE_TENSOR);
	if (!v)
		return NULL;
	struct state_tensor *t = v->tensor.layout = xcalloc(1, sizeof *t);
	v->tensor.storage = a[0]->storage;
	t->type = a[0]->storage->type;
	t->count = a[0]->storage->used;
	t->offset = a[1]->number;
	t->rank = (int)a[2]->list.n;
	if (copy_numbers(t->shape, a[2]) && copy_numbers(t->stride, a[3]))
		return v;
	pickle_damaged(p);
	return NULL;
}

/* OrderedDict() or OrderedDict([(key, value), ...]), which Python 2 wrote */
static struct value *make_dict(struct pickle *p, const struct value *args)
{
	struct value *dict = pickle_value(p, VALUE_DICT);
	const struct value *pairs = args->list.n ? args->list.v[0] : args;
	if (!is_list(pairs, 0) || !dict)
		return dict ? pickle_damaged(p), NULL : NULL;
	for (size_t i = 0; i < pairs->list.n; i++) {
		const struct value *pair = pairs->list.v[i];
		if (!is_list(pair, 2) || pickle_extend(p, dict, pair->list.v, 2) < 0)
			return pickle_damaged(p), NULL;
	}
	return dict;
}

struct value *pickle_call(struct pickle *p, const struct value *f, struct value *args)
{
	enum role role = f->kind == VALUE_NAMED ? f->named->role : ROLE_OPAQUE;
	if ((f->kind != VALUE_NAMED && f->kind != VALUE_OPAQUE) || !is_list(args, role == ROLE_FIRST) || role == ROLE_STORAGE)
		return pickle_damaged(p), NULL;
	switch (role) {
	case ROLE_TENSOR:
		return make_tensor(p, args);
	case ROLE_DICT:
		return make_dict(p, args);
	case ROLE_FIRST:
		return args->list.v[0];
	default:
		return pickle_value(p, VALUE_OPAQUE);
	}
}

/* The part (key, first, count) of a storage, which the first files had. */
static bool narrow(struct storage *s, const struct value *view)
{
	struct value **a = view->list.v;
	if (view->kind != VALUE_LIST)
		return true;
	if (view->list.n != 3 || a[1]->kind != VALUE_NUMBER || a[2]->kind != VALUE_NUMBER)
		return false;
	s->first = a[1]->number;
	s->used = a[2]->number;
	return s->first >= 0 && s->used >= 0 && s->first <= s->count && s->used <= s->count - s->first;
}

static void keep_storage(struct pickle *p, struct storage *s)
{
	if (p->n_storages == p->cap_storages) {
		p->cap_storages = p->cap_storages ? 2 * p->cap_storages : 64;
		p->storages = xrealloc(p->storages, p->cap_storages, sizeof *p->storages);
	}
	p->storages[p->n_storages++] = s;
}

/* ('storage', type, key, device, elements), and a view in legacy files. */
struct value *pickle_storage(struct pickle *p, const struct value *id)
{
	struct value **a = id->list.v, *v;
	if (!is_list(id, 5) || !value_is_text(a[0], "storage") || a[1]->kind != VALUE_NAMED || a[1]->named->role != ROLE_STORAGE ||
	    a[2]->kind != VALUE_TEXT || a[4]->kind != VALUE_NUMBER || a[4]->number < 0)
		return fail_null("'%s' refers to something outside of its pickle that is no storage of a tensor", p->file);
	if (!(v = pickle_value(p, VALUE_STORAGE)))
		return NULL;
	struct storage *s = v->storage = xcalloc(1, sizeof *s);
	keep_storage(p, s);
	*s = (struct storage){
	    .key = a[2]->text.p, .n = a[2]->text.n, .type = a[1]->named->type, .count = a[4]->number, .used = a[4]->number};
	if (id->list.n > 5 && !narrow(s, a[5]))
		return pickle_damaged(p), NULL;
	return v;
}
