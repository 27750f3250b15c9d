/* The functions and classes that a pickle may name, and what a call of each returns. */
#ifndef FD2_PICKLE_NAMES_H
#define FD2_PICKLE_NAMES_H
#include "formats/weights/state-type.h"

enum role {
	ROLE_OPAQUE,  /* a value that no tensor is made of */
	ROLE_DICT,    /* (), or a list of pairs */
	ROLE_FIRST,   /* its first argument */
	ROLE_TENSOR,  /* (storage, offset, shape, strides, ...) */
	ROLE_STORAGE, /* the type of a storage; never called */
	ROLE_DTYPE,   /* (name, ...): NumPy's type of that name */
	ROLE_SCALAR,  /* (type, bytes): one number of NumPy's */
	ROLE_ENCODE,  /* (text, "latin1"): how protocol 2 writes bytes */
};

struct pickle_name {
	const char *module, *name;
	enum role role;
	enum state_type type; /* ROLE_STORAGE */
};

/* Finds a function or class; the names have n and m bytes. NULL: it is not known. */
const struct pickle_name *pickle_name_find(
    const char *module, size_t n, const char *name, size_t m);
#endif
