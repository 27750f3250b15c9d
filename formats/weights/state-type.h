/* The element types of other programs' weights, and the type of ours that each is read as. */
#ifndef FD2_STATE_TYPE_H
#define FD2_STATE_TYPE_H
#include "formats/stream/stream.h"

enum state_type {
	STATE_F16,
	STATE_BF16, /* read as f32 */
	STATE_F32,
	STATE_F64,
	STATE_I8, /* read as i32 */
	STATE_U8,
	STATE_I16, /* read as i32 */
	STATE_U16, /* read as i32 */
	STATE_I32,
	STATE_U32, /* read as i64 */
	STATE_I64,
	STATE_BOOL,
	STATE_TYPES,
};

size_t state_type_size(enum state_type t); /* bytes of an element in the file */
enum dtype state_type_read_as(enum state_type t);
/* Convert to and from safetensors' name ("BF16"): a type of the file, or STATE_TYPES if there is
 * none; the name of one of our types. */
enum state_type state_type_named(const char *safetensors);
const char *state_type_name(enum dtype t);
/* Converts n elements of type t to state_type_read_as(t). `to` and `from` must not overlap. */
void state_type_convert(enum state_type t, void *to, const void *from, size_t n);
#endif
