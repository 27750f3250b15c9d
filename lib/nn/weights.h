/* Parameters to and from tensor streams, under their state-dict keys. */
#ifndef FD2_WEIGHTS_H
#define FD2_WEIGHTS_H
#include "formats/stream/stream.h"
#include "lib/nn/layers.h"

/* A tensor as an array, keeping its type (bf16 becomes f32), as a stream's record, and back. A
 * record is refused, by name, if a value is NaN or infinite. */
int weights_array(struct array *a, const char *name, const Tensor *t);
int weights_put_tensor(struct stream_writer *w, const char *name, const Tensor *t);
Tensor *weights_tensor(const struct array *a);

/* All of p, each name behind `prefix`. */
int weights_put(struct stream_writer *w, const char *prefix, const struct params *p);

/* Bytes of p in a stream, but for its records' heads. */
double weights_bytes(const struct params *p);

/* The first of p that holds NaN or infinity, or NULL. Waits for the device. */
const char *weights_not_finite(const struct params *p);

/* Filling p from a stream: weights_take for each array, then weights_whole. */
struct weights_in {
	const struct params *params;
	bool *seen;
};
void weights_begin(struct weights_in *in, const struct params *p);
/* 1: taken; 0: no parameter has this name; -1: the shape is another ("layer1.0.conv1.weight is
 * [64,64,3,3], not [32,64,3,3]"), or a value
 * is not finite. */
int weights_take(struct weights_in *in, const char *name, const struct array *a);
/* 0, or -1 naming the first parameter that did not come. Ends `in`. */
int weights_whole(struct weights_in *in);
#endif
