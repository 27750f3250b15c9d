/* Tensors as text for people, or as JSON for jq. */
#ifndef FD2_DESCRIBE_H
#define FD2_DESCRIBE_H
#include "formats/stream/stream.h"

/* Prints one line: name, type, shape, smallest, mean and largest element; describe_head prints
 * the heading. */
void describe_head(void);
void describe(const struct array *a);
/* Returns the same as a JSON object, a new reference. */
json_t *describe_json(const struct array *a);
/* Prints the elements, one line per row of the last axis and an empty line between matrices. */
void describe_values(const struct array *a);
#endif
