/* The value of one option (opts.h): parsing it from text, and converting it to JSON. */
#ifndef FD2_OPT_VALUE_H
#define FD2_OPT_VALUE_H
#include "lib/base/opts.h"

/* Sets the option from text; an invalid value is a usage error. OPT_STRING and OPT_LIST keep text
 * by pointer. */
void opt_set(const struct opt *o, const char *text);
/* Returns the value, a new reference; JSON null: none. */
json_t *opt_value(const struct opt *o);
/* Returns the name of an OPT_CHOICE's value, *n bytes long; NULL: it has none. */
const char *opt_chosen(const struct opt *o, int *n);
/* Returns bytes of the command line as a JSON string, a new reference. */
json_t *text_to_json(const char *s);
#endif
