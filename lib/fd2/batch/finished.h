/* Finished images: from tensors to what a shard stores; and outputs that are finished. */
#ifndef FD2_FINISHED_H
#define FD2_FINISHED_H
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/stream/stream.h"
#include "lib/image/view.h"
#include "lib/torch/tensor.h"

enum pixels { PIXELS_JPEG, PIXELS_F16 }; /* PIXELS_F16: a .npy member as well */
#define PIXELS_CHOICES "jpeg|f16"

struct encoded {
	uint8_t *jpeg, *npy; /* npy NULL: none */
	size_t jpeg_size, npy_size;
};

/* x [1,3,S,S] f32, normalised. The JPEG has its values within [0,1], the .npy, f16 [3,S,S], all.
 * -1: fail_message. finished_free either way. */
int finished_encode(struct encoded *f, const Tensor *x, const struct normal *normal,
    enum pixels pixels, int quality);
void finished_free(struct encoded *f);

/* For --resume: 1 where the shard `path` is whole and has that provenance, which it says, and
 * updates its timestamp unless `dry`; 0 where there is none, or an unfinished one (PATH.part or
 * PATH.ckpt); -1: fail_message, it is another one. */
int finished_shard(const char *path, const json_t *provenance, bool dry);
/* The same for a tensor stream of that kind and meta; PATH.ckpt is not looked at. */
int finished_stream(const char *path, const char *kind, const json_t *meta, bool dry);
/* Reads what is left of a stream: 0, or -1: fail_message, it is cut short or damaged. */
int finished_whole(struct stream_reader *r);
#endif
