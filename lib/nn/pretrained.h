/* Starting a backbone from weights of another program or run. */
#ifndef FD2_PRETRAINED_H
#define FD2_PRETRAINED_H
#include "formats/digest.h"
#include "lib/base/out.h"
#include "lib/nn/backbone.h"
#include <jansson.h>

/* Fills b from the state dict at `path` (torchvision's .pth, .safetensors, our own streams:
 * formats/weights/state.h) and remembers the digest of what it holds. Of a teacher only the
 * backbone is taken: tensors below "cal." are passed over. A classifier of another number of
 * classes is left as it starts, and said so. -1: fail_message names a tensor that is missing,
 * that the backbone has not, or whose shape is another. */
int pretrained_read(struct backbone *b, const char *path, char digest[DIGEST_HEX]);
/* Writes all of p, a plain backbone's, as safetensors, which torchvision loads with strict=True.
 * meta goes into its metadata as text, under "fd2". Closes out. */
int pretrained_write(const struct params *p, struct out *out, const json_t *meta);
#endif
