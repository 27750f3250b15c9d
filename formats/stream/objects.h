/* One msgpack object after another, each walked within bounds before it is unpacked: msgpack-c
 * allocates what a length claims. */
#ifndef FD2_OBJECTS_H
#define FD2_OBJECTS_H
#include <msgpack.h>
#include <stdbool.h>

#include "formats/digest.h"
#include "formats/input.h"

struct bounds {
	int depth, nodes;    /* containers within each other; objects in all */
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
	uint32_t crc;      /* of them */
	int version;       /* of the stream's format: which of these they are in */
	struct digest digest;
	uint64_t digest_v1;
	msgpack_unpacked object;
	size_t size; /* bytes of `object` */
};

void objects_begin(struct objects *in, struct input *input);
void objects_end(struct objects *in);
const char *objects_name(const struct objects *in);
/* Unpacks the next one into in->object, whose strings point into the buffer, until the following
 * call. 0 or -1 (cut short, damaged). */
int objects_next(struct objects *in, const struct bounds *b);
/* Goes past it; accept counts it into the checksums. */
void objects_accept(struct objects *in);
void objects_skip(struct objects *in);
/* Goes to a place of the file, in bytes. */
int objects_seek(struct objects *in, uint64_t at);
/* 0, or -1 when bytes follow. */
int objects_at_end(struct objects *in);
/* A string or bin equal to s. */
bool object_is_text(const msgpack_object *o, const char *s);
#endif
