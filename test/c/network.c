/* Backbones and the teacher against torchvision's names, counts and rules; the draws of the
 * step's view. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/rng.h"
#include "lib/fd2/distill/bn-loss.h"
#include "lib/fd2/distill/step-view.h"
#include "lib/fd2/teacher/teacher.h"
#include "lib/nn/ema.h"
#include "test/c/check.h"
#include "test/c/tensors.h"

enum { CLASSES = 5, IMAGES = 2, SIZE = 64 };

static Tensor *images(int64_t height, int64_t width)
{
	return random_tensor(T_F32, 4, (int64_t[]){IMAGES, 3, height, width}, 1);
}

static bool has_shape(const Tensor *t, int rank, const int64_t *shape)
{
	bool same = tensor_rank(t) == rank;
	for (int i = 0; same && i < rank; i++)
		same = tensor_size(t, i) == shape[i];
	return same;
}

static bool same_values(const Tensor *a, const Tensor *b)
{
	int64_t n = tensor_numel(a);
	float *u = calloc((size_t)n + 1, sizeof *u), *v = calloc((size_t)n + 1, sizeof *v);
	bool same = tensor_read(a, T_F32, u, n) == 0 && tensor_read(b, T_F32, v, n) == 0 &&
	            !memcmp(u, v, (size_t)n * sizeof *u);
	free(u);
	free(v);
	return same;
}

struct expected {
	const struct params *p;
	int next;
};

static void expect(struct expected *e, const char *layer, const char *name, int rank,
    const int64_t *shape, bool trained)
{
	char key[80];
	const struct param *p = &e->p->v[e->next];
	snprintf(key, sizeof key, "%s.%s", layer, name);
	CHECK(e->next < e->p->n);
	if (e->next++ >= e->p->n)
		return;
	CHECK_STR(p->name, key);
	CHECK_THAT(has_shape(p->t, rank, shape), "%s has another shape", key);
	CHECK_THAT(p->trained == trained, "%s: trained is %d", key, p->trained);
}

static void expect_conv(
    struct expected *e, const char *conv, const char *bn, int64_t in, int64_t out, int64_t kernel)
{
	static const char *const vectors[] = {"weight", "bias", "running_mean", "running_var"};
	expect(e, conv, "weight", 4, (int64_t[]){out, in, kernel, kernel}, true);
	for (int i = 0; i < 4; i++)
		expect(e, bn, vectors[i], 1, &out, i < 2);
	expect(e, bn, "num_batches_tracked", 0, NULL, false);
}

/* Kernels of a block's convolutions: 3 3, or 1 3 1 where the last is four times as wide. */
static void expect_resnet(const struct params *p, const int *depth, int convs, int64_t classes)
{
	struct expected e = {p, 0};
	int64_t expansion = convs == 3 ? 4 : 1, in = 64;
	expect_conv(&e, "conv1", "bn1", 3, 64, 7);
	for (int s = 0; s < 4; s++)
		for (int b = 0; b < depth[s]; b++) {
			int64_t width = 64 << s, from = in;
			char conv[64], bn[64];
			for (int i = 0; i < convs; i++) {
				int64_t to = i == convs - 1 ? width * expansion : width;
				snprintf(conv, sizeof conv, "layer%d.%d.conv%d", s + 1, b, i + 1);
				snprintf(bn, sizeof bn, "layer%d.%d.bn%d", s + 1, b, i + 1);
				expect_conv(&e, conv, bn, from, to, convs == 2 || i == 1 ? 3 : 1);
				from = to;
			}
			if (b == 0 && (s > 0 || in != from)) {
				snprintf(conv, sizeof conv, "layer%d.0.downsample.0", s + 1);
				snprintf(bn, sizeof bn, "layer%d.0.downsample.1", s + 1);
				expect_conv(&e, conv, bn, in, from, 1);
			}
			in = from;
		}
	expect(&e, "fc", "weight", 2, (int64_t[]){classes, in}, true);
	expect(&e, "fc", "bias", 1, &classes, true);
	CHECK(e.next == p->n);
}

