/* Encodes tensors as the files that a shard holds of an image. */
#ifndef FD2_ENCODE_H
#define FD2_ENCODE_H
#include <stddef.h>
#include <stdint.h>

#include "lib/image/view.h"
#include "lib/torch/tensor.h"

enum pixels { PIXELS_JPEG, PIXELS_F16 }; /* PIXELS_F16: a .npy member as well */
#define PIXELS_CHOICES "jpeg|f16"

struct encoded {
	uint8_t *jpeg, *npy; /* npy NULL: none */
	size_t jpeg_size, npy_size;
};

/* Encodes x [1,3,S,S] f32, normalised. The JPEG clamps values to [0,1]; the .npy, f16 [3,S,S], does
 * not. -1: fail_message. Call encoded_free either way. */
int encode_image(struct encoded *f, const Tensor *x, const struct normal *normal,
    enum pixels pixels, int quality);
void encoded_free(struct encoded *f);
#endif
