/* The state of the machine that reads pickles, shared by its instructions (pickle.c) and by the
 * calls that they make (pickle-call.c). */
#ifndef FD2_PICKLE_MACHINE_H
#define FD2_PICKLE_MACHINE_H
#include "formats/weights/pickle.h"

enum { PICKLE_MARKS_MAX = 1000 };

struct pickle {
	const char *file;
	struct list values; /* owned */
	size_t entries;     /* in all lists and dicts, which may share values */
	struct storage **storages;
	size_t n_storages, cap_storages;
	/* The pickle that is being read: */
	const uint8_t *at, *end;
	struct list stack, memo;
	size_t marks[PICKLE_MARKS_MAX], n_marks; /* heights of the stack at each mark */
	bool stopped;
};

int pickle_damaged(const struct pickle *p); /* -1, with fail_message */
/* Returns a new value, owned by the machine. NULL: fail_message, there are too many. */
struct value *pickle_value(struct pickle *p, enum value_kind kind);
/* Adds n values to a list or a dict, and ignores other kinds. -1: fail_message. */
int pickle_extend(struct pickle *p, struct value *to, struct value *const *v, size_t n);

/* Returns the value of f(*args); args is any value. NULL: fail_message. */
struct value *pickle_call(struct pickle *p, const struct value *f, struct value *args);
/* Sets v's attributes. */
void pickle_build(struct value *v, const struct value *state);
/* Returns the storage of a persistent id. NULL: fail_message. */
struct value *pickle_storage(struct pickle *p, const struct value *id);
#endif
