/* The face of lib/torch: libtorch as a C library. Call torch_start (start.h) first. This header
 * has tensors and basic operations; the others build on it:
 *
 *   functional.h  torch.nn.functional: convolutions, pooling, losses
 *   fused.h       BatchNorm fused with what surrounds it, for frozen and trained networks
 *   pixels.h      the learned images: their view, and Adam
 *   optim.h       optimiser steps
 *   replay.h      steps that a GPU repeats, and results read while it works
 *   render.h      renders images on the GPU
 *   sampler.h     the orders of torch's RandomSampler
 *
 * Ownership: a tensor belongs to the scope in which it was made, unless kept. tensor_scope_end
 * frees everything made since the matching tensor_scope_begin; tensor_keep moves one tensor to the
 * enclosing scope. The outermost scope is the program's. Handles are cheap; several may share
 * storage (views), as in torch.
 *
 * Errors: no function exits or throws. An operation that fails returns NULL, and an operation that
 * is given NULL returns NULL, so maths needs no ifs. The first message is kept until
 * tensor_error_clear. Check tensor_error() once per step.
 *
 * Names, arguments and semantics are torch's. A function whose name ends in '_' works in place and
 * returns nothing to free. Call these functions only from the main thread. */
#ifndef FD2_TENSOR_H
#define FD2_TENSOR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct tensor Tensor;
enum scalar { T_F32, T_F64, T_F16, T_BF16, T_I64, T_I32, T_U8, T_BOOL };
enum { TENSOR_RANK_MAX = 8 };

enum grad_mode { NO_GRAD, GRAD };
/* Scopes nest; each sets the autograd mode, and its end restores the previous one. */
void tensor_scope_begin(enum grad_mode mode);
void tensor_scope_end(void);
/* Moves t from the current scope to the enclosing one; returns t. */
Tensor *tensor_keep(Tensor *t);
/* Moves t to the program's scope, so that only tensor_free frees it; returns t. */
Tensor *tensor_keep_always(Tensor *t);
/* Frees one tensor early, whatever its scope. NULL is fine. */
void tensor_free(Tensor *t);
/* Returns the number of live handles in all scopes. */
long tensor_live(void);
/* Returns the first failure since the last clear, in one line, or NULL: "conv2d [8,3,64,64]
 * [64,4,7,7]: Given groups=1, ...". */
const char *tensor_error(void);
void tensor_error_clear(void);

/* Copies C-ordered data to the device. */
Tensor *tensor_from(const void *data, enum scalar type, int rank, const int64_t *shape);
Tensor *tensor_full(double value, enum scalar type, int rank, const int64_t *shape);
Tensor *tensor_full_like(const Tensor *t, double value);
Tensor *tensor_clone(const Tensor *t);
/* Copies t's elements to data in C order, converted to `type`. 0, or -1, also if t is NULL or count
 * is not its number of elements. */
int tensor_read(const Tensor *t, enum scalar type, void *data, int64_t count);
/* Returns the one element of t, or NaN on error or if t is NULL. Waits for the device. */
double tensor_item(const Tensor *t);
int tensor_rank(const Tensor *t);              /* 0 for NULL */
int64_t tensor_size(const Tensor *t, int dim); /* dim may be negative; 0 for NULL or out of range */
int64_t tensor_numel(const Tensor *t);
enum scalar tensor_type(const Tensor *t);

Tensor *tensor_to(const Tensor *t, enum scalar type); /* shares storage if t has that type */
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

Tensor *tensor_add(const Tensor *a, const Tensor *b);
Tensor *tensor_sub(const Tensor *a, const Tensor *b);
Tensor *tensor_mul(const Tensor *a, const Tensor *b);
Tensor *tensor_div(const Tensor *a, const Tensor *b);
/* Returns a t + b for numbers a and b. */
Tensor *tensor_affine(const Tensor *t, double a, double b);
Tensor *tensor_matmul(const Tensor *a, const Tensor *b);
Tensor *tensor_relu(const Tensor *t);
Tensor *tensor_relu6(const Tensor *t); /* clamps to [0, 6] */
Tensor *tensor_sqrt(const Tensor *t);
Tensor *tensor_abs(const Tensor *t);
Tensor *tensor_sign(const Tensor *t);
Tensor *tensor_clamp_min(const Tensor *t, double lo);
/* Reduce the given n dimensions; n = 0: all. */
Tensor *tensor_sum(const Tensor *t, int n, const int *dims, bool keepdim);
Tensor *tensor_mean(const Tensor *t, int n, const int *dims, bool keepdim);
/* Returns the n smallest values of each row of t [B,K], except the one in the column of the row's
 * label, in no order: [B,n], n < K. labels: i64 [B]. */
Tensor *tensor_smallest_others(const Tensor *t, const Tensor *labels, int64_t n);
/* Returns the Euclidean norm over one dimension; its gradient at 0 is 0. */
Tensor *tensor_norm(const Tensor *t, int dim, bool keepdim);
Tensor *tensor_softmax(const Tensor *t, int dim);
Tensor *tensor_log_softmax(const Tensor *t, int dim);

void tensor_copy_(Tensor *t, const Tensor *source);              /* converts the type */
void tensor_add_(Tensor *t, const Tensor *source, double scale); /* t += scale * source */
void tensor_mul_(Tensor *t, double factor);
/* Replaces the handle's tensor by a detached one of this type. */
void tensor_convert_(Tensor *t, enum scalar type);
/* Clamps t element-wise to [lo, hi]; both are broadcast to t. */
void tensor_clamp_(Tensor *t, const Tensor *lo, const Tensor *hi);

void tensor_requires_grad_(Tensor *t, bool on);
/* Sets grads[i] to d loss / d inputs[i]: zeros for an input that loss does not depend on. loss must
 * have one element. create_graph: the gradients can be differentiated again. 0, or -1 and all grads
 * NULL. */
int tensor_grad(
    const Tensor *loss, Tensor *const *inputs, int n, Tensor **grads, bool create_graph);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
