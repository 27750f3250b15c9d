/* Layers and their parameters, with torch's names and defaults.
 *
 * A network is built by a function that adds its parameters to a `struct params` under their state-dict keys; its forward pass
 * is a plain C function over those layers. Activations are [N,C,H,W], channels-last in memory. */
#ifndef FD2_LAYERS_H
#define FD2_LAYERS_H
#include "lib/torch/tensor.h"

struct param {
	char *name; /* state-dict key: "layer1.0.bn2.running_mean" */
	Tensor *t;
	bool trained; /* false: a buffer */
};

/* Every named tensor of a network, in torch's order. */
struct params {
	struct param *v;
	int n;
	uint64_t seed; /* of the initial values: each depends on seed and name alone */
	bool bare;     /* zeros instead: a file gives the values, and drawing millions takes a second */
};

Tensor *params_find(const struct params *p, const char *name);
void params_require_grad(const struct params *p, bool on);
/* Frees the list and its tensors. */
void params_free(struct params *p);

enum bn_mode {
	BN_RUNNING, /* evaluation: running statistics */
	BN_BATCH,   /* batch statistics, running ones untouched */
	BN_TRAIN,   /* batch statistics, running ones updated */
};

struct bn {
	Tensor *weight, *bias, *mean, *var, *count;
	double eps;
	int index; /* order of creation: 0 is the network's first */
};

/* How one forward pass is made. on_bn, when set, sees the input of every BatchNorm. */
struct pass {
	enum bn_mode bn;
	void (*on_bn)(void *ctx, const struct bn *bn, const Tensor *x);
	void *ctx;
};

struct conv {
	Tensor *weight; /* [out, in, k, k] */
	int stride, padding;
};

struct linear {
	Tensor *weight, *bias; /* [out, in]; bias NULL for none */
};

/* He-normal over fan-out, as torchvision's ResNets; no bias. */
void conv_init(struct conv *c, struct params *p, const char *name, int in, int out, int kernel, int stride, int padding);
Tensor *conv_forward(const struct conv *c, const Tensor *x);
void bn_init(struct bn *b, struct params *p, const char *name, int channels, double eps);
Tensor *bn_forward(const struct bn *b, const Tensor *x, const struct pass *pass);
/* Uniform in +-1/sqrt(in), torch's default. */
void linear_init(struct linear *l, struct params *p, const char *name, int in, int out, bool bias);
/* In f32, whatever x's type. */
Tensor *linear_forward(const struct linear *l, const Tensor *x);
/* A buffer of zeros [rows, columns]. */
Tensor *buffer_init(struct params *p, const char *name, int64_t rows, int64_t columns);
#endif
