/* The finished images of each class, and their attention maps: what L_S compares with (Eq. 10,
 * Algorithm 1, lines 6-10).
 *
 * Images are kept as they were stored (decoded from the JPEG), so that it makes no difference
 * whether this process made them or another. */
#ifndef FD2_EARLIER_H
#define FD2_EARLIER_H
#include "lib/fd2/distill/guides.h"
#include "lib/fd2/distill/sre2l.h"

struct finished {
	bool stored;        /* in this run's output */
	struct image image; /* empty when only maps are known */
	float **maps;       /* [guides] -> [M][h][w]; NULL until needed */
};

struct earlier {
	const struct guides *guides;
	int classes, ipc, group;
	double min_scale;
	struct map_shape {
		int maps, h, w; /* zeros until a map is known */
	} shape[TEACHERS_MAX];
	struct finished *v; /* [classes][ipc] */
};

void earlier_init(
    struct earlier *e, const struct guides *guides, int ipc, int group, double min_scale);
void earlier_free(struct earlier *e);
/* A finished image of this run, ids from 1. -1: not a JPEG. */
int earlier_put(struct earlier *e, int k, int id, const void *jpeg, size_t size);
bool earlier_has(const struct earlier *e, int k, int id);
/* Maps that fd2-attn wrote ("class/id" names) with one of the teachers, and images that another
 * fd2-distill made. */
int earlier_read_maps(struct earlier *e, const char *path);
int earlier_read_images(struct earlier *e, const char *path);

/* -1: an image before `id` in its group, of classes first..first+n-1, that `view` needs is
 * missing. */
int earlier_complete(const struct earlier *e, enum ls_view view, int first, int n, int id);
/* Those images, which are complete, normalised and resized: [J*n,3,size,size], image by image. */
Tensor *earlier_images(const struct earlier *e, int first, int n, int id, int size);
/* Their maps by a teacher as they are stored: [J,n,M,h,w]. */
Tensor *earlier_maps(struct earlier *e, int guide, int first, int n, int id);
/* Maps of `images` seen through `view` (tensor_views), n at a time: [J,n,M,h,w]; in the
 * arithmetic of a step, without gradient. */
Tensor *earlier_seen_through(
    const Tensor *images, const struct teacher *t, const Tensor *view, int n, enum scalar type);
/* The one view of LS_ONCE for images of `size` pixels. */
struct pixel_view earlier_view_once(const struct earlier *e, int first, int id, int size);
#endif
