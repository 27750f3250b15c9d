/* The face of lib/cuda: the passes of the frozen-teacher engine as CUDA kernels. This is the
 * interface of libfd2-cuda.so, a plug-in that lib/torch loads for --device cuda and that knows
 * nothing of libtorch; graphs.h is that of another one, libfd2-graphs.so.
 *
 * Pointers are to the device's memory; images and activations are channels-last, as on the CPU.
 * A pass is put on the stream (a cudaStream_t) and returns at once, NULL or what CUDA says
 * against it. None allocates, waits or reads the host's memory later, so all can be captured
 * into a graph; numbers that change from step to step are read from the device's memory, where
 * `put` sets them. */
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
	size_t size; /* of this struct where the plug-in was built: another one belongs to another
	                fd2 */

	/* x has `rows` rows in each of `groups` groups, one group after the other. y, and mean
	 * and biased variance [groups][C] of x; workspace: frozen_workspace floats to work in. All
	 * three NULL: y alone. */
	const char *(*frozen_forward)(const struct bn_pass *k, int64_t rows, int64_t groups,
	    float *workspace, float *mean, float *var, void *stream);
	int64_t (*frozen_workspace)(const struct bn_pass *k, int64_t rows, int64_t groups);
	/* dx and dresidual. dmean and dvar [groups][C], or NULL for zeros (then mean, too, may
	 * be NULL); k's slope and offset are computed from them. */
	const char *(*frozen_backward)(const struct bn_pass *k, int64_t rows, int64_t groups,
	    const float *mean, const float *dmean, const float *dvar, void *stream);

	/* Distances of BatchNorms' statistics from the running ones, their sum over all layers and
	 * groups:
	 *
	 *   sum = sum_l weight_l sum_g (|mean_l[g] - running mean_l| / s_l + |var_l[g] - running
	 * var_l| / t_l)
	 *
	 * with Euclidean norms over the channels; s and t are 1, or if `normalised` the lengths of
	 * the running deviations and variances. `factors` [n][groups][2] and `terms` [n][groups]
	 * are workspaces; the gradient needs the factors. */
	const char *(*distances)(const struct bn_layer *layers, int n, int64_t groups,
	    bool normalised, float *factors, float *terms, float *sum, void *stream);
	/* The layers' dmean and dvar, from the gradient of the sum. */
	const char *(*distances_gradient)(const struct bn_layer *layers, int n, int64_t groups,
	    const float *factors, const float *dsum, void *stream);

	/* x [N][H][W][3] f32 to y [N][h][w][3], f32 or bf16; and dy to dx. Each of n views is for
	 * N / n images that follow one another; it is within the image. */
	const char *(*view_forward)(const float *x, void *y, bool bf16,
	    const struct pixel_view *views, int64_t n, int64_t N, const struct view_sides *sides,
	    void *stream);
	const char *(*view_adjoint)(const void *dy, float *dx, bool bf16,
	    const struct pixel_view *views, int64_t n, int64_t N, const struct view_sides *sides,
	    void *stream);

	/* adam_rows; the numbers, too, lie in the device's memory. */
	const char *(*adam)(const struct adam *k, float *x, const float *g, float *m, float *v,
	    int64_t count, void *stream);

	/* The n views of a staging buffer, which is in the device's memory: out [n][size][size][3]
	 * f32; the workspace is as large. */
	const char *(*render)(const void *staging, int n, const struct rendering *how,
	    float *workspace, float *out, void *stream);

	/* Copies at most PUT_MAX bytes of the host to the device, in the order of the stream.
	 * They travel with the launch, so nothing waits, and the host's copy may change at once. */
	const char *(*put)(void *to, const void *from, size_t bytes, void *stream);
};

/* The plug-in's only symbol. */
__attribute__((visibility("default"))) const struct cuda_engine *fd2_cuda_engine(void);

#ifdef __cplusplus
}
#endif
#endif
