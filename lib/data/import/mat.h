/* Reads MATLAB files (level 5) as Stanford Cars uses them: a variable is an array of structures of
 * texts and numbers, or a cell of texts. */
#ifndef FD2_IMPORT_MAT_H
#define FD2_IMPORT_MAT_H
#include "formats/blob.h"
#include "lib/data/import/plan.h"

enum { MAT_HEADER = 128 };
/* Appends the file to `out`, its variables checked and unpacked, those of other kinds left out. 0
 * or -1. */
int mat_unpack(const struct import_list *l, struct blob *out);

struct mat;
/* Opens the variable `name` of a list that is a MATLAB file. NULL: fail_message. Free with
 * mat_close. */
struct mat *mat_open(const struct import_list *l, const char *name);
long mat_count(const struct mat *m);
/* Return element i (from 0) of a cell, or `field` of element i of a structure array (NULL: a cell).
 * The text is valid until the next call. NULL, or -1: fail_message. */
const char *mat_text(struct mat *m, long i, const char *field);
long mat_number(struct mat *m, long i, const char *field, long min, long max);
void mat_close(struct mat *m);
#endif
