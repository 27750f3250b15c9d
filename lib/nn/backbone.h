/* The face of lib/nn: backbones as torchvision defines them, key for key of its state dicts.
 * archs.h lists them; each family has a file, built of layers.h. backbone_init allocates the
 * parameters and draws their initial values, pretrained.h or weights.h fills them from a file; a
 * training loop adds optim.h and ema.h. backbone_free frees all of it. */
#ifndef FD2_BACKBONE_H
#define FD2_BACKBONE_H
#include "lib/nn/archs.h"
#include "lib/nn/layers.h"

struct arch_options {
	int classes;
	int size;        /* side of the input images: a ConvNet's classifier depends on it */
	int last_stride; /* of a ResNet's last stage: 2 is torchvision's, 1 is CAL's */
	bool bare;       /* without initial values, which a file will give */
};

enum { ARCH_NAME_MAX = 256 }; /* bytes of a parameter's name, with the end */

struct arch {
	const char *name; /* torchvision's: "resnet18" */
	int channels;     /* C of the last feature map before global pooling */
	/* Adds the parameters, classifier included, in torchvision's order. The network, to be
	 * freed with free(); NULL: fail_message. */
	void *(*build)(
	    struct params *p, struct linear *classifier, const struct arch_options *options);
	/* x [N,3,H,W] normalised -> F [N,C,h,w], non-negative; h = H/32 unless it says otherwise */
	Tensor *(*features)(void *net, const Tensor *x, const struct pass *pass);
	/* Makes torchvision's out of another program's name of a parameter; NULL: all have the
	 * same */
	void (*rename)(char name[ARCH_NAME_MAX]);
	double dropout;    /* before the classifier, in training */
	double student_lr; /* AdamW's default for a student; 0: 0.001 */
	int min_size;      /* least side of the images */
	bool flattens;     /* the classifier sees all of F, not its mean over h and w */
	bool has_stride;   /* last_stride may be 1 */
};

const struct arch *arch_find(const char *name); /* NULL: fail_message */
const struct arch *arch_at(enum arch_place place);
/* -1: fail_message, where images of this side are too small. */
int arch_check_size(const struct arch *a, int size);

struct backbone {
	const struct arch *arch;
	struct params params;
	struct linear classifier;
	void *net;
};

int backbone_init(
    struct backbone *b, const char *arch, const struct arch_options *options, uint64_t seed);
void backbone_free(struct backbone *b);
Tensor *backbone_features(const struct backbone *b, const Tensor *x, const struct pass *pass);
/* p_bb = W_bb GAP(F) (Eq. 7): F [N,C,h,w] -> [N,K] in the type of the parameters */
Tensor *backbone_logits(const struct backbone *b, const Tensor *F, const struct pass *pass);
/* pass.dropout_mask for n images in training; NULL for a backbone without dropout. */
Tensor *backbone_dropout_mask(const struct backbone *b, int n, struct rng *r);
#endif
