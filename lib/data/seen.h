/* What fd2-attn wrote of images, for the measures of measure.h and separation.h. */
#ifndef FD2_SEEN_H
#define FD2_SEEN_H
#include "formats/digest.h"
#include "formats/stream/stream.h"

/* What fd2-attn says of one image. */
struct seen {
	char *key, *class; /* class: as the image's shard has it, of nested folders */
	struct array A;    /* [M,h,w]; data NULL: the stream has features only */
	struct array z;    /* [D] */
};

struct seen_list {
	struct seen *v;
	int n;
	char teacher[DIGEST_HEX]; /* its digest */
	char *images;             /* digest of the set; NULL: unknown */
	double cut;               /* share of the images left out on each side */
};

/* Reads a stream of kind "attn" or "features". -1: fail_message. */
int seen_read(struct seen_list *l, const char *path);
void seen_free(struct seen_list *l);
#endif
