/* Layers and their parameters, with torch's names and defaults.
 *
 * A network is built by a function that adds its parameters to a `struct params` under their
 * state-dict keys; its forward pass is a plain C function over those layers. Activations are
 * [N,C,H,W], channels-last in memory except in a ConvNet (convnet.c). */
#ifndef FD2_LAYERS_H
#define FD2_LAYERS_H
#include "lib/base/rng.h"
#include "lib/torch/functional.h"
#include "lib/torch/fused.h"
#include "lib/torch/tensor.h"

struct param {
	const char *name; /* state-dict key: "layer1.0.bn2.running_mean" */
	Tensor *t;
	bool trained; /* false: a buffer */
};

/* Every named tensor of a network, in torch's order. */
struct params {
	struct param *v;
	int n;
	struct conv **convs; /* for params_freeze */
	struct bn **bns;
	int n_convs, n_bns;
	char **keys; /* names that key() returned */
	int n_keys;
	uint64_t seed; /* of the initial values: each depends on seed and name alone */
	bool bare;     /* start from zeros: a file supplies the values, and drawing millions takes a
	                  second */
	enum conv_start {
		CONV_FAN_OUT, /* normal, variance 2 / fan-out (He et al. 2015): ResNet, MobileNetV2
		               */
		CONV_FAN_IN,  /* normal, variance 2 / fan-in: DenseNet */
		CONV_TORCH,   /* uniform in +-1/sqrt(fan-in), torch's default, biases too:
		                 ShuffleNetV2, ConvNet */
	} conv_start;         /* initial values of convolutions added from now on */
};

Tensor *params_find(const struct params *p, const char *name);
void params_require_grad(const struct params *p, bool on);
/* Converts every floating-point tensor to `type` in place; a frozen network is converted once. */
void params_convert(const struct params *p, enum scalar type);
/* Prepares weights and statistics that no longer change: caches the convolutions' weights in
 * `type`, for inputs of that type, and the scale and shift of BatchNorms with running
 * statistics. */
void params_freeze(struct params *p, enum scalar type);
/* params_forget frees the list; params_free frees its tensors too. */
void params_forget(struct params *p);
void params_free(struct params *p);

enum bn_mode {
	BN_RUNNING, /* evaluation: running statistics */
	BN_BATCH,   /* batch statistics, running ones untouched */
	BN_TRAIN,   /* batch statistics, running ones updated */
};

struct bn {
	Tensor *weight, *bias, *mean, *var, *count;
	Tensor *scale, *shift; /* from tensor_frozen_line once frozen; else NULL */
	double eps;
	int index; /* order of creation: 0 is the network's first */
};

struct conv;
/* Settings of one forward pass. on_bn, if set, receives the mean and biased variance [G,C] of every
 * BatchNorm's input; on_conv receives every convolution's input x [N,C,H,W] before it runs. */
struct pass {
	enum bn_mode bn;
	bool plain; /* run one operation at a time, for weight gradients with BN_RUNNING and as the
	               tests' reference; otherwise BatchNorm is fused with what follows it, and with
	               BN_RUNNING only images get a gradient */
	int groups; /* consecutive groups of images, equal in size, each with its own statistics for
	               on_bn; 0: one */
	const Tensor *dropout_mask; /* multiplies the classifier's input; NULL: no dropout */
	void (*on_bn)(void *ctx, const struct bn *bn, Tensor *mean, Tensor *var);
	void (*on_conv)(void *ctx, const struct conv *conv, const Tensor *x);
	void *ctx;
};

struct conv_shape {
	int in, out, kernel, stride, padding, groups; /* 0 means 1 for stride and groups */
	bool bias;
	bool planar; /* for activations that are not channels-last */
};

struct conv {
	Tensor *weight, *bias; /* [out, in/groups, k, k]; bias NULL for none */
	Tensor *frozen;        /* params_freeze's copy of the weight, or NULL */
	Tensor *adjoint;       /* from tensor_stem_adjoint for a frozen stem; else NULL */
	struct conv_shape shape;
	int index; /* order of creation, like a BatchNorm's */
};

/* Normalises each channel of each image by its own mean and variance (torch's GroupNorm with one
 * channel per group). */
struct instance_norm {
	Tensor *weight, *bias;
};

struct linear {
	Tensor *weight, *bias; /* [out, in]; bias NULL for none */
};

/* Formats a name that p owns: key(p, "layer%d.%d", stage, block). */
const char *key(struct params *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void conv_init(struct conv *c, struct params *p, const char *name, struct conv_shape shape);
Tensor *conv_forward(const struct conv *c, const Tensor *x, const struct pass *pass);
void bn_init(struct bn *b, struct params *p, const char *name, int channels, double eps);
Tensor *bn_forward(const struct bn *b, const Tensor *x, const struct pass *pass);
enum activation { LINEAR, RELU, RELU6 };
/* Returns act(bn(x) + residual); residual may be NULL. */
Tensor *bn_act(const struct bn *b, const Tensor *x, const Tensor *residual, enum activation act,
    const struct pass *pass);

void instance_norm_init(struct instance_norm *n, struct params *p, const char *name, int channels);
Tensor *instance_norm_forward(const struct instance_norm *n, const Tensor *x);

/* Frees x and returns y. Autograd holds what it needs of x, so a pass without gradients never
 * holds more than its widest layer. */
Tensor *replace_tensor(Tensor *x, Tensor *y);

/* A convolution without bias and its BatchNorm (eps 1e-5), the building block of most networks. */
struct conv_bn {
	struct conv conv;
	struct bn bn;
};
void conv_bn_init(
    struct conv_bn *u, struct params *p, const char *conv, const char *bn, struct conv_shape shape);
Tensor *conv_bn_act(const struct conv_bn *u, const Tensor *x, const Tensor *residual,
    enum activation act, const struct pass *pass);
/* relu(bn(conv(x))), then a 3x3 max pool with stride 2 and padding 1: the start of most
 * networks. */
Tensor *conv_bn_relu_pool(const struct conv_bn *u, const Tensor *x, const struct pass *pass);

/* Draws weights uniformly in +-1/sqrt(in), torch's default; with BIAS_TORCH the bias too. */
enum linear_bias { BIAS_NONE, BIAS_ZERO, BIAS_TORCH };
void linear_init(
    struct linear *l, struct params *p, const char *name, int in, int out, enum linear_bias bias);
/* Computes in the weight's type, whatever x's. */
Tensor *linear_forward(const struct linear *l, const Tensor *x);
/* Draws normal weights with that standard deviation; the bias is zero (MobileNetV2's
 * classifier). */
void linear_init_normal(
    struct linear *l, struct params *p, const char *name, int in, int out, double deviation);
/* Draws a dropout mask to multiply by, f32 [rows,columns]: 0 with probability rate, otherwise 1 /
 * (1 - rate). */
Tensor *dropout_mask(int64_t rows, int64_t columns, double rate, struct rng *r);
/* Adds a buffer of zeros [rows,columns] to p. */
Tensor *buffer_init(struct params *p, const char *name, int64_t rows, int64_t columns);
#endif
