/* Starts a backbone from the weights of another program or run. */
#ifndef FD2_PRETRAINED_H
#define FD2_PRETRAINED_H
#include "formats/digest.h"
#include "formats/weights/state.h"
#include "lib/base/out.h"
#include "lib/nn/backbone.h"
#include <jansson.h>

/* What pretrained_read expects of a file, and the file's digest. */
struct pretrained {
	const char *const *classes; /* the backbone's class names; NULL: unknown */
	bool whole; /* require the classifier, and read CAL too if the backbone's parameters include
	               it ("cal."): the file becomes a teacher as it is */
	char digest[DIGEST_HEX]; /* of the file's contents */
};

/* Fills b from the file at `path` (formats/weights/state.h). Of several networks in it, takes the
 * one with the most of b's parameters, under any prefix, and an average (EMA) rather than the
 * network it averages. Knows timm's names where they differ, and ignores the rest of the file. A
 * classifier that is missing or has other classes keeps its initial values, with a message. -1:
 * fail_message names a tensor that is missing, unknown to the backbone or of another shape. */
int pretrained_read(struct backbone *b, const char *path, struct pretrained *p);
/* Returns the number of attention maps of the CAL in a file, as FD2's authors or we save it; 0:
 * none. */
int pretrained_maps(const struct state_reader *r);
/* Returns what a file of ours records about itself: a stream's meta, or safetensors' "fd2". A new
 * reference; NULL: nothing. */
json_t *pretrained_meta(const struct state_reader *r);
/* Writes p, the parameters of a plain backbone, as safetensors that torchvision loads with
 * strict=True, with meta as text under "fd2" in their metadata. Closes out. */
int pretrained_write(const struct params *p, struct out *out, const json_t *meta);
#endif
