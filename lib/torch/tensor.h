/* libtorch as a C library.
 *
 * Ownership: a tensor belongs to the scope in which it was made, unless kept. tensor_scope_end
 * frees all that was made since the matching tensor_scope_begin; tensor_keep moves one tensor to
 * the scope outside. The outermost scope is the program's. Handles are cheap; several may share
 * storage (views), as in torch.
 *
 * Errors: no function exits or throws. An operation that fails returns NULL, and every operation
 * given NULL returns NULL, so maths needs no ifs; the first message is kept until
 * tensor_error_clear. Check tensor_error() once a step.
 *
 * Names, arguments and semantics are torch's. A name that ends in '_' works in place and gives
 * nothing to free. Only the main thread calls this. */
#ifndef FD2_TENSOR_H
#define FD2_TENSOR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernels/pixel-view.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct tensor Tensor;
enum scalar { T_F32, T_F64, T_F16, T_BF16, T_I64, T_I32, T_U8, T_BOOL };
enum { TENSOR_RANK_MAX = 8 };

/* Before anything else: checks that the loaded library is the headers' version, opens CUDA if
 * device is "cuda" (before the first tensor, or it stays closed for good), sets the threads (0:
 * those of par_threads), deterministic algorithms, and flushes denormals. 0, or -1 with
 * tensor_error(). */
int torch_start(const char *device, int threads);
int torch_threads(void);
const char *torch_version(void); /* "2.11.0" */
bool torch_has_bf16(void);       /* the device computes in bf16 faster than in f32 */
bool torch_on_gpu(void);

enum grad_mode { NO_GRAD, GRAD };
/* Scopes nest; each sets the autograd mode until its end, which restores the one outside. */
void tensor_scope_begin(enum grad_mode mode);
void tensor_scope_end(void);
/* Moves t to the scope outside the current one; returns t. */
Tensor *tensor_keep(Tensor *t);
/* Moves t to the program's scope, so that nothing but tensor_free ends it; returns t. */
Tensor *tensor_keep_always(Tensor *t);
/* Frees one tensor early, whatever its scope. NULL is fine. */
void tensor_free(Tensor *t);
/* Handles alive now, in all scopes. */
long tensor_live(void);
/* "conv2d [8,3,64,64] [64,4,7,7]: Given groups=1, ...": the first failure since the last clear,
 * or NULL. The text is one line. */
const char *tensor_error(void);
void tensor_error_clear(void);

/* Copies C-ordered data to the device. */
Tensor *tensor_from(const void *data, enum scalar type, int rank, const int64_t *shape);
Tensor *tensor_full(double value, enum scalar type, int rank, const int64_t *shape);
Tensor *tensor_full_like(const Tensor *t, double value);
Tensor *tensor_clone(const Tensor *t);
/* Copies out in C order, converted to `type`. 0, or -1 (also when t is NULL or count differs
 * from its number of elements). */
int tensor_read(const Tensor *t, enum scalar type, void *data, int64_t count);
/* The same in two steps. The first queues a copy of t as it is now; the second waits for that
 * copy and returns it, while a GPU goes on with later work. End each reading once, with
 * tensor_read_end or tensor_read_drop. */
typedef struct reading Reading;
Reading *tensor_read_begin(const Tensor *t, enum scalar type, int64_t count);
int tensor_read_end(Reading *r, void *data);
void tensor_read_drop(Reading *r); /* NULL is fine */
/* The one element of t; NaN when t is NULL. Waits for the device. */
double tensor_item(const Tensor *t);
int tensor_rank(const Tensor *t);              /* 0 for NULL */
int64_t tensor_size(const Tensor *t, int dim); /* dim may be negative; 0 for NULL or out of range */
int64_t tensor_numel(const Tensor *t);
enum scalar tensor_type(const Tensor *t);

Tensor *tensor_to(const Tensor *t, enum scalar type); /* same tensor when already so */
Tensor *tensor_channels_last(const Tensor *t);        /* [N,C,H,W] with C innermost in memory */
Tensor *tensor_contiguous(const Tensor *t);
Tensor *tensor_detach(const Tensor *t);
Tensor *tensor_reshape(const Tensor *t, int rank, const int64_t *shape); /* -1: inferred */
Tensor *tensor_permute(const Tensor *t, int rank, const int *dims);
Tensor *tensor_transpose(const Tensor *t, int a, int b);
Tensor *tensor_narrow(const Tensor *t, int dim, int64_t start, int64_t length);
Tensor *tensor_cat(Tensor *const *t, int n, int dim);
Tensor *tensor_index_select(const Tensor *t, int dim, const Tensor *index);
Tensor *tensor_gather(const Tensor *t, int dim, const Tensor *index);
Tensor *tensor_flip(const Tensor *t, int dim);
Tensor *tensor_roll(const Tensor *t, int64_t shift, int dim);

