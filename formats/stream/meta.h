/* Converts the JSON values of headers to msgpack objects and back. */
#ifndef FD2_META_H
#define FD2_META_H
#include <jansson.h>
#include <msgpack.h>

void meta_pack(msgpack_packer *pk, const json_t *v);
/* Returns a new reference. NULL: JSON cannot express the object. */
json_t *meta_unpack(const msgpack_object *o);
#endif
