/* A reader of Python's pickles that runs nothing. A pickle is a program for a small stack machine,
 * whose instructions may ask for any function of any module. This machine knows, by name, the few
 * that make up the state dicts of torch.save, makes plain values of them, and refuses everything
 * else. It reads the instructions of protocols 2 to 5, except those for cyclic classes, extensions
 * and out-of-band buffers. Source: Python's Lib/pickletools.py, torch/serialization.py. */
#ifndef FD2_PICKLE_H
#define FD2_PICKLE_H
#include "formats/weights/state-type.h"
#include <stdbool.h>

enum { PICKLE_SIZE_MAX = 64 << 20 }; /* bytes; a reader may refuse longer pickles */

enum value_kind {
	VALUE_OPAQUE, /* a set, an optimiser's settings, ...: nothing of interest */
	VALUE_NONE,
	VALUE_NUMBER, /* an integer or a bool, NumPy's scalars included */
	VALUE_REAL,   /* a float, NumPy's included */
	VALUE_TEXT,   /* str or bytes; also an integer over 64 bits, as its bytes */
	VALUE_LIST,   /* list or tuple */
	VALUE_DICT,
	VALUE_NAMED, /* one of the known functions and classes */
	VALUE_DTYPE, /* NumPy's type of a scalar; its name is the text */
	VALUE_STORAGE,
	VALUE_TENSOR,
};

/* Memory that tensors share, outside of the pickle. */
struct storage {
	const char *key; /* n bytes */
	size_t n;
	enum state_type type;
	int64_t count; /* elements of the whole storage */
	int64_t first,
	    used; /* of its view (only the earliest files): first element, number of elements */
	/* For the container's reader: */
	uint64_t at; /* its first byte in the file */
	bool there;
};

struct value;
struct list {
	struct value **v;
	size_t n, cap;
};

struct value {
	enum value_kind kind;
	union {
		int64_t number;
		double real;
		struct {
			const char *p; /* n bytes of the pickle, or owned */
			size_t n;
			char *owned; /* NULL, or p */
		} text;
		struct list list; /* a dict: key, value, key, value, ... */
		const struct pickle_name *named;
		struct storage *storage;
		struct {
			const struct storage *storage;
			struct state_tensor *layout; /* without name and `at` */
		} tensor;
	};
};

/* Owns all values of the pickles that it reads. */
struct pickle;
/* Begins; file is for messages, and borrowed. */
struct pickle *pickle_open(const char *file);
/* Reads one pickle from the beginning of `data` (borrowed until pickle_close) and sets *used to its
 * length. The value may contain itself. NULL: fail_message, such as "'x.pth' asks to run
 * 'os.system': refused". */
const struct value *pickle_read(struct pickle *p, const uint8_t *data, size_t size, size_t *used);
/* Returns all storages that were named, in the order of the pickles; a key may occur more than
 * once. */
struct storage **pickle_storages(const struct pickle *p, size_t *n);
void pickle_close(struct pickle *p);

bool value_is_text(const struct value *v, const char *s);
/* Returns the value of a text key, or NULL. */
const struct value *value_get(const struct value *dict, const char *key);
#endif
