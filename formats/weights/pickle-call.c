/* Makes the values of the known calls: tensors, dicts, storages, NumPy's scalars. */
#include <stdlib.h>
#include <string.h>

#include "formats/weights/pickle-machine.h"
#include "formats/weights/pickle-names.h"
#include "formats/weights/state-table.h"
#include "lib/base/err.h"

static bool is_list(const struct value *v, size_t least)
{
	return v->kind == VALUE_LIST && v->list.n >= least;
}

/* Copies the numbers of a shape. */
static bool copy_numbers(int64_t *to, const struct value *list)
{
	for (size_t i = 0; i < list->list.n; i++) {
		if (list->list.v[i]->kind != VALUE_NUMBER)
			return false;
		to[i] = list->list.v[i]->number;
	}
	return true;
}

/* args: (storage, offset, shape, strides, ...) */
static struct value *make_tensor(struct pickle *p, const struct value *args)
{
	struct value **a = args->list.v;
	if (!is_list(args, 4) || a[0]->kind != VALUE_STORAGE || a[1]->kind != VALUE_NUMBER ||
	    !is_list(a[2], 0) || !is_list(a[3], 0) || a[2]->list.n != a[3]->list.n ||
	    a[2]->list.n > STREAM_RANK_MAX)
		return fail_null(
		    "'%s' has a tensor whose storage or shape is none, or of more than %d sides",
		    p->file, STREAM_RANK_MAX);
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

/* Makes OrderedDict() or OrderedDict([(key, value), ...]), which Python 2 wrote. */
static struct value *make_dict(struct pickle *p, const struct value *args)
{
	struct value *dict = pickle_value(p, VALUE_DICT);
	const struct value *pairs = args->list.n ? args->list.v[0] : args;
	if (!is_list(pairs, 0) || !dict)
		return dict ? pickle_damaged(p), NULL : NULL;
	for (size_t i = 0; i < pairs->list.n; i++) {
		const struct value *pair = pairs->list.v[i];
		if (!is_list(pair, 2))
			return pickle_damaged(p), NULL;
		if (pickle_extend(p, dict, pair->list.v, 2) < 0)
			return NULL;
	}
	return dict;
}

static struct value *make_dtype(struct pickle *p, const struct value *args)
{
	const struct value *name = args->list.n ? args->list.v[0] : args;
	struct value *v = pickle_value(p, name->kind == VALUE_TEXT ? VALUE_DTYPE : VALUE_OPAQUE);
	if (v && v->kind == VALUE_DTYPE) {
		v->text.p = name->text.p;
		v->text.n = name->text.n;
	}
	return v;
}

/* state: (3, byte order, ...). Big-endian scalars are not known. */
void pickle_build(struct value *v, const struct value *state)
{
	if (v->kind == VALUE_DTYPE && (!is_list(state, 2) || !value_is_text(state->list.v[1], "<")))
		v->kind = VALUE_OPAQUE;
}

/* Returns whether the type has that name and the bytes have its size. */
static bool named_and_sized(
    const struct value *type, const struct value *bytes, const char *name, size_t size)
{
	return type->text.n == strlen(name) && !memcmp(type->text.p, name, type->text.n) &&
	       bytes->text.n == size;
}

static struct value *make_scalar(struct pickle *p, const struct value *args)
{
	struct value *v = pickle_value(p, VALUE_OPAQUE), **a = args->list.v;
	int32_t narrow;
	float single;
	if (!v || args->list.n != 2 || a[0]->kind != VALUE_DTYPE || a[1]->kind != VALUE_TEXT)
		return v;
	if (named_and_sized(a[0], a[1], "i8", sizeof v->number)) {
		v->kind = VALUE_NUMBER;
		memcpy(&v->number, a[1]->text.p, sizeof v->number);
	} else if (named_and_sized(a[0], a[1], "i4", sizeof narrow)) {
		v->kind = VALUE_NUMBER;
		memcpy(&narrow, a[1]->text.p, sizeof narrow);
		v->number = narrow;
	} else if (named_and_sized(a[0], a[1], "f8", sizeof v->real)) {
		v->kind = VALUE_REAL;
		memcpy(&v->real, a[1]->text.p, sizeof v->real);
	} else if (named_and_sized(a[0], a[1], "f4", sizeof single)) {
		v->kind = VALUE_REAL;
		memcpy(&single, a[1]->text.p, sizeof single);
		v->real = single;
	}
	return v;
}

/* Converts UTF-8 of characters below 256 to those bytes, and returns their number. -1: there are
 * other characters. */
static int latin1(char *to, const struct value *text)
{
	const unsigned char *s = (const unsigned char *)text->text.p, *end = s + text->text.n;
	int n = 0;
	while (s < end) {
		if (*s >= 0x80 &&
		    ((*s != 0xc2 && *s != 0xc3) || s + 1 == end || (s[1] & 0xc0) != 0x80))
			return -1;
		to[n++] = (char)(*s < 0x80 ? s[0] : (s[0] & 3) << 6 | (s[1] & 0x3f));
		s += *s < 0x80 ? 1 : 2;
	}
	return n;
}

/* Makes the bytes of a number, which are few; long ones, which a pickle could ask for again and
 * again, are ignored. */
static struct value *make_bytes(struct pickle *p, const struct value *args)
{
	enum { BYTES_MAX = 32 };
	struct value *v = pickle_value(p, VALUE_OPAQUE);
	const struct value *text = args->list.n ? args->list.v[0] : args;
	char bytes[BYTES_MAX];
	if (!v || args->list.n != 2 || text->kind != VALUE_TEXT || text->text.n > BYTES_MAX ||
	    !value_is_text(args->list.v[1], "latin1"))
		return v;
	int n = latin1(bytes, text);
	if (n < 0)
		return v;
	v->kind = VALUE_TEXT;
	v->text.n = (size_t)n;
	v->text.p = v->text.owned = xmalloc((size_t)n + 1);
	memcpy(v->text.owned, bytes, (size_t)n);
	return v;
}

struct value *pickle_call(struct pickle *p, const struct value *f, struct value *args)
{
	enum role role = f->kind == VALUE_NAMED ? f->named->role : ROLE_OPAQUE;
	if ((f->kind != VALUE_NAMED && f->kind != VALUE_OPAQUE) ||
	    !is_list(args, role == ROLE_FIRST) || role == ROLE_STORAGE)
		return pickle_damaged(p), NULL;
	switch (role) {
	case ROLE_TENSOR:
		return make_tensor(p, args);
	case ROLE_DICT:
		return make_dict(p, args);
	case ROLE_FIRST:
		return args->list.v[0];
	case ROLE_DTYPE:
		return make_dtype(p, args);
	case ROLE_SCALAR:
		return make_scalar(p, args);
	case ROLE_ENCODE:
		return make_bytes(p, args);
	default:
		return pickle_value(p, VALUE_OPAQUE);
	}
}

/* Takes the view (key, first, count) of a storage, which the earliest files had. */
static bool narrow(struct storage *s, const struct value *view)
{
	struct value **a = view->list.v;
	if (view->kind != VALUE_LIST)
		return true;
	if (view->list.n != 3 || a[1]->kind != VALUE_NUMBER || a[2]->kind != VALUE_NUMBER)
		return false;
	s->first = a[1]->number;
	s->used = a[2]->number;
	return s->first >= 0 && s->used >= 0 && s->first <= s->count &&
	       s->used <= s->count - s->first;
}

static void keep_storage(struct pickle *p, struct storage *s)
{
	if (p->n_storages == p->cap_storages) {
		p->cap_storages = p->cap_storages ? 2 * p->cap_storages : 64;
		p->storages = xrealloc(p->storages, p->cap_storages, sizeof *p->storages);
	}
	p->storages[p->n_storages++] = s;
}

/* id: ('storage', type, key, device, elements), and a view in legacy files. */
struct value *pickle_storage(struct pickle *p, const struct value *id)
{
	struct value **a = id->list.v, *v;
	if (!is_list(id, 5) || !value_is_text(a[0], "storage") || a[1]->kind != VALUE_NAMED ||
	    a[1]->named->role != ROLE_STORAGE || a[2]->kind != VALUE_TEXT ||
	    a[4]->kind != VALUE_NUMBER || a[4]->number < 0)
		return fail_null("'%s' refers to something outside of its pickle that is not the "
		                 "storage of a tensor",
		    p->file);
	if (!(v = pickle_value(p, VALUE_STORAGE)))
		return NULL;
	struct storage *s = v->storage = xcalloc(1, sizeof *s);
	keep_storage(p, s);
	*s = (struct storage){.key = a[2]->text.p,
	    .n = a[2]->text.n,
	    .type = a[1]->named->type,
	    .count = a[4]->number,
	    .used = a[4]->number};
	if (id->list.n > 5 && !narrow(s, a[5]))
		return pickle_damaged(p), NULL;
	return v;
}
