#include "formats/weights/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "formats/weights/pickle-machine.h"
#include "formats/weights/pickle-names.h"
#include "lib/base/err.h"

enum {
	VALUES_MAX = 1 << 20, /* also of the memo */
	ENTRIES_MAX = 4 * VALUES_MAX,
	STACK_MAX = 1 << 16, /* Python writes long lists in pieces of 1000 */
	NAME_MAX = 256,      /* of a module, of a function */
};

int pickle_damaged(const struct pickle *p)
{
	return fail("'%s' has a damaged pickle", p->file);
}

static void list_add(struct list *l, struct value *v)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 8;
		l->v = xrealloc(l->v, l->cap, sizeof *l->v);
	}
	l->v[l->n++] = v;
}

struct value *pickle_value(struct pickle *p, enum value_kind kind)
{
	if (p->values.n == VALUES_MAX)
		return fail_null("'%s' has a pickle of over a million values", p->file);
	struct value *v = xcalloc(1, sizeof *v);
	v->kind = kind;
	list_add(&p->values, v);
	return v;
}

static void value_free(struct value *v)
{
	if (v->kind == VALUE_LIST || v->kind == VALUE_DICT)
		free(v->list.v);
	else if (v->kind == VALUE_TENSOR)
		free(v->tensor.layout);
	else if (v->kind == VALUE_TEXT)
		free(v->text.owned);
	free(v);
}

bool value_is_text(const struct value *v, const char *s)
{
	return v->kind == VALUE_TEXT && v->text.n == strlen(s) && !memcmp(v->text.p, s, v->text.n);
}

const struct value *value_get(const struct value *dict, const char *key)
{
	for (size_t i = 0; dict->kind == VALUE_DICT && i < dict->list.n; i += 2)
		if (value_is_text(dict->list.v[i], key))
			return dict->list.v[i + 1];
	return NULL;
}

static int push(struct pickle *p, struct value *v)
{
	if (!v)
		return -1;
	if (p->stack.n == STACK_MAX)
		return pickle_damaged(p);
	list_add(&p->stack, v);
	return 0;
}

static int push_new(struct pickle *p, enum value_kind kind)
{
	return push(p, pickle_value(p, kind));
}

/* Pops a value; those below the last mark stay until the mark is taken away. */
static struct value *pop(struct pickle *p)
{
	size_t floor = p->n_marks ? p->marks[p->n_marks - 1] : 0;
	if (p->stack.n > floor)
		return p->stack.v[--p->stack.n];
	pickle_damaged(p);
	return NULL;
}

static struct value *top(struct pickle *p)
{
	struct value *v = pop(p);
	p->stack.n += v != NULL;
	return v;
}

/* Takes away the last mark and the values above it, which stay valid until the next push. -1:
 * fail_message, there is no mark. */
static int take_marked(struct pickle *p, struct value ***v, size_t *n)
{
	if (!p->n_marks)
		return pickle_damaged(p);
	size_t mark = p->marks[--p->n_marks];
	*v = p->stack.v + mark;
	*n = p->stack.n - mark;
	p->stack.n = mark;
	return 0;
}

static int need(struct pickle *p, uint64_t n)
{
	return n <= (uint64_t)(p->end - p->at)
	           ? 0
	           : fail("'%s' has a pickle that is cut short", p->file);
}

/* Reads a little-endian number of `bytes` bytes. */
static int read_number(struct pickle *p, int bytes, uint64_t *v)
{
	if (need(p, (uint64_t)bytes) < 0)
		return -1;
	*v = 0;
	for (int i = bytes; i-- > 0;)
		*v = *v << 8 | p->at[i];
	p->at += bytes;
	return 0;
}

static int read_line(struct pickle *p, const char **line, size_t *n)
{
	const uint8_t *end = memchr(p->at, '\n', (size_t)(p->end - p->at));
	if (!end || end - p->at > NAME_MAX)
		return pickle_damaged(p);
	*line = (const char *)p->at;
	*n = (size_t)(end - p->at);
	p->at = end + 1;
	return 0;
}

static int op_nothing(struct pickle *p, int n)
{
	uint64_t unused;
	return n ? read_number(p, n, &unused) : 0;
}

