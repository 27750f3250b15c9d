/* Reads one msgpack object after another. Each is walked within bounds before it is unpacked, since
 * msgpack-c allocates whatever a length claims. */
#ifndef FD2_OBJECTS_H
#define FD2_OBJECTS_H
#include <msgpack.h>
#include <stdbool.h>

#include "formats/digest.h"
#include "formats/input.h"

struct bounds {
	int depth, nodes;    /* nesting of containers; objects in all */
	uint64_t map, array; /* entries */
	uint64_t blob, size; /* bytes of one string or bin, and of all */
};
extern const struct bounds header_bounds, record_bounds;

struct objects {
	struct input *input; /* owned */
	uint8_t *buffer;     /* bytes pos..len are read and not yet accepted */
	size_t pos, len, cap;
	bool eof;
	uint64_t accepted; /* bytes of all accepted objects */
	uint32_t crc;      /* of those bytes */
	int version;       /* of the stream's format: 1 uses digest_v1, others digest */
	struct digest digest;
	uint64_t digest_v1;
	msgpack_unpacked object;
	size_t size; /* bytes of `object` */
};

void objects_begin(struct objects *in, struct input *input);
void objects_end(struct objects *in);
const char *objects_name(const struct objects *in);
/* Unpacks the next object into in->object, whose strings point into the buffer until the next call.
 * -1: fail_message, it is cut short or damaged. */
int objects_next(struct objects *in, const struct bounds *b);
/* Advance past the object; objects_accept also adds it to the checksums. */
void objects_accept(struct objects *in);
void objects_skip(struct objects *in);
/* Seeks to a byte of the file. */
int objects_seek(struct objects *in, uint64_t at);
/* -1: fail_message, if bytes follow. */
int objects_at_end(struct objects *in);
/* Returns whether o is a string or bin equal to s. */
bool object_is_text(const msgpack_object *o, const char *s);
#endif
