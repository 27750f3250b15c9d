/* Reads the output of fd2-attn, for the measures of attention-measures.h and separation.h. */
#ifndef FD2_ATTN_READ_H
#define FD2_ATTN_READ_H
#include "formats/digest.h"
#include "formats/stream/stream.h"

/* The output of fd2-attn for one image. */
struct attn_image {
	char *key, *class;     /* class: as in the image's shard, also if folders are nested */
	struct array map;      /* [M,h,w]; data NULL: the stream has features only */
	struct array features; /* [D] */
};

struct attn_set {
	struct attn_image *v;
	int n;
	char teacher[DIGEST_HEX]; /* its digest */
	char *images;             /* digest of the set; NULL: unknown */
	double cut; /* share of the image's side that --cut removed at each of its four edges */
};

/* Reads a stream of kind "attn" or "features". -1: fail_message. */
int attn_read(struct attn_set *set, const char *path);
void attn_free(struct attn_set *set);
#endif
