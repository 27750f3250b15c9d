#include "formats/weights/torch-dict.h"

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

/* UINT64_MAX: too many to count. */
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

static const struct value *find_dict(const struct value *root)
{
	static const char *const below[] = {"state_dict", "model_state_dict", "model"};
	for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
		const struct value *v = value_get(root, below[i]);
		if (v && v->kind == VALUE_DICT)
			return v;
	}
	return root;
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

/* Everything below a value, depth first; both bounds are for hostile files. */
enum { DEPTH_MAX = 16, VISITS_MAX = 1 << 20 };
struct walk {
	struct state_table *table;
	const struct storages *s;
	const char *file;
	uint64_t size;
	const struct value *dict; /* whose own tensors are in the table */
	int visits, depth;
	const struct value *above[DEPTH_MAX]; /* the way here: a value may contain itself */
};

static bool is_above(const struct walk *w, const struct value *v)
{
	for (int i = 0; i < w->depth; i++)
		if (w->above[i] == v)
			return true;
	return false;
}

/* "PATH.key", "PATH.3" of a list, to be freed; NULL where the key is neither text nor number. */
static char *path_of(const char *path, const struct value *v, size_t i)
{
	const char *dot = *path ? "." : "";
	const struct value *key = v->list.v[i];
	if (v->kind == VALUE_LIST)
		return xasprintf("%s%s%zu", path, dot, i);
	if (key->kind == VALUE_NUMBER)
		return xasprintf("%s%s%lld", path, dot, (long long)key->number);
	return key->kind == VALUE_TEXT
	           ? xasprintf("%s%s%.*s", path, dot, (int)key->text.n, key->text.p)
	           : NULL;
}

static int add_below(struct walk *w, const struct value *v, const char *path);

static int add_members(struct walk *w, const struct value *v, const char *path)
{
	size_t step = v->kind == VALUE_DICT ? 2 : 1;
	int err = 0;
	for (size_t i = 0; i + step <= v->list.n && !err; i += step) {
		const struct value *member = v->list.v[i + step - 1];
		if (++w->visits > VISITS_MAX)
			return fail("'%s' holds more than %d objects", w->file, VISITS_MAX);
		if (v == w->dict && member->kind == VALUE_TENSOR)
			continue;
		char *name = path_of(path, v, i);
		err = name ? add_below(w, member, name) : 0;
		free(name);
	}
	return err;
}

static int add_below(struct walk *w, const struct value *v, const char *path)
{
	if (v->kind == VALUE_TENSOR)
		return torch_tensor(w->table, v, path, strlen(path), w->s, w->file, w->size);
	if ((v->kind != VALUE_DICT && v->kind != VALUE_LIST) || w->depth == DEPTH_MAX ||
	    is_above(w, v))
		return 0;
	w->above[w->depth++] = v;
	int err = add_members(w, v, path);
	w->depth--;
	return err;
}

int torch_table(struct state_table *table, const struct value *root, const struct storages *s,
    const char *file, uint64_t size)
{
	const struct value *dict = find_dict(root);
	struct walk w = {table, s, file, size, dict, 0, 0, {NULL}};
	if (table->nested && root->kind == VALUE_LIST)
		return add_below(&w, root, "");
	if (dict->kind != VALUE_DICT)
		return fail("'%s' holds no dict of tensors by name", file);
	for (size_t i = 0; i < dict->list.n; i += 2) {
		const struct value *key = dict->list.v[i], *v = dict->list.v[i + 1];
		if (v->kind != VALUE_TENSOR)
			continue;
		if (key->kind != VALUE_TEXT)
			return fail("'%s' holds a tensor without a name", file);
		if (torch_tensor(table, v, key->text.p, key->text.n, s, file, size) < 0)
			return -1;
	}
	return table->nested ? add_below(&w, root, "") : 0;
}