/* depth NULL: no ResNet */
static void check_arch(
    const char *arch, const int *depth, int convs, int want_trained, int64_t want_elements)
{
	struct arch_options options = {
	    .classes = 1000, .size = 224, .last_stride = 2, .bare = true};
	struct backbone b;
	int trained = 0;
	int64_t elements = 0;
	tensor_scope_begin(NO_GRAD);
	CHECK(backbone_init(&b, arch, &options, 1) == 0);
	for (int i = 0; i < b.params.n; i++)
		if (b.params.v[i].trained) {
			trained++;
			elements += tensor_numel(b.params.v[i].t);
		}
	CHECK_THAT(trained == want_trained, "%s has %d trained tensors", arch, trained);
	CHECK_THAT(elements == want_elements, "%s has %lld parameters", arch, (long long)elements);
	if (depth)
		expect_resnet(&b.params, depth, convs, 1000);
	backbone_free(&b);
	tensor_scope_end();
}

static void resnet18_parameters(void)
{
	check_arch("resnet18", (int[]){2, 2, 2, 2}, 2, 62, 11689512);
}

static void resnet50_parameters(void)
{
	check_arch("resnet50", (int[]){3, 4, 6, 3}, 3, 161, 25557032);
}

/* The numbers of parameters that torchvision's documentation gives; a ConvNet's is 128 (3 9 + 1)
 * + (d-1) 128 (128 9 + 1) and norms and classifier. */
static void other_parameters(void)
{
	check_arch("mobilenet_v2", NULL, 0, 158, 3504872);
	check_arch("resnet34", (int[]){3, 4, 6, 3}, 2, 110, 21797672);
	check_arch("resnet101", (int[]){3, 4, 23, 3}, 3, 314, 44549160);
	check_arch("densenet121", NULL, 0, 364, 7978856);
	check_arch("densenet169", NULL, 0, 508, 14149480);
	check_arch("densenet201", NULL, 0, 604, 20013928);
	check_arch("shufflenet_v2_x0_5", NULL, 0, 170, 1366792);
	check_arch("shufflenet_v2_x1_0", NULL, 0, 170, 2278604);
	check_arch(
	    "convnet3", NULL, 0, 14, 3584 + 2 * 147584 + 3 * 256 + (28 * 28 * 128 + 1) * 1000);
	check_arch("convnet6", NULL, 0, 26, 3584 + 5 * 147584 + 6 * 256 + (3 * 3 * 128 + 1) * 1000);
}

static void refused(const char *arch, int size, int last_stride, const char *why)
{
	struct arch_options options = {.classes = 2, .size = size, .last_stride = last_stride};
	struct backbone b;
	CHECK(backbone_init(&b, arch, &options, 1) < 0);
	CHECK_THAT(strstr(fail_message(), why), "%s", fail_message());
	backbone_free(&b);
}

static void refused_archs(void)
{
	refused("resnet19", 224, 2, "no backbone is called 'resnet19' (there are resnet18|");
	refused("densenet121", 224, 1, "densenet121 has no last stage whose stride could be 1");
	refused("convnet6", 32, 2, "convnet6 needs images of at least 64 pixels, not 32");
}

/* Neither a backbone nor its average leaves tensors behind, within one scope. */
static void freed_backbones(void)
{
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < ARCHS; i++) {
		struct arch_options options = {
		    .classes = CLASSES, .size = 64, .last_stride = 2, .bare = true};
		struct backbone b;
		struct ema e;
		const long live = tensor_live();
		CHECK(backbone_init(&b, arch_at((enum arch_place)i)->name, &options, 1) == 0);
		CHECK(tensor_live() == live + b.params.n);
		ema_init(&e, &b.params, 0.9);
		CHECK(tensor_live() == live + 2 * b.params.n);
		ema_free(&e);
		backbone_free(&b);
		CHECK_THAT(tensor_live() == live, "%s left %ld tensors",
		    arch_at((enum arch_place)i)->name, tensor_live() - live);
	}
	tensor_scope_end();
}

static void make(struct backbone *b, const char *arch, int last_stride, uint64_t seed)
{
	struct arch_options options = {.classes = CLASSES, .size = 64, .last_stride = last_stride};
	CHECK(backbone_init(b, arch, &options, seed) == 0);
}

static void check_forward(const char *arch, int last_stride, int64_t channels, int64_t shrink)
{
	struct pass pass = {.bn = BN_RUNNING};
	struct backbone b;
	tensor_scope_begin(NO_GRAD);
	make(&b, arch, last_stride, 1);
	int64_t height = b.arch->flattens ? 64 : 96, width = 64;
	Tensor *F = backbone_features(&b, images(height, width), &pass);
	CHECK(has_shape(F, 4, (int64_t[]){IMAGES, channels, height / shrink, width / shrink}));
	CHECK(has_shape(backbone_logits(&b, F, &pass), 2, (int64_t[]){IMAGES, CLASSES}));
	CHECK_STR(tensor_error(), NULL);
	backbone_free(&b);
	tensor_scope_end();
}