Tensor *tensor_add(const Tensor *a, const Tensor *b);
Tensor *tensor_sub(const Tensor *a, const Tensor *b);
Tensor *tensor_mul(const Tensor *a, const Tensor *b);
Tensor *tensor_div(const Tensor *a, const Tensor *b);
/* a t + b, with numbers */
Tensor *tensor_affine(const Tensor *t, double a, double b);
Tensor *tensor_matmul(const Tensor *a, const Tensor *b);
Tensor *tensor_relu(const Tensor *t);
Tensor *tensor_relu6(const Tensor *t); /* within [0, 6] */
Tensor *tensor_sqrt(const Tensor *t);
Tensor *tensor_abs(const Tensor *t);
Tensor *tensor_sign(const Tensor *t);
Tensor *tensor_exp(const Tensor *t);
Tensor *tensor_log(const Tensor *t);
Tensor *tensor_clamp_min(const Tensor *t, double lo);
/* Over the given dimensions; n = 0: over all. */
Tensor *tensor_sum(const Tensor *t, int n, const int *dims, bool keepdim);
Tensor *tensor_mean(const Tensor *t, int n, const int *dims, bool keepdim);
/* Euclidean norm over one dimension; its gradient at 0 is 0. */
Tensor *tensor_norm(const Tensor *t, int dim, bool keepdim);
Tensor *tensor_softmax(const Tensor *t, int dim);
Tensor *tensor_log_softmax(const Tensor *t, int dim);

void tensor_copy_(Tensor *t, const Tensor *source);              /* converts the type */
void tensor_add_(Tensor *t, const Tensor *source, double scale); /* t += scale * source */
void tensor_mul_(Tensor *t, double factor);
void tensor_convert_(Tensor *t,
    enum scalar type); /* the handle stays, its tensor is another: a leaf without gradient */
/* Element-wise within [lo, hi], both broadcast to t. */
void tensor_clamp_(Tensor *t, const Tensor *lo, const Tensor *hi);

/* x [N,C,H,W], w [O,C/groups,kh,kw]; bias NULL for none. w and bias are converted to x's type. */
Tensor *tensor_conv2d(
    const Tensor *x, const Tensor *w, const Tensor *bias, int stride, int padding, int groups);
/* x [..., I], w [O, I]; bias NULL for none. Converted to x's type. */
Tensor *tensor_linear(const Tensor *x, const Tensor *w, const Tensor *bias);
Tensor *tensor_max_pool2d(const Tensor *x, int kernel, int stride, int padding);
/* groups of neighbouring channels, each normalised for itself in each image */
Tensor *tensor_group_norm(
    const Tensor *x, int groups, const Tensor *weight, const Tensor *bias, double eps);
Tensor *tensor_avg_pool2d(const Tensor *x, int kernel, int stride, int padding);
/* training: batch statistics, and running ones (if not NULL) updated in place; otherwise the
 * running ones. Parameters stay f32 whatever x's type. */
Tensor *tensor_batch_norm(const Tensor *x, const Tensor *weight, const Tensor *bias,
    Tensor *running_mean, Tensor *running_var, bool training, double momentum, double eps);
/* Mean and biased variance over N, H, W of each of `groups` equal parts of x [N,C,H,W], N a
 * multiple of groups: f32 (f64 for f64) [G,C], differentiable. One pass over x whatever its type
 * and layout. */
void tensor_batch_stats(const Tensor *x, int groups, Tensor **mean, Tensor **var);
/* A BatchNorm with running statistics, all f32 [C], and what follows it, in one pass over x
 * [N,C,H,W] (f32 or bf16). Also mean and biased variance [G,C] of each of `groups` equal parts
 * of the batch, as tensor_batch_stats; NULL for both where nobody asks. Gradients go to x and
 * residual alone, once: there is no second order. */
struct frozen_norm {
	const Tensor *weight, *bias, *mean, *var;
	double eps;
	const Tensor *scale,
	    *shift; /* tensor_frozen_line of those above; NULL: computed in each pass */
};
struct norm_then {
	const Tensor *residual; /* added; NULL: none */
	double top;             /* then clamped to [0, top]; INFINITY: ReLU; 0: not clamped */
	bool pools; /* then a max pool of 3x3, stride 2 and padding 1; not with a residual */
};
/* The BatchNorm as y = x scale + shift, f32 [C]. */
void tensor_frozen_line(const struct frozen_norm *norm, Tensor **scale, Tensor **shift);
Tensor *tensor_frozen_bn(const Tensor *x, const struct frozen_norm *norm,
    const struct norm_then *then, int groups, Tensor **mean, Tensor **var);
/* What BatchNorms add to SRe2L's statistics loss, as one operation for all of them, on a GPU alone:
 *
 *   sum_l weight_l sum_g (|mean_l[g] - running_mean_l| / s_l + |var_l[g] - running_var_l| / t_l)
 *
 * Euclidean norms over the channels; s and t are 1, or if `normalised` the lengths of the running
 * deviations and variances. mean and var f32 [G,C] as from tensor_frozen_bn get gradients,
 * running_mean and running_var f32 [C] do not. */
