/* A reader of Python's pickles that runs nothing. A pickle is a program for a small stack
 * machine, whose instructions may ask for any function of any module; this machine knows, by
 * name, the few that make up the state dicts of torch.save, and makes plain values of them.
 * Whatever else a pickle asks for is refused. Instructions of protocols 2 to 5, but those for
 * cyclic classes, extensions and buffers out of band. Source: Python's Lib/pickletools.py,
 * torch/serialization.py. */
#ifndef FD2_PICKLE_H
#define FD2_PICKLE_H
#include "formats/weights/state-type.h"
#include <stdbool.h>

enum { PICKLE_SIZE_MAX = 64 << 20 }; /* bytes of a pickle that its reader need take */

enum value_kind {
	VALUE_OPAQUE, /* a set, an optimiser's settings, ...: nothing that is of interest */
	VALUE_NONE,
	VALUE_NUMBER, /* an integer or a bool; NumPy's scalars, too */
	VALUE_REAL,   /* a float; likewise */
	VALUE_TEXT,   /* str or bytes; also an integer over 64 bits, as its bytes */
	VALUE_LIST,   /* list or tuple */
	VALUE_DICT,
	VALUE_NAMED, /* one of the known functions and classes */
	VALUE_DTYPE, /* NumPy's type of a scalar; its name is the text */
	VALUE_STORAGE,
	VALUE_TENSOR,
};

/* A piece of memory that tensors share, outside of the pickle. */
struct storage {
	const char *key; /* n bytes */
	size_t n;
	enum state_type type;
	int64_t count; /* elements of the whole */
	int64_t first,
	    used; /* of its view (the very first files): first element and their number */
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
			struct state_tensor *layout; /* without name and place */
		} tensor;
	};
};

/* Owns all values of the pickles that it read. */
struct pickle;
/* file: for messages; borrowed. */
struct pickle *pickle_open(const char *file);
/* Reads one pickle from the beginning of `data` (borrowed until pickle_close). *used: its
 * length. The value may contain itself. NULL: fail_message, such as "'x.pth' asks to run
 * 'os.system': refused". */
const struct value *pickle_read(struct pickle *p, const uint8_t *data, size_t size, size_t *used);
/* All storages that were named, in the order of the pickles; a key may come more than once. */
struct storage **pickle_storages(const struct pickle *p, size_t *n);
void pickle_close(struct pickle *p);

bool value_is_text(const struct value *v, const char *s);
/* The value of a key that is text; NULL. */
const struct value *value_get(const struct value *dict, const char *key);
#endif
