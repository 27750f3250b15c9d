/* Writes parameters to tensor streams and reads them back, under their state-dict keys. */
#ifndef FD2_WEIGHTS_H
#define FD2_WEIGHTS_H
#include "formats/stream/stream.h"
#include "lib/nn/layers.h"

/* Convert a tensor to an array of its type (bf16 becomes f32), write it as a stream's record, and
 * convert an array back. weights_put_tensor fails, naming the tensor, if a value is NaN or
 * infinite. */
int weights_array(struct array *a, const char *name, const Tensor *t);
int weights_put_tensor(struct stream_writer *w, const char *name, const Tensor *t);
Tensor *weights_tensor(const struct array *a);

/* Writes all of p, with `prefix` before each name. */
int weights_put(struct stream_writer *w, const char *prefix, const struct params *p);

/* Returns the bytes of p in a stream, without its records' headers. */
double weights_bytes(const struct params *p);

/* Returns the name of the first parameter that holds NaN or infinity, or NULL. Waits for the
 * device. */
const char *weights_not_finite(const struct params *p);

/* Fills p from a stream: call weights_take for each array, then weights_whole. */
struct weights_in {
	const struct params *params;
	bool *seen;
};
void weights_begin(struct weights_in *in, const struct params *p);
/* 1: taken; 0: no parameter has this name; -1: fail_message, if the shape differs ("'fc.weight' is
 * [10,512], expected [5,512]") or a value is not finite. */
int weights_take(struct weights_in *in, const char *name, const struct array *a);
/* Frees what weights_begin allocated. -1: fail_message names the first parameter that was not
 * taken. */
int weights_whole(struct weights_in *in);
#endif
