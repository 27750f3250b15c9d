/* Reads and writes safetensors (huggingface.co/docs/safetensors): the length of a header, the
 * header in JSON, the elements. */
#ifndef FD2_SAFETENSORS_H
#define FD2_SAFETENSORS_H
#include "formats/weights/state-table.h"
#include "lib/base/out.h"
#include <jansson.h>

enum { SAFETENSORS_HEADER_MAX = 100000000 };

/* Fills *table, and *metadata (a new reference; NULL if the file has none). The elements stay in
 * `file`. -1: fail_message, unless all rules of the format hold: the header's length; no name
 * twice; data that begin at 0, without hole or overlap, up to the file's end; shapes that fit them;
 * metadata from string to string. */
int safetensors_read(struct bytes *file, struct state_table *table, json_t **metadata);

/* Returns the metadata that we write: {"format": "pt", "fd2": meta as text}, without "fd2" if meta
 * is NULL. A new reference. */
json_t *safetensors_metadata(const json_t *meta);
/* Writes n arrays, by decreasing element size and then by name, and closes `out`, which is freed in
 * any case. metadata: an object of strings, or NULL; borrowed. -1: fail_message (a name twice or
 * not UTF-8, metadata of another shape). */
int safetensors_write(struct out *out, const struct array *v, int n, const json_t *metadata);
#endif