static int op_none(struct pickle *p, int n)
{
	(void)n;
	return push_new(p, VALUE_NONE);
}

/* Reads eight bytes, the most significant first. */
static int op_real(struct pickle *p, int n)
{
	uint64_t little;
	if (read_number(p, n, &little) < 0)
		return -1;
	struct value *v = pickle_value(p, VALUE_REAL);
	uint64_t bits = __builtin_bswap64(little);
	if (v)
		memcpy(&v->real, &bits, sizeof v->real);
	return push(p, v);
}

static int push_number(struct pickle *p, int64_t number)
{
	struct value *v = pickle_value(p, VALUE_NUMBER);
	if (v)
		v->number = number;
	return push(p, v);
}

static int op_bool(struct pickle *p, int n)
{
	return push_number(p, n);
}

/* Reads n bytes; only four carry a sign. */
static int op_int(struct pickle *p, int n)
{
	uint64_t v;
	if (read_number(p, n, &v) < 0)
		return -1;
	return push_number(p, n == 4 ? (int32_t)v : (int64_t)v);
}

/* n: bytes of the text's length. */
static int op_text(struct pickle *p, int n)
{
	uint64_t length;
	if (read_number(p, n, &length) < 0 || need(p, length) < 0)
		return -1;
	struct value *v = pickle_value(p, VALUE_TEXT);
	if (v) {
		v->text.p = (const char *)p->at;
		v->text.n = length;
		p->at += length;
	}
	return push(p, v);
}

/* Reads an integer of any length, two's complement. */
static int op_long(struct pickle *p, int n)
{
	if (op_text(p, n) < 0)
		return -1;
	struct value *v = p->stack.v[p->stack.n - 1];
	const uint8_t *bytes = (const uint8_t *)v->text.p;
	size_t length = v->text.n;
	if (length > 8)
		return 0;
	uint64_t number = length && bytes[length - 1] & 0x80 ? UINT64_MAX : 0;
	for (size_t i = length; i-- > 0;)
		number = number << 8 | bytes[i];
	*v = (struct value){.kind = VALUE_NUMBER, .number = (int64_t)number};
	return 0;
}

static int op_empty(struct pickle *p, int kind)
{
	return push_new(p, (enum value_kind)kind);
}

int pickle_extend(struct pickle *p, struct value *to, struct value *const *v, size_t n)
{
	if (to->kind == VALUE_DICT && n % 2)
		return pickle_damaged(p);
	if (to->kind != VALUE_DICT && to->kind != VALUE_LIST)
		return 0;
	if (n > ENTRIES_MAX - p->entries)
		return fail("'%s' has a pickle of over four million entries", p->file);
	p->entries += n;
	for (size_t i = 0; i < n; i++)
		list_add(&to->list, v[i]);
	return 0;
}

/* Makes a tuple of the last n values. */
static int op_tuple(struct pickle *p, int n)
{
	struct value *v[3], *tuple = pickle_value(p, VALUE_LIST);
	for (int i = n; i-- > 0;)
		if (!(v[i] = pop(p)))
			return -1;
	if (!tuple || pickle_extend(p, tuple, v, (size_t)n) < 0)
		return -1;
	return push(p, tuple);
}

static int op_mark(struct pickle *p, int n)
{
	(void)n;
	if (p->n_marks == PICKLE_MARKS_MAX)
		return fail("'%s' has a pickle that is nested too deep", p->file);
	p->marks[p->n_marks++] = p->stack.n;
	return 0;
}

/* Makes a container of the values above the mark. */
static int op_marked(struct pickle *p, int kind)
{
	struct value **v = NULL, *to = pickle_value(p, (enum value_kind)kind);
	size_t n = 0;
	if (!to || take_marked(p, &v, &n) < 0 || pickle_extend(p, to, v, n) < 0)
		return -1;
	return push(p, to);
}

/* Adds the values above the mark to the container below it. */
static int op_extend(struct pickle *p, int kind)
{
	struct value **v = NULL, *to;
	size_t n = 0;
	if (take_marked(p, &v, &n) < 0 || !(to = top(p)))
		return -1;
	if (to->kind != (enum value_kind)kind && to->kind != VALUE_OPAQUE)
		return pickle_damaged(p);
	return pickle_extend(p, to, v, n);
}

