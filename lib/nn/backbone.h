/* The face of lib/nn: backbones as torchvision defines them, with the same state-dict keys. archs.h
 * lists them, and each family has a file that builds it from layers.h. backbone_init allocates the
 * parameters and draws their initial values; pretrained.h or weights.h fills them from a file;
 * training adds optim.h and ema.h. backbone_free frees everything. */
#ifndef FD2_BACKBONE_H
#define FD2_BACKBONE_H
#include "lib/nn/archs.h"
#include "lib/nn/layers.h"

struct arch_options {
	int classes;
	int size;        /* side of the input images; sets the width of a ConvNet's classifier */
	int last_stride; /* stride of a ResNet's last stage: 2 as in torchvision, 1 as in CAL */
	bool bare;       /* skip the initial values: a file supplies them */
};

enum { ARCH_NAME_MAX = 256 }; /* bytes in a parameter's name, including the NUL */

struct arch {
	const char *name; /* torchvision's name: "resnet18" */
	int channels;     /* C of the last feature map before global pooling */
	/* Adds the parameters, including the classifier's, in torchvision's order. Returns the
	 * network, which the caller frees with free(). NULL: fail_message. */
	void *(*build)(
	    struct params *p, struct linear *classifier, const struct arch_options *options);
	/* Maps normalised images x [N,3,H,W] to features F [N,C,h,w] >= 0; h = H/32 unless the
	 * backbone's file says otherwise */
	Tensor *(*features)(void *net, const Tensor *x, const struct pass *pass);
	/* Converts another program's parameter name to torchvision's, in place; NULL: the names
	 * agree */
	void (*rename)(char name[ARCH_NAME_MAX]);
	double dropout;    /* dropout rate before the classifier, in training */
	double student_lr; /* a student's default learning rate with AdamW; 0: 0.001 */
	int min_size;      /* smallest side of the images, in pixels */
	bool flattens;     /* the classifier sees all of F, not its mean over h and w */
	bool has_stride;   /* last_stride may be 1 */
};

const struct arch *arch_find(const char *name); /* NULL: fail_message */
const struct arch *arch_at(enum arch_place place);
/* Checks that images of this side are large enough. -1: fail_message. */
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
/* Returns p_bb = W_bb GAP(F) (Eq. 7): F [N,C,h,w] -> [N,K] in the type of the parameters. */
Tensor *backbone_logits(const struct backbone *b, const Tensor *F, const struct pass *pass);
/* Draws pass.dropout_mask for n training images; NULL if the backbone has no dropout. */
Tensor *backbone_dropout_mask(const struct backbone *b, int n, struct rng *r);
#endif
