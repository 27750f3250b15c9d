#include "formats/stream/meta.h"

#include <string.h>

static void pack_text(msgpack_packer *pk, const char *s)
{
	msgpack_pack_str(pk, strlen(s));
	msgpack_pack_str_body(pk, s, strlen(s));
}

static void pack_object(msgpack_packer *pk, const json_t *v)
{
	const char *key;
	json_t *member;
	msgpack_pack_map(pk, json_object_size(v));
	json_object_foreach ((json_t *)v, key, member) {
		pack_text(pk, key);
		meta_pack(pk, member);
	}
}

void meta_pack(msgpack_packer *pk, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		pack_object(pk, v);
		break;
	case JSON_ARRAY:
		msgpack_pack_array(pk, json_array_size(v));
		for (size_t i = 0; i < json_array_size(v); i++)
			meta_pack(pk, json_array_get(v, i));
		break;
	case JSON_STRING:
		pack_text(pk, json_string_value(v));
		break;
	case JSON_INTEGER:
		msgpack_pack_int64(pk, json_integer_value(v));
		break;
	case JSON_REAL:
		msgpack_pack_double(pk, json_real_value(v));
		break;
	case JSON_TRUE:
		msgpack_pack_true(pk);
		break;
	case JSON_FALSE:
		msgpack_pack_false(pk);
		break;
	case JSON_NULL:
		msgpack_pack_nil(pk);
		break;
	}
}

static json_t *unpack_map(const msgpack_object_map *m)
{
	json_t *v = json_object();
	for (uint32_t i = 0; i < m->size; i++) {
		const msgpack_object *key = &m->ptr[i].key;
		json_t *member =
		    key->type == MSGPACK_OBJECT_STR ? meta_unpack(&m->ptr[i].val) : NULL;
		json_t *name = member ? json_stringn(key->via.str.ptr, key->via.str.size)
		                      : NULL; /* checks UTF-8 */
		if (!name || json_object_set_new(v, json_string_value(name), member) < 0) {
			if (!name)
				json_decref(member);
			json_decref(name);
			json_decref(v);
			return NULL;
		}
		json_decref(name);
	}
	return v;
}

static json_t *unpack_array(const msgpack_object_array *a)
{
	json_t *v = json_array();
	for (uint32_t i = 0; i < a->size; i++)
		if (json_array_append_new(v, meta_unpack(&a->ptr[i])) < 0) {
			json_decref(v);
			return NULL;
		}
	return v;
}

json_t *meta_unpack(const msgpack_object *o)
{
	switch (o->type) {
	case MSGPACK_OBJECT_NIL:
		return json_null();
	case MSGPACK_OBJECT_BOOLEAN:
		return json_boolean(o->via.boolean);
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		return o->via.u64 <= INT64_MAX ? json_integer((json_int_t)o->via.u64) : NULL;
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		return json_integer(o->via.i64);
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		return json_real(o->via.f64);
	case MSGPACK_OBJECT_STR:
		return json_stringn(o->via.str.ptr, o->via.str.size);
	case MSGPACK_OBJECT_ARRAY:
		return unpack_array(&o->via.array);
	case MSGPACK_OBJECT_MAP:
		return unpack_map(&o->via.map);
	default:
		return NULL;
	}
}
