/* The value of one option (opts.h): read from text, and shown as JSON. */
#ifndef FD2_OPT_VALUE_H
#define FD2_OPT_VALUE_H
#include "lib/base/opts.h"

/* Text that the option cannot hold is a usage error. text is kept by an OPT_STRING and OPT_LIST. */
void opt_set(const struct opt *o, const char *text);
/* null: none. A new reference. */
json_t *opt_value(const struct opt *o);
/* What an OPT_CHOICE holds, *n bytes long; NULL: nothing. */
const char *opt_chosen(const struct opt *o, int *n);
/* Bytes of the command line as a JSON string. A new reference. */
json_t *text_to_json(const char *s);
#endif