/* Of a classifier's bias: zeros, or torch's uniform values. */
static void check_bias(const char *arch, const char *name, bool zero)
{
	struct backbone b;
	make(&b, arch, 2, 1);
	tensor_scope_begin(NO_GRAD);
	double norm = tensor_item(tensor_norm(params_find(&b.params, name), 0, false));
	CHECK_THAT(zero ? norm == 0 : norm > 0, "%s: norm %g", arch, norm);
	tensor_scope_end();
	backbone_free(&b);
}

static void biases_as_torchvision(void)
{
	check_bias("resnet18", "fc.bias", false);
	check_bias("shufflenet_v2_x0_5", "fc.bias", false);
	check_bias("densenet121", "classifier.bias", true);
	check_bias("mobilenet_v2", "classifier.1.bias", true);
}

static void forward_shapes(void)
{
	check_forward("resnet18", 2, 512, 32);
	check_forward("resnet18", 1, 512, 16);
	check_forward("resnet50", 2, 2048, 32);
	check_forward("resnet50", 1, 2048, 16);
	check_forward("mobilenet_v2", 2, 1280, 32);
	check_forward("densenet121", 2, 1024, 32);
	check_forward("shufflenet_v2_x0_5", 2, 1024, 32);
	check_forward("shufflenet_v2_x1_0", 2, 1024, 32);
	check_forward("convnet3", 2, 128, 8);
	check_forward("convnet6", 2, 128, 64);
}

#define NAME(name, about) #name,

/* Each line of archs.h is the backbone of that name, with as many channels as it says. */
static void every_backbone(void)
{
	static const char *const names[] = {FD2_ARCHS(NAME)};
	struct pass pass = {.bn = BN_RUNNING};
	for (int i = 0; i < ARCHS; i++) {
		const struct arch *arch = arch_at((enum arch_place)i);
		struct arch_options options = {
		    .classes = CLASSES, .size = 64, .last_stride = 2, .bare = true};
		struct backbone b;
		tensor_scope_begin(NO_GRAD);
		CHECK_STR(arch->name, names[i]);
		CHECK(backbone_init(&b, names[i], &options, 1) == 0);
		Tensor *x = images(64, 64);
		const long live = tensor_live();
		Tensor *F = backbone_features(&b, x, &pass);
		CHECK_THAT(tensor_live() == live + 1, "%s left %ld tensors", names[i],
		    tensor_live() - live);
		CHECK_THAT(tensor_size(F, 1) == arch->channels, "%s has %ld channels", names[i],
		    (long)tensor_size(F, 1));
		CHECK(has_shape(backbone_logits(&b, F, &pass), 2, (int64_t[]){IMAGES, CLASSES}));
		CHECK_STR(tensor_error(), NULL);
		backbone_free(&b);
		tensor_scope_end();
	}
}

/* Statistics near what the network sees, as after training. */
static void settle(struct backbone *b, const Tensor *x)
{
	struct pass train = {.bn = BN_TRAIN};
	for (int i = 0; i < 20; i++) {
		tensor_scope_begin(NO_GRAD);
		backbone_features(b, x, &train);
		tensor_scope_end();
	}
}

struct outcome {
	double loss;
	Tensor *F, *dx;
	int layers;
};

static struct outcome look(struct backbone *b, const Tensor *x, bool fused)
{
	struct bn_statistics seen = {0};
	struct pass pass = {
	    .bn = BN_RUNNING, .plain = !fused, .on_bn = bn_statistics_add, .ctx = &seen};
	struct outcome o;
	tensor_scope_begin(GRAD);
	Tensor *leaf = tensor_clone(x);
	tensor_requires_grad_(leaf, true);
	o.F = backbone_features(b, leaf, &pass);
	Tensor *loss = tensor_add(tensor_affine(loss_bn(&seen, BN_LITERAL), 0.1, 0),
	    tensor_mean(backbone_logits(b, o.F, &pass), 0, NULL, false));
	CHECK(tensor_grad(loss, &leaf, 1, &o.dx, false) == 0);
	o.loss = tensor_item(loss);
	o.layers = seen.n;
	free(seen.v);
	tensor_keep(o.F);
	if (o.dx)
		tensor_keep(o.dx);
	tensor_scope_end();
	return o;
}

