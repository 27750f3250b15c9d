/* The face of lib/cuda: the passes of the frozen-teacher engine as CUDA kernels. This is the
 * interface of libfd2-cuda.so, a plug-in that lib/torch loads for --device cuda and that does not
 * use libtorch; graphs.h is the interface of another plug-in, libfd2-graphs.so.
 *
 * Data pointers are to device memory; images and activations are channels-last, as on the CPU. Each
 * pass is queued on the stream (a cudaStream_t) and returns at once: NULL, or CUDA's error message.
 * No pass allocates, waits, or reads host memory later, so all can be captured into a graph;
 * numbers that change from step to step are read from device memory, where `put` sets them. */
#ifndef FD2_ENGINE_H
#define FD2_ENGINE_H
#include <stddef.h>

#include "lib/image/view-pixel.h"
#include "lib/kernels/bn-rows.h"
#include "lib/kernels/pixel-rows.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PUT_MAX = 1024 };

/* One of a network's BatchNorms; the running statistics are [C], the others [groups][C]. */
struct bn_layer {
	const float *mean, *var, *running_mean, *running_var;
	float *dmean, *dvar;
	int64_t C;
	float weight;
};

struct cuda_engine {
	size_t size; /* of this struct in the plug-in; another size means another version of fd2 */

	/* Computes y, and the mean and biased variance [groups][C] of x, which has `rows` rows in
	 * each of `groups` consecutive groups. workspace: frozen_workspace() floats. workspace,
	 * mean and var all NULL: only y. */
	const char *(*frozen_forward)(const struct bn_pass *k, int64_t rows, int64_t groups,
	    float *workspace, float *mean, float *var, void *stream);
	int64_t (*frozen_workspace)(const struct bn_pass *k, int64_t rows, int64_t groups);
	/* Computes dx and dresidual. Computes slope and offset itself from dmean and dvar
	 * [groups][C], which may be NULL for zeros (then mean may be NULL too). */
	const char *(*frozen_backward)(const struct bn_pass *k, int64_t rows, int64_t groups,
	    const float *mean, const float *dmean, const float *dvar, void *stream);

	/* Adds the distances of BatchNorms' statistics from the running ones over all layers and
	 * groups:
	 *
	 *   sum = sum_l weight_l sum_g (|mean_l[g] - running mean_l| / s_l + |var_l[g] - running
	 * var_l| / t_l)
	 *
	 * with Euclidean norms over the channels; s and t are 1, or if `normalised` the norms of
	 * the running deviations and variances. `factors` [n][groups][2] and `terms` [n][groups]
	 * are workspaces; the gradient needs the factors. */
	const char *(*distances)(const struct bn_layer *layers, int n, int64_t groups,
	    bool normalised, float *factors, float *terms, float *sum, void *stream);
	/* Computes the layers' dmean and dvar from dsum, the gradient of the sum. */
	const char *(*distances_gradient)(const struct bn_layer *layers, int n, int64_t groups,
	    const float *factors, const float *dsum, void *stream);

	/* Compute the view y [N][h][w][3], f32 or bf16, of x [N][H][W][3] f32, and dx from dy. Each
	 * of n views applies to N / n consecutive images; its box must be within the image. */
	const char *(*view_forward)(const float *x, void *y, bool bf16,
	    const struct pixel_view *views, int64_t n, int64_t N, const struct view_sides *sides,
	    void *stream);
	const char *(*view_adjoint)(const void *dy, float *dx, bool bf16,
	    const struct pixel_view *views, int64_t n, int64_t N, const struct view_sides *sides,
	    void *stream);

	/* Like adam_rows; k is in device memory too. */
	const char *(*adam)(const struct adam *k, float *x, const float *g, float *m, float *v,
	    int64_t count, void *stream);

	/* Renders the n views of a staging buffer in device memory to out [n][size][size][3] f32.
	 * The workspace has the same size. */
	const char *(*render)(const void *staging, int n, const struct rendering *how,
	    float *workspace, float *out, void *stream);

	/* Copies at most PUT_MAX bytes from the host to the device, in stream order. They travel
	 * with the launch, so nothing waits and the caller may change them at once. */
	const char *(*put)(void *to, const void *from, size_t bytes, void *stream);
};

/* The only symbol that the plug-in exports. */
__attribute__((visibility("default"))) const struct cuda_engine *fd2_cuda_engine(void);

#ifdef __cplusplus
}
#endif
#endif
