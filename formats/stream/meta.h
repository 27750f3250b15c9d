/* JSON values as msgpack objects and back: what headers carry. */
#ifndef FD2_META_H
#define FD2_META_H
#include <jansson.h>
#include <msgpack.h>

void meta_pack(msgpack_packer *pk, const json_t *v);
/* NULL: something that JSON cannot say. A new reference. */
json_t *meta_unpack(const msgpack_object *o);
#endif