struct statistics {
	Tensor *mean, *var;
};

static void keep_statistics(void *ctx, const struct bn *bn, Tensor *mean, Tensor *var)
{
	*(struct statistics *)ctx = (struct statistics){mean, var};
	(void)bn;
}

/* As near to f64 as the plain path of the same arithmetic, within a half; and `flips`, since
 * rounding decides by chance whether a unit at 0 lets its gradient pass: seeds move dx of either
 * path by up to 2e-2 in f32. */
static void no_worse(const char *arch, const char *what, const Tensor *fused, const Tensor *plain,
    const Tensor *exact, double flips)
{
	double ours = distance(fused, exact), rounding = distance(plain, exact);
	CHECK_THAT(ours < 1.5 * rounding + flips, "%s: %s is off by %g, plainly by %g", arch, what,
	    ours, rounding);
}

static void fused_pass(void)
{
	static const char *const names[] = {
	    "resnet18", "resnet50", "mobilenet_v2", "densenet121", "shufflenet_v2_x1_0"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct backbone b;
		tensor_scope_begin(NO_GRAD);
		make(&b, names[i], 2, 3);
		Tensor *x = tensor_channels_last(images(SIZE, SIZE)), *half = tensor_to(x, T_BF16);
		settle(&b, x);
		struct outcome plain = look(&b, x, false), fused = look(&b, x, true);
		struct outcome plain16 = look(&b, half, false), fused16 = look(&b, half, true);
		params_convert(&b.params, T_F64);
		struct outcome exact = look(&b, tensor_to(x, T_F64), false);
		CHECK(exact.layers == fused.layers && fused.layers > 0);
		CHECK_NEAR(fused.loss, exact.loss, 1e-5 * fabs(exact.loss));
		no_worse(names[i], "F", fused.F, plain.F, exact.F, 1e-6);
		no_worse(names[i], "dx", fused.dx, plain.dx, exact.dx, 3e-2);
		no_worse(names[i], "F in bf16", fused16.F, plain16.F, exact.F, 0);
		no_worse(names[i], "dx in bf16", fused16.dx, plain16.dx, exact.dx, 0);
		CHECK_STR(tensor_error(), NULL);
		backbone_free(&b);
		tensor_scope_end();
	}
}

enum { ALONE_C = 37, ALONE_N = 6 };
static const int64_t alone_shape[] = {ALONE_N, ALONE_C, 9, 7}, alone_vector[] = {ALONE_C};

static void bn_alone(struct bn *bn, struct params *p)
{
	bn_init(bn, p, "bn", ALONE_C, 1e-5);
	tensor_copy_(bn->weight, random_tensor(T_F32, 1, alone_vector, 11));
	tensor_copy_(bn->bias, random_tensor(T_F32, 1, alone_vector, 12));
	tensor_copy_(bn->mean, random_tensor(T_F32, 1, alone_vector, 13));
	tensor_copy_(
	    bn->var, tensor_affine(tensor_abs(random_tensor(T_F32, 1, alone_vector, 14)), 1, 0.5));
}

/* Values and gradients of the fused pass are those of the plain one, with statistics of 1, 2 and
 * 6 groups; those of a group are those of its images alone. */