struct bn_distance {
	const Tensor *mean, *var, *running_mean, *running_var;
	double weight;
};
Tensor *tensor_bn_distances(const struct bn_distance *layers, int n, bool normalised);
/* tensor_frozen_bn with the statistics of the batch: gradients go to x, weight, bias and
 * residual; norm's mean and var take a share `momentum` of the batch's (0: untouched). */
Tensor *tensor_batch_bn(
    const Tensor *x, const struct frozen_norm *norm, const struct norm_then *then, double momentum);
/* A convolution of x [N,3,H,W], H and W even, without bias and with stride 2 and kernel 2 *
 * padding + 1. The gradient goes to x alone, by way of `adjoint`, tensor_stem_adjoint of the
 * same weight: much faster than tensor_conv2d's. */
Tensor *tensor_stem(const Tensor *x, const Tensor *w, const Tensor *adjoint, int padding);
Tensor *tensor_stem_adjoint(const Tensor *w, int padding);
/* Bilinear, half-pixel centres (align_corners false). */
Tensor *tensor_interpolate(const Tensor *x, int64_t h, int64_t w, bool antialias);
/* Mean over the batch; labels i64 [N]. */
Tensor *tensor_cross_entropy(const Tensor *logits, const Tensor *labels, double label_smoothing);

/* The numbers of a step lie on the device, where its passes read them: a step that is replayed
 * finds the new ones there. tensor_views: `n` views of images of w x h pixels;
 * tensor_adam_numbers: of a step of Adam, which counts from 1. The second of each pair puts
 * others in their place. */
Tensor *tensor_views(const struct pixel_view *views, int n, int w, int h);
void tensor_views_(Tensor *t, const struct pixel_view *views, int n, int w, int h);
struct adam_pixels {
	double lr, beta1, beta2, eps, lo[3], hi[3];
};
Tensor *tensor_adam_numbers(long step, const struct adam_pixels *how);
void tensor_adam_numbers_(Tensor *t, long step, const struct adam_pixels *how);
/* Every image through its view, in `type` (f32 or bf16); differentiable, one pass each way. Of n
 * views each is for N/n images that follow one another. */
Tensor *tensor_step_view(const Tensor *x, const Tensor *views, enum scalar type);
/* One step of Adam and each channel back within [lo, hi], in one pass. */
void tensor_adam_pixels_(
    Tensor *x, const Tensor *grad, Tensor *m, Tensor *v, const Tensor *numbers);

void tensor_requires_grad_(Tensor *t, bool on);
/* grads[i] = d loss / d inputs[i], loss having one element; zeros for an input that loss does
 * not depend on. create_graph: the gradients can be differentiated again. 0, or -1 and all grads
 * NULL. */
int tensor_grad(
    const Tensor *loss, Tensor *const *inputs, int n, Tensor **grads, bool create_graph);

/* step(ctx) computes on the same tensors each time, all made before and kept, reads what changes
 * from them, and waits for nothing: no tensor_item, tensor_read or tensor_from. It returns 0, or
 * -1 with fail_message. On a GPU it is soon replaced by a recording of what it did, so nothing
 * else in it may matter. */
typedef struct replay Replay;
Replay *replay_new(void);
int replay_take(Replay *r, int (*step)(void *ctx), void *ctx);
void replay_free(Replay *r);
/* The values of t in a tensor that stays, *stays: made at first and then always in the same
 * memory, for steps to be replayed. */
Tensor *tensor_settle(Tensor **stays, const Tensor *t);

/* A step's number, from 1, and its learning rate, where the steps read them; the second puts
 * others in their place. */
Tensor *tensor_optim_numbers(long step, double lr);
void tensor_optim_numbers_(Tensor *t, long step, double lr);
/* Gradients may have any layout; momentum, m and v start as zeros like the parameters. momentum
 * may be NULL for mu = 0. The rate is `share` times that of the numbers. */
struct optim_step {
	const Tensor *numbers;
	double share, weight_decay;
};
void tensor_sgd_(Tensor *const *params, Tensor *const *grads, Tensor *const *momentum, int n,
    const struct optim_step *how, double mu, bool nesterov);
/* decoupled: AdamW's weight decay, otherwise Adam's. */
void tensor_adam_(Tensor *const *params, Tensor *const *grads, Tensor *const *m, Tensor *const *v,
    int n, const struct optim_step *how, double beta1, double beta2, double eps, bool decoupled);

/* The orders in which torch.utils.data.RandomSampler goes through a data set, with a
 * torch.Generator of that seed. */
struct sampler;
struct sampler *sampler_new(uint64_t seed); /* NULL: tensor_error */
/* The next epoch's order of 0..n-1. The sampler draws two permutations an epoch and uses the
 * first. 0 or -1. */
int sampler_next(struct sampler *s, int64_t *order, int64_t n);
void sampler_free(struct sampler *s);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