/* Adds the last n values to the container below them. */
static int op_add(struct pickle *p, int n)
{
	struct value *v[2], *to;
	for (int i = n; i-- > 0;)
		if (!(v[i] = pop(p)))
			return -1;
	if (!(to = top(p)))
		return -1;
	if (to->kind != (n == 2 ? VALUE_DICT : VALUE_LIST) && to->kind != VALUE_OPAQUE)
		return pickle_damaged(p);
	return pickle_extend(p, to, v, (size_t)n);
}

static int op_pop(struct pickle *p, int n)
{
	struct value **v;
	size_t count;
	if (n || (p->n_marks &&
	             p->marks[p->n_marks - 1] == p->stack.n)) /* Python's POP takes a mark, too */
		return take_marked(p, &v, &count);
	return pop(p) ? 0 : -1;
}

static int op_duplicate(struct pickle *p, int n)
{
	(void)n;
	return push(p, top(p));
}

static int remember(struct pickle *p, uint64_t place)
{
	struct value *v = top(p);
	if (!v)
		return -1;
	if (place >= VALUES_MAX)
		return pickle_damaged(p);
	while (p->memo.n <= place)
		list_add(&p->memo, NULL);
	p->memo.v[place] = v;
	return 0;
}

static int op_put(struct pickle *p, int n)
{
	uint64_t place;
	return read_number(p, n, &place) < 0 ? -1 : remember(p, place);
}

static int op_memoize(struct pickle *p, int n)
{
	(void)n;
	return remember(p, p->memo.n);
}

static int op_get(struct pickle *p, int n)
{
	uint64_t place;
	if (read_number(p, n, &place) < 0)
		return -1;
	return place < p->memo.n && p->memo.v[place] ? push(p, p->memo.v[place])
	                                             : pickle_damaged(p);
}

static int push_named(struct pickle *p, const char *module, size_t n, const char *name, size_t m)
{
	const struct pickle_name *named = pickle_name_find(module, n, name, m);
	if (!named)
		return fail("'%s' asks to run '%.*s.%.*s': refused", p->file,
		    (int)(n < NAME_MAX ? n : NAME_MAX), module, (int)(m < NAME_MAX ? m : NAME_MAX),
		    name);
	struct value *v = pickle_value(p, VALUE_NAMED);
	if (v)
		v->named = named;
	return push(p, v);
}

static int op_global(struct pickle *p, int unused)
{
	const char *module = NULL, *name = NULL;
	size_t n = 0, m = 0;
	(void)unused;
	if (read_line(p, &module, &n) < 0 || read_line(p, &name, &m) < 0)
		return -1;
	return push_named(p, module, n, name, m);
}

static int op_stack_global(struct pickle *p, int n)
{
	struct value *name = pop(p), *module = name ? pop(p) : NULL;
	(void)n;
	if (!module)
		return -1;
	if (name->kind != VALUE_TEXT || module->kind != VALUE_TEXT)
		return pickle_damaged(p);
	return push_named(p, module->text.p, module->text.n, name->text.p, name->text.n);
}

static int op_call(struct pickle *p, int n)
{
	struct value *args = pop(p), *f = args ? pop(p) : NULL;
	(void)n;
	return f ? push(p, pickle_call(p, f, args)) : -1;
}

static int op_build(struct pickle *p, int n)
{
	struct value *state = pop(p), *v = state ? top(p) : NULL;
	(void)n;
	if (!v)
		return -1;
	pickle_build(v, state);
	return 0;
}

static int op_storage(struct pickle *p, int n)
{
	struct value *id = pop(p);
	(void)n;
	return id ? push(p, pickle_storage(p, id)) : -1;
}

static int op_protocol(struct pickle *p, int n)
{
	uint64_t version;
	if (read_number(p, n, &version) < 0)
		return -1;
	return version >= 2 && version <= 5
	           ? 0
	           : fail("'%s' has a pickle of protocol %d; 2 to 5 are read", p->file,
	                 (int)version);
}

static int op_stop(struct pickle *p, int n)
{
	(void)n;
	p->stopped = true;
	return p->stack.n && !p->n_marks ? 0 : pickle_damaged(p);
}