static void frozen_alone(void)
{
	for (int form = 0; form < 18; form++) {
		int groups = (int[]){1, 2, 6}[form / 6], act = form % 6 / 2;
		struct params p = {0};
		struct bn bn;
		tensor_scope_begin(GRAD);
		bn_alone(&bn, &p);
		int64_t vectors[] = {groups, ALONE_C};
		Tensor *weights[3] = {random_tensor(T_F32, 4, alone_shape, 15),
		    random_tensor(T_F32, 2, vectors, 16), random_tensor(T_F32, 2, vectors, 17)};
		Tensor *values[2][3], *grads[2][2];
		for (int fused = 0; fused < 2; fused++) {
			struct statistics seen = {0};
			struct pass pass = {.bn = BN_RUNNING,
			    .plain = !fused,
			    .groups = groups,
			    .on_bn = keep_statistics,
			    .ctx = &seen};
			Tensor *in[2] = {
			    tensor_affine(random_tensor(T_F32, 4, alone_shape, 18), 3, 0),
			    random_tensor(T_F32, 4, alone_shape, 19)};
			tensor_requires_grad_(in[0], true);
			tensor_requires_grad_(in[1], true);
			values[fused][0] = bn_act(&bn, in[0], form % 2 ? in[1] : NULL, act, &pass);
			values[fused][1] = seen.mean;
			values[fused][2] = seen.var;
			Tensor *loss = tensor_full(0, T_F32, 0, NULL), *mean, *var;
			for (int i = 0; i < 3; i++)
				loss = tensor_add(
				    loss, tensor_sum(tensor_mul(values[fused][i], weights[i]), 0,
				              NULL, false));
			CHECK(tensor_grad(loss, in, 2, grads[fused], false) == 0);
			int n = ALONE_N / groups;
			tensor_batch_stats(tensor_narrow(in[0], 0, ALONE_N - n, n), 1, &mean, &var);
			CHECK(distance(tensor_narrow(seen.mean, 0, groups - 1, 1), mean) < 1e-5);
			CHECK(distance(tensor_narrow(seen.var, 0, groups - 1, 1), var) < 1e-5);
		}
		for (int i = 0; i < 3; i++)
			CHECK_THAT(distance(values[1][i], values[0][i]) < 1e-5, "form %d, value %d",
			    form, i);
		CHECK_THAT(distance(grads[1][0], grads[0][0]) < 1e-6, "form %d, dx", form);
		if (form % 2)
			CHECK_THAT(
			    distance(grads[1][1], grads[0][1]) < 1e-6, "form %d, residual", form);
		CHECK_STR(tensor_error(), NULL);
		params_free(&p);
		tensor_scope_end();
	}
}

/* The same with the batch's statistics, where the weights learn too, and the running statistics
 * move as torch moves them. */
static void batch_alone(void)
{
	for (int form = 0; form < 12; form++) {
		enum bn_mode mode = form < 6 ? BN_TRAIN : BN_BATCH;
		int act = form % 6 / 2;
		Tensor *got[2][7];
		struct params p[2] = {{0}};
		struct bn bn[2];
		tensor_scope_begin(GRAD);
		for (int fused = 0; fused < 2; fused++) {
			struct bn *b = &bn[fused];
			struct pass pass = {.bn = mode, .plain = !fused};
			bn_alone(b, &p[fused]);
			Tensor *in[4] = {
			    tensor_affine(random_tensor(T_F32, 4, alone_shape, 18), 3, 5),
			    random_tensor(T_F32, 4, alone_shape, 19), b->weight, b->bias};
			for (int i = 0; i < 4; i++)
				tensor_requires_grad_(in[i], true);
			got[fused][4] = bn_act(b, in[0], form % 2 ? in[1] : NULL, act, &pass);
			got[fused][5] = b->mean;
			got[fused][6] = b->var;
			Tensor *loss = tensor_sum(
			    tensor_mul(got[fused][4], random_tensor(T_F32, 4, alone_shape, 15)), 0,
			    NULL, false);
			CHECK(tensor_grad(loss, in, 4, got[fused], false) == 0);
		}
		for (int i = 0; i < 7; i++)
			CHECK_THAT(
			    (i == 1 && form % 2 == 0) || distance(got[1][i], got[0][i]) < 1e-5,
			    "form %d, %d", form, i);
		CHECK_STR(tensor_error(), NULL);
		params_free(&p[0]);
		params_free(&p[1]);
		tensor_scope_end();
	}
}

/* At the kinks of an activation no gradient passes, in any kind of pass. Without a weight a
 * BatchNorm gives its bias, 0, so that the residual alone decides. */
static void kinks(void)
{
	enum { VALUES = 6 };
	static const double r[VALUES] = {-1, 0, 3, 6, 7, 1e-30};
	static const double passes[][VALUES] = {
	    [RELU] = {0, 0, 1, 1, 1, 1}, [RELU6] = {0, 0, 1, 0, 0, 1}};
	static const enum bn_mode modes[] = {BN_RUNNING, BN_TRAIN, BN_BATCH};
	for (int form = 0; form < 12; form++) {
		enum activation act = form % 2 ? RELU6 : RELU;
		struct pass pass = {.bn = modes[form / 4], .plain = form % 4 / 2};
		struct params p = {0};
		struct bn bn;
		double got[VALUES];
		tensor_scope_begin(GRAD);
		bn_init(&bn, &p, "bn", 1, 1e-5);
		tensor_copy_(bn.weight, tensor_full(0, T_F32, 0, NULL));
		int64_t shape[] = {1, 1, 1, VALUES};
		Tensor *x = random_tensor(T_F32, 4, shape, 18), *d;
		Tensor *residual = tensor_to(tensor_from(r, T_F64, 4, shape), T_F32);
		tensor_requires_grad_(residual, true);
		Tensor *y = bn_act(&bn, x, residual, act, &pass);
		CHECK(tensor_grad(tensor_sum(y, 0, NULL, false), &residual, 1, &d, false) == 0);
		CHECK(tensor_read(d, T_F64, got, VALUES) == 0);
		for (int i = 0; i < VALUES; i++)
			CHECK_THAT(got[i] == passes[act][i],
			    "form %d: %g of the gradient passes at %g", form, got[i], r[i]);
		CHECK_STR(tensor_error(), NULL);
		params_free(&p);
		tensor_scope_end();
	}
}

