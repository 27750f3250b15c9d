#include "formats/weights/torch-dict.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

static int compare_keys(const char *a, size_t n, const char *b, size_t m)
{
	int d = memcmp(a, b, n < m ? n : m);
	return d ? d : (n > m) - (n < m);
}

static int by_key(const void *a, const void *b)
{
	const struct storage *x = *(struct storage *const *)a, *y = *(struct storage *const *)b;
	return compare_keys(x->key, x->n, y->key, y->n);
}

int storages_collect(struct storages *s, const struct pickle *p, const char *file)
{
	size_t n;
	struct storage **all = pickle_storages(p, &n);
	*s = (struct storages){xcalloc(n + 1, sizeof *s->v), 0};
	if (n)
		memcpy(s->v, all, n * sizeof *all);
	qsort(s->v, n, sizeof *s->v, by_key);
	for (size_t i = 0; i < n; i++) {
		const struct storage *last = s->n ? s->v[s->n - 1] : NULL, *now = s->v[i];
		if (!last || by_key(&last, &now))
			s->v[s->n++] = s->v[i];
		else if (last->type != now->type || last->count != now->count)
			return fail("'%s' gives storage '%.*s' two lengths or types", file,
			    (int)now->n, now->key);
	}
	return 0;
}

struct storage *storages_find(const struct storages *s, const char *key, size_t n)
{
	size_t first = 0, end = s->n;
	while (first < end) {
		size_t middle = (first + end) / 2;
		int d = compare_keys(key, n, s->v[middle]->key, s->v[middle]->n);
		if (!d)
			return s->v[middle];
		if (d < 0)
			end = middle;
		else
			first = middle + 1;
	}
	return NULL;
}

/* Returns UINT64_MAX if there are too many to count. */
uint64_t storage_bytes(const struct storage *s)
{
	uint64_t bytes;
	return __builtin_mul_overflow((uint64_t)s->count, state_type_size(s->type), &bytes)
	           ? UINT64_MAX
	           : bytes;
}

void storages_free(struct storages *s)
{
	free(s->v);
	*s = (struct storages){0};
}

int torch_tensor(struct state_table *table, const struct value *v, const char *name, size_t n,
    const struct storages *s, const char *file, uint64_t size)
{
	const struct storage *mine = v->tensor.storage,
	                     *placed = storages_find(s, mine->key, mine->n);
	struct state_tensor t = *v->tensor.layout;
	t.at = placed->at + (uint64_t)mine->first * state_type_size(t.type);
	return table_add(table, &t, name, n, file, size);
}

/* A depth-first walk through a checkpoint; both bounds are for hostile files. */
enum { DEPTH_MAX = 16, VISITS_MAX = 1 << 20 };
struct walk {
	struct state_table *table;
	const struct storages *storages;
	const char *file;
	uint64_t size;
	char *path; /* of the current value, n bytes */
	size_t n;
	int visits, depth;
	const struct value *above[DEPTH_MAX]; /* the values above it: one may contain itself */
};

/* Steps into a value. False: it has nothing below it, is being walked already, or is too deep. */
static bool enter(struct walk *w, const struct value *v)
{
	if ((v->kind != VALUE_DICT && v->kind != VALUE_LIST) || w->depth == DEPTH_MAX)
		return false;
	for (int i = 0; i < w->depth; i++)
		if (w->above[i] == v)
			return false;
	w->above[w->depth++] = v;
	return true;
}

static void leave(struct walk *w)
{
	w->depth--;
}

static bool is_text(const struct value *v)
{
	return v->kind == VALUE_TEXT;
}

/* Returns whether v is an array. Numbers, such as an epoch, may be tensors of rank 0. */
static bool is_array(const struct value *v)
{
	return v->kind == VALUE_TENSOR && v->tensor.layout->rank;
}

/* Returns whether arrays are below a dict's text keys: those of a state dict are text, of an
 * optimiser numbers. */
static bool has_arrays(struct walk *w, const struct value *dict)
{
	bool found = false;
	if (dict->kind != VALUE_DICT || !enter(w, dict))
		return false;
	for (size_t i = 0; i + 2 <= dict->list.n && !found && ++w->visits <= VISITS_MAX; i += 2) {
		const struct value *member = dict->list.v[i + 1];
		found = is_text(dict->list.v[i]) && (is_array(member) || has_arrays(w, member));
	}
	leave(w);
	return found;
}

/* Returns the innermost dict that has all named arrays. */
static const struct value *state_dict(struct walk *w, const struct value *dict)
{
	const struct value *last = dict;
	int n = 0;
	if (!enter(w, dict))
		return dict;
	for (size_t i = 0; i + 2 <= dict->list.n && n < 2; i += 2) {
		const struct value *member = dict->list.v[i + 1];
		if (!is_text(dict->list.v[i]) || (!is_array(member) && !has_arrays(w, member)))
			continue;
		last = member;
		n++;
	}
	if (n == 1 && last->kind == VALUE_DICT)
		dict = state_dict(w, last);
	leave(w);
	return dict;
}

static void append(struct walk *w, const char *key, size_t n)
{
	w->path = xrealloc(w->path, w->n + n + 1, 1);
	if (w->n)
		w->path[w->n++] = '.';
	if (n)
		memcpy(w->path + w->n, key, n);
	w->n += n;
}

/* Appends "key", or "3" in a list. False: the table does not want what is below this key. */
static bool append_key(struct walk *w, const struct value *v, size_t i)
{
	const struct value *key = v->list.v[i];
	bool list = v->kind == VALUE_LIST;
	if (!list && is_text(key)) {
		append(w, key->text.p, key->text.n);
		return true;
	}
	if (!w->table->nested || (!list && key->kind != VALUE_NUMBER))
		return false;
	char *number = list ? xasprintf("%zu", i) : xasprintf("%lld", (long long)key->number);
	append(w, number, strlen(number));
	free(number);
	return true;
}

static int add_below(struct walk *w, const struct value *v);

static int add_members(struct walk *w, const struct value *v)
{
	size_t step = v->kind == VALUE_DICT ? 2 : 1, n = w->n;
	int err = 0;
	for (size_t i = 0; i + step <= v->list.n && !err; i += step) {
		const struct value *member = v->list.v[i + step - 1];
		if (++w->visits > VISITS_MAX)
			return fail("'%s' holds more than %d objects", w->file, VISITS_MAX);
		if (append_key(w, v, i))
			err = add_below(w, member);
		else if (member->kind == VALUE_TENSOR && !n)
			err = fail("'%s' holds a tensor without a name", w->file);
		w->n = n;
	}
	return err;
}

static int add_below(struct walk *w, const struct value *v)
{
	if (v->kind == VALUE_TENSOR)
		return torch_tensor(w->table, v, w->path, w->n, w->storages, w->file, w->size);
	if (!enter(w, v))
		return 0;
	int err = add_members(w, v);
	leave(w);
	return err;
}

int torch_table(struct state_table *table, const struct value *root, const struct storages *s,
    const char *file, uint64_t size)
{
	struct walk w = {.table = table, .storages = s, .file = file, .size = size};
	bool list = table->nested && root->kind == VALUE_LIST;
	if (root->kind != VALUE_DICT && !list)
		return fail("'%s' holds no dict of tensors by name", file);
	const struct value *dict = list ? root : state_dict(&w, root);
	w.visits = 0;
	int err = add_below(&w, dict);
	if (!err && table->nested && dict != root && enter(&w, dict)) /* walk it only once */
		err = add_below(&w, root);
	free(w.path);
	return err;
}