/* After Lib/pickletools.py; n is passed to the function. */
static const struct {
	int (*run)(struct pickle *p, int n);
	int n;
} instructions[256] = {
    [0x80] = {op_protocol, 1},
    [0x95] = {op_nothing, 8}, /* FRAME */
    ['.'] = {op_stop, 0},
    ['N'] = {op_none, 0},
    ['G'] = {op_real, 8}, /* BINFLOAT */
    [0x88] = {op_bool, 1},
    [0x89] = {op_bool, 0},
    ['K'] = {op_int, 1},
    ['M'] = {op_int, 2},
    ['J'] = {op_int, 4},
    [0x8a] = {op_long, 1},
    [0x8b] = {op_long, 4},
    ['U'] = {op_text, 1}, /* Python 2's str */
    ['T'] = {op_text, 4},
    ['C'] = {op_text, 1}, /* bytes */
    ['B'] = {op_text, 4},
    [0x8e] = {op_text, 8},
    [0x8c] = {op_text, 1}, /* str */
    ['X'] = {op_text, 4},
    [0x8d] = {op_text, 8},
    [0x96] = {op_text, 8}, /* bytearray */
    ['('] = {op_mark, 0},
    ['0'] = {op_pop, 0},
    ['1'] = {op_pop, 1},
    ['2'] = {op_duplicate, 0},
    [')'] = {op_empty, VALUE_LIST},
    [']'] = {op_empty, VALUE_LIST},
    ['}'] = {op_empty, VALUE_DICT},
    [0x8f] = {op_empty, VALUE_OPAQUE}, /* a set */
    [0x85] = {op_tuple, 1},
    [0x86] = {op_tuple, 2},
    [0x87] = {op_tuple, 3},
    ['t'] = {op_marked, VALUE_LIST},
    ['l'] = {op_marked, VALUE_LIST},
    ['d'] = {op_marked, VALUE_DICT},
    [0x91] = {op_marked, VALUE_OPAQUE}, /* a frozenset */
    ['a'] = {op_add, 1},
    ['s'] = {op_add, 2},
    ['e'] = {op_extend, VALUE_LIST},
    ['u'] = {op_extend, VALUE_DICT},
    [0x90] = {op_extend, VALUE_OPAQUE},
    ['q'] = {op_put, 1},
    ['r'] = {op_put, 4},
    [0x94] = {op_memoize, 0},
    ['h'] = {op_get, 1},
    ['j'] = {op_get, 4},
    ['c'] = {op_global, 0},
    [0x93] = {op_stack_global, 0},
    ['R'] = {op_call, 0},
    [0x81] = {op_call, 0}, /* NEWOBJ */
    ['b'] = {op_build, 0},
    ['Q'] = {op_storage, 0},
};

static int run(struct pickle *p)
{
	while (!p->stopped) {
		if (need(p, 1) < 0)
			return -1;
		int code = *p->at++;
		if (!instructions[code].run)
			return fail(
			    "'%s' has a pickle with the instruction 0x%02x, which is not read",
			    p->file, code);
		if (instructions[code].run(p, instructions[code].n) < 0)
			return -1;
	}
	return 0;
}

struct pickle *pickle_open(const char *file)
{
	struct pickle *p = xcalloc(1, sizeof *p);
	p->file = file;
	return p;
}

const struct value *pickle_read(struct pickle *p, const uint8_t *data, size_t size, size_t *used)
{
	p->at = data;
	p->end = data + size;
	p->stack.n = p->memo.n = p->n_marks = 0;
	p->stopped = false;
	if (run(p) < 0)
		return NULL;
	*used = (size_t)(p->at - data);
	return p->stack.v[p->stack.n - 1];
}

struct storage **pickle_storages(const struct pickle *p, size_t *n)
{
	*n = p->n_storages;
	return p->storages;
}

void pickle_close(struct pickle *p)
{
	for (size_t i = 0; i < p->values.n; i++)
		value_free(p->values.v[i]);
	for (size_t i = 0; i < p->n_storages; i++)
		free(p->storages[i]);
	free(p->values.v);
	free(p->storages);
	free(p->stack.v);
	free(p->memo.v);
	free(p);
}