/* Without on_bn nothing sums up, and values and gradients are the same bytes. */
static void frozen_unasked(void)
{
	for (int form = 0; form < 6; form++) {
		struct params p = {0};
		struct bn bn;
		tensor_scope_begin(GRAD);
		bn_alone(&bn, &p);
		Tensor *y[2], *grads[2][2], *weights = random_tensor(T_F32, 4, alone_shape, 15);
		for (int asked = 0; asked < 2; asked++) {
			struct statistics seen;
			struct pass pass = {.bn = BN_RUNNING,
			    .on_bn = asked ? keep_statistics : NULL,
			    .ctx = &seen};
			Tensor *in[2] = {random_tensor(T_F32, 4, alone_shape, 18),
			    random_tensor(T_F32, 4, alone_shape, 19)};
			tensor_requires_grad_(in[0], true);
			tensor_requires_grad_(in[1], true);
			y[asked] = bn_act(&bn, in[0], form % 2 ? in[1] : NULL, form / 2, &pass);
			Tensor *loss = tensor_sum(tensor_mul(y[asked], weights), 0, NULL, false);
			CHECK(tensor_grad(loss, in, 2, grads[asked], false) == 0);
		}
		CHECK(distance(y[0], y[1]) == 0 && distance(grads[0][0], grads[1][0]) == 0);
		if (form % 2)
			CHECK(distance(grads[0][1], grads[1][1]) == 0);
		CHECK_STR(tensor_error(), NULL);
		params_free(&p);
		tensor_scope_end();
	}
}

/* A frozen copy of the weights gives what converting them each time gives. */
static void frozen_weights(void)
{
	struct backbone b;
	struct pass pass = {.bn = BN_RUNNING};
	tensor_scope_begin(NO_GRAD);
	make(&b, "resnet18", 2, 3);
	Tensor *x = tensor_to(images(SIZE, SIZE), T_BF16);
	Tensor *before = backbone_features(&b, x, &pass);
	params_freeze(&b.params, T_BF16);
	CHECK(same_values(backbone_features(&b, x, &pass), before));
	CHECK_STR(tensor_error(), NULL);
	backbone_free(&b);
	tensor_scope_end();
}

/* A fifth of the inputs of MobileNetV2's classifier is dropped in training, and only there; the
 * same numbers drop the same. */
static void drops(void)
{
	enum { N = 4, C = 5000 };
	static float v[N * C];
	struct rng a = rng_at(1, RNG_TEST, 0, 0, 0), b = a, c = rng_at(2, RNG_TEST, 0, 0, 0);
	tensor_scope_begin(NO_GRAD);
	Tensor *y = dropout_mask(N, C, 0.2, &a);
	CHECK(same_values(dropout_mask(N, C, 0.2, &b), y));
	CHECK(!same_values(dropout_mask(N, C, 0.2, &c), y));
	CHECK(tensor_read(y, T_F32, v, N * C) == 0);
	int dropped = 0, odd = 0;
	for (int i = 0; i < N * C; i++) {
		dropped += v[i] == 0;
		odd += v[i] != 0 && v[i] != 1.25f;
	}
	CHECK(!odd);
	CHECK_NEAR((double)dropped / (N * C), 0.2, 0.02);
	tensor_scope_end();
}

