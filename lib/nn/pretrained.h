/* Starting a backbone from weights of another program or run. */
#ifndef FD2_PRETRAINED_H
#define FD2_PRETRAINED_H
#include "formats/digest.h"
#include "formats/weights/state.h"
#include "lib/base/out.h"
#include "lib/nn/backbone.h"
#include <jansson.h>

/* What is read of a file besides the backbone's weights. */
struct pretrained {
	const char *const *classes; /* of the backbone; NULL: unknown */
	bool whole; /* the classifier must be there, and CAL is read where the backbone's parameters
	               have it ("cal."): the file becomes a teacher as it is */
	char digest[DIGEST_HEX]; /* of what the file holds */
};

/* Fills b from the file at `path` (formats/weights/state.h): of all networks in it the one that has
 * the most of b's parameters, behind whatever prefix their names have, an average (EMA) before what
 * it is an average of. Names of timm are known where they differ. Of the rest of the file nothing
 * is read. A classifier that is missing, or of other classes, is left as it starts, and said so.
 * -1: fail_message names a tensor that is missing, that the backbone has not, or whose shape is
 * another. */
int pretrained_read(struct backbone *b, const char *path, struct pretrained *p);
/* Attention maps of the CAL that a file holds, as FD2's authors save it or as we do; 0: none. */
int pretrained_maps(const struct state_reader *r);
/* What a file of ours says of itself: a stream's meta, or what safetensors have under "fd2". A new
 * reference; NULL: nothing. */
json_t *pretrained_meta(const struct state_reader *r);
/* Writes all of p, a plain backbone's, as safetensors, which torchvision loads with strict=True.
 * meta goes into its metadata as text, under "fd2". Closes out. */
int pretrained_write(const struct params *p, struct out *out, const json_t *meta);
#endif
