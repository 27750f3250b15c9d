#include "lib/data/import/mat.h"

#include <errno.h>
#include <matio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ELEMENTS_MAX = 1 << 20, TEXT_MAX = 1024 };

struct mat {
	const struct import_list *list;
	const char *name;
	matvar_t *var;
	long n;
	char text[TEXT_MAX + 1];
};

/* Checks the level-5 header (text, version 0x0100, byte order), as libmatio takes almost anything
 * for one of its formats. */
static int check_header(const struct import_list *l)
{
	static const char magic[] = "MATLAB 5.0 MAT-file";
	const char *end = l->text + MAT_HEADER - 4;
	if (l->size < MAT_HEADER || strncmp(l->text, magic, strlen(magic)))
		return list_fail(l, "is not a MATLAB level 5 file");
	if (memcmp(end, "\0\1IM", 4))
		return list_fail(l, "is not a MATLAB level 5 file, little-endian");
	return 0;
}

/* Reads a variable by way of a file in memory, as libmatio reads only files. */
static matvar_t *read_variable(const struct import_list *l, const struct blob *b, const char *name)
{
	char path[64];
	int fd = memfd_create("mat", MFD_CLOEXEC);
	matvar_t *var = NULL;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fd < 0 || write(fd, b->data, b->size) != (ssize_t)b->size) {
		list_fail(l, "cannot be copied: %s", strerror(errno));
	} else {
		mat_t *file = Mat_Open(path, MAT_ACC_RDONLY);
		var = file ? Mat_VarRead(file, name) : NULL;
		if (file)
			Mat_Close(file);
		if (!var)
			list_fail(l, "has no variable '%s' of structures or texts", name);
	}
	if (fd >= 0)
		close(fd);
	return var;
}

/* Returns the number of elements of an array with `each` pointers per element; -1: it is none. */
static long elements(const matvar_t *v, size_t each)
{
	size_t n = 1;
	if (!v || v->rank < 1 || !v->dims || !v->data || !each)
		return -1;
	for (int i = 0; i < v->rank; i++) {
		if (v->dims[i] > ELEMENTS_MAX || n * v->dims[i] > ELEMENTS_MAX)
			return -1;
		n *= v->dims[i];
	}
	return v->nbytes >= n * each * sizeof(matvar_t *) ? (long)n : -1;
}

struct mat *mat_open(const struct import_list *l, const char *name)
{
	struct blob b = {0};
	matvar_t *var =
	    check_header(l) < 0 || mat_unpack(l, &b) < 0 ? NULL : read_variable(l, &b, name);
	free(b.data);
	if (!var)
		return NULL;
	struct mat *m = xcalloc(1, sizeof *m);
	*m = (struct mat){.list = l, .name = name, .var = var, .n = -1};
	if (var->class_type == MAT_C_STRUCT)
		m->n = elements(var, Mat_VarGetNumberOfFields(var));
	else if (var->class_type == MAT_C_CELL)
		m->n = elements(var, 1);
	if (m->n >= 0)
		return m;
	list_fail(l, "'%s' is not an array of structures or texts", name);
	mat_close(m);
	return NULL;
}

void mat_close(struct mat *m)
{
	if (m)
		Mat_VarFree(m->var);
	free(m);
}

long mat_count(const struct mat *m)
{
	return m->n;
}

static const matvar_t *element(const struct mat *m, long i, const char *field)
{
	matvar_t *const *v = m->var->data;
	if (m->var->class_type == MAT_C_CELL)
		return v[i];
	unsigned fields = Mat_VarGetNumberOfFields(m->var);
	char *const *names = Mat_VarGetStructFieldnames(m->var);
	for (unsigned k = 0; field && names && k < fields; k++)
		if (names[k] && !strcmp(names[k], field))
			return v[(size_t)i * fields + k];
	return NULL;
}

/* Returns the bytes per element of the array; 0: a kind that is not read here. */
static size_t width(const matvar_t *v)
{
	switch (v->data_type) {
	case MAT_T_UINT8:
	case MAT_T_INT8:
	case MAT_T_UTF8:
		return 1;
	case MAT_T_UINT16:
	case MAT_T_INT16:
	case MAT_T_UTF16:
		return 2;
	case MAT_T_INT32:
	case MAT_T_UINT32:
		return 4;
	case MAT_T_DOUBLE:
		return 8;
	default:
		return 0;
	}
}

/* Returns number k of the array. */
static double number(const matvar_t *v, size_t k)
{
	const char *p = (const char *)v->data + k * width(v);
	int8_t i8;
	int16_t i16;
	uint16_t u16;
	int32_t i32;
	uint32_t u32;
	double d;
	switch (v->data_type) {
	case MAT_T_INT8:
		memcpy(&i8, p, 1);
		return i8;
	case MAT_T_INT16:
		memcpy(&i16, p, 2);
		return i16;
	case MAT_T_UINT16:
	case MAT_T_UTF16:
		memcpy(&u16, p, 2);
		return u16;
	case MAT_T_INT32:
		memcpy(&i32, p, 4);
		return i32;
	case MAT_T_UINT32:
		memcpy(&u32, p, 4);
		return u32;
	case MAT_T_DOUBLE:
		memcpy(&d, p, 8);
		return d;
	default:
		return *(const unsigned char *)p;
	}
}

const char *mat_text(struct mat *m, long i, const char *field)
{
	const matvar_t *v = element(m, i, field);
	const char *of = field ? field : "text";
	if (!v || v->class_type != MAT_C_CHAR || !v->data || !width(v)) {
		list_fail(m->list, "element %ld of '%s' has no %s", i + 1, m->name, of);
		return NULL;
	}
	size_t n = v->nbytes / width(v);
	for (size_t k = 0; k < n; k++) {
		double c = number(v, k);
		/* names and paths are ASCII; bytes of UTF-8 are accepted */
		if (n > TEXT_MAX || !(c >= ' ' && (c < 127 || (width(v) == 1 && c < 256)))) {
			list_fail(m->list, "element %ld of '%s': its %s is not plain text", i + 1,
			    m->name, of);
			return NULL;
		}
		m->text[k] = (char)(unsigned char)c;
	}
	m->text[n] = '\0';
	return m->text;
}

long mat_number(struct mat *m, long i, const char *field, long min, long max)
{
	const matvar_t *v = element(m, i, field);
	if (!v || v->class_type == MAT_C_CHAR || v->class_type == MAT_C_STRUCT ||
	    v->class_type == MAT_C_CELL || !v->data || !width(v) || v->nbytes < width(v))
		return list_fail(m->list, "element %ld of '%s' has no %s", i + 1, m->name, field);
	double x = number(v, 0);
	if (!(x >= (double)min && x <= (double)max) || x != (double)(long)x)
		return list_fail(m->list,
		    "element %ld of '%s': its %s is not a number from %ld to %ld", i + 1, m->name,
		    field, min, max);
	return (long)x;
}