static void seeds(void)
{
	struct backbone a, b, c;
	tensor_scope_begin(NO_GRAD);
	make(&a, "resnet18", 2, 5);
	make(&b, "resnet18", 2, 5);
	make(&c, "resnet18", 2, 6);
	for (int i = 0; i < a.params.n; i++)
		CHECK_THAT(same_values(a.params.v[i].t, b.params.v[i].t),
		    "%s depends on more than the seed", a.params.v[i].name);
	CHECK(!same_values(
	    params_find(&a.params, "conv1.weight"), params_find(&c.params, "conv1.weight")));
	CHECK(!same_values(params_find(&a.params, "fc.bias"), params_find(&c.params, "fc.bias")));
	CHECK(!same_values(params_find(&a.params, "layer1.0.conv1.weight"),
	    params_find(&a.params, "layer1.0.conv2.weight")));
	backbone_free(&a);
	backbone_free(&b);
	backbone_free(&c);
	tensor_scope_end();
}

/* One pass from a fresh network: how many of its 3 x 20 statistics changed. */
static int statistics_changed(enum bn_mode mode, Tensor **logits)
{
	struct pass pass = {.bn = mode};
	struct backbone b, fresh;
	int changed = 0;
	make(&b, "resnet18", 2, 5);
	make(&fresh, "resnet18", 2, 5);
	*logits = tensor_keep(
	    backbone_logits(&b, backbone_features(&b, images(SIZE, SIZE), &pass), &pass));
	for (int i = 0; i < b.params.n; i++) {
		bool same = same_values(b.params.v[i].t, fresh.params.v[i].t);
		changed += !same;
		CHECK_THAT(same || !b.params.v[i].trained, "a pass changed %s", b.params.v[i].name);
	}
	if (mode == BN_TRAIN)
		CHECK(tensor_item(params_find(&b.params, "layer4.1.bn2.num_batches_tracked")) == 1);
	backbone_free(&b);
	backbone_free(&fresh);
	return changed;
}

static int changed_by(enum bn_mode mode, Tensor **logits)
{
	tensor_scope_begin(NO_GRAD);
	int changed = statistics_changed(mode, logits);
	tensor_scope_end();
	return changed;
}

static void batch_norm_modes(void)
{
	Tensor *running, *batch, *train;
	tensor_scope_begin(NO_GRAD);
	CHECK(changed_by(BN_RUNNING, &running) == 0);
	CHECK(changed_by(BN_BATCH, &batch) == 0);
	CHECK(changed_by(BN_TRAIN, &train) == 3 * 20);
	CHECK(same_values(batch, train));
	CHECK(!same_values(batch, running));
	tensor_scope_end();
}

/* running <- 0.9 running + 0.1 batch; the variance that is kept is the unbiased one. */
static void batch_norm_update(void)
{
	enum { N = 3, C = 2, HW = 4, COUNT = N * HW };
	struct pass pass = {.bn = BN_TRAIN};
	struct params p = {0};
	struct bn bn;
	double v[N * C * HW], mean[C], var[C];
	tensor_scope_begin(NO_GRAD);
	bn_init(&bn, &p, "bn", C, 1e-5);
	Tensor *x = random_tensor(T_F32, 4, (int64_t[]){N, C, 2, 2}, 2);
	bn_forward(&bn, x, &pass);
	CHECK(tensor_read(x, T_F64, v, N * C * HW) == 0);
	CHECK(tensor_read(bn.mean, T_F64, mean, C) == 0 && tensor_read(bn.var, T_F64, var, C) == 0);
	for (int c = 0; c < C; c++) {
		double m = 0, s = 0;
		for (int i = 0; i < COUNT; i++)
			m += v[(i / HW * C + c) * HW + i % HW] / COUNT;
		for (int i = 0; i < COUNT; i++)
			s += pow(v[(i / HW * C + c) * HW + i % HW] - m, 2) / (COUNT - 1);
		CHECK_NEAR(mean[c], 0.1 * m, 1e-6);
		CHECK_NEAR(var[c], 0.9 + 0.1 * s, 1e-6);
	}
	CHECK(tensor_item(bn.count) == 1);
	params_free(&p);
	tensor_scope_end();
}

/* One value a channel, as of one image of 32 pixels: its variance is 0. */
static void batch_norm_of_one(void)
{
	enum { C = 2 };
	struct pass pass = {.bn = BN_TRAIN};
	struct params p = {0};
	struct bn bn;
	double v[C], mean[C], var[C];
	tensor_scope_begin(NO_GRAD);
	bn_init(&bn, &p, "bn", C, 1e-5);
	Tensor *x = random_tensor(T_F32, 4, (int64_t[]){1, C, 1, 1}, 3);
	bn_act(&bn, x, NULL, RELU, &pass);
	CHECK(tensor_read(x, T_F64, v, C) == 0);
	CHECK(tensor_read(bn.mean, T_F64, mean, C) == 0 && tensor_read(bn.var, T_F64, var, C) == 0);
	for (int c = 0; c < C; c++) {
		CHECK_NEAR(mean[c], 0.1 * v[c], 1e-6);
		CHECK_NEAR(var[c], 0.9, 1e-6);
	}
	params_free(&p);
	tensor_scope_end();
}

static void teacher_shapes(void)
{
	enum { MAPS = 3 };
	struct pass pass = {.bn = BN_RUNNING};
	struct teacher t = {.classes = CLASSES, .size = SIZE, .last_stride = 1};
	tensor_scope_begin(NO_GRAD);
	CHECK(teacher_init(&t, "resnet18", MAPS, 3) == 0);
	struct teacher_out o = teacher_forward(&t, images(SIZE, SIZE), &pass);
	CHECK(has_shape(o.F, 4, (int64_t[]){IMAGES, 512, 4, 4}));
	CHECK(has_shape(o.A, 4, (int64_t[]){IMAGES, MAPS, 4, 4}));
	CHECK(has_shape(o.z, 2, (int64_t[]){IMAGES, MAPS * 512}));
	CHECK(has_shape(o.p_bb, 2, (int64_t[]){IMAGES, CLASSES}));
	CHECK(has_shape(o.p_raw, 2, (int64_t[]){IMAGES, CLASSES}));
	CHECK(has_shape(teacher_effect(&t, &o, NULL), 2, (int64_t[]){IMAGES, CLASSES}));
	CHECK(has_shape(params_find(&t.backbone.params, "cal.prototypes"), 2,
	    (int64_t[]){CLASSES, MAPS * 512}));
	CHECK(same_values(o.A, tensor_abs(o.A)));
	CHECK_NEAR(tensor_item(tensor_norm(tensor_narrow(o.z, 0, 1, 1), 1, false)), 1, 1e-5);
	Tensor *zero =
	    teacher_effect(&t, &o, o.A); /* the factual attention has no effect over itself */
	CHECK_NEAR(tensor_item(tensor_sum(tensor_abs(zero), 0, NULL, false)), 0, 0);
	CHECK_STR(tensor_error(), NULL);
	teacher_free(&t);
	tensor_scope_end();
}

/* A function of its arguments; inside the image; rolls up to a seventh of the size. */
static void view_draws(void)
{
	enum { SIDE = 56 };
	int flips = 0, most = 0;
	for (long step = 0; step < 400; step++) {
		struct view_rule rule = {.min_scale = 0.08, .roll = 32, .seed = 1};
		const struct view_size size = {SIDE, SIDE};
		struct pixel_view v = step_view_random(&rule, &size, 20, 2, step),
		                  same = step_view_random(&rule, &size, 20, 2, step);
		CHECK(v.x == same.x && v.w == same.w && v.flip == same.flip &&
		      v.roll_x == same.roll_x);
		CHECK(v.x >= 0 && v.y >= 0 && v.x + v.w <= SIDE && v.y + v.h <= SIDE);
		CHECK(v.w * v.h >= 0.07 * SIDE * SIDE);
		CHECK(
		    v.roll_x >= 0 && v.roll_x <= SIDE / 7 && v.roll_y >= 0 && v.roll_y <= SIDE / 7);
		flips += v.flip;
		most = v.roll_x > most ? v.roll_x : most;
	}
	CHECK(flips > 150 && flips < 250);
	CHECK(most == SIDE / 7);
}

int main(void)
{
	if (start_tests() < 0)
		return 1;
	RUN(resnet18_parameters);
	RUN(resnet50_parameters);
	RUN(other_parameters);
	RUN(refused_archs);
	RUN(freed_backbones);
	RUN(biases_as_torchvision);
	RUN(forward_shapes);
	RUN(every_backbone);
	RUN(drops);
	RUN(frozen_alone);
	RUN(frozen_unasked);
	RUN(batch_alone);
	RUN(kinks);
	RUN(fused_pass);
	RUN(frozen_weights);
	RUN(seeds);
	RUN(batch_norm_modes);
	RUN(batch_norm_update);
	RUN(batch_norm_of_one);
	RUN(teacher_shapes);
	RUN(view_draws);
	return check_done();
}
