/* Training a network's parameters: gradients accumulated over a batch, libtorch's fused
 * steps, learning-rate schedules. */
#ifndef FD2_OPTIM_H
#define FD2_OPTIM_H
#include "lib/nn/layers.h"

enum optim_kind { OPTIM_SGD, OPTIM_ADAMW };

struct optim {
	enum optim_kind kind;
	double momentum, weight_decay;
	bool nesterov;
	double clip;      /* largest Euclidean norm of all gradients together; 0: as they are */
	const char *slow; /* parameters whose name starts so learn at slow_share times the rate;
	                     NULL: none */
	double slow_share;
	bool decay_all; /* false: weight decay on tensors of two and more dimensions only */
	/* filled by optim_init; v is NULL for SGD */
	long step;
	int n;
	const char **name;
	Tensor **param, **grad, **m, **v, *numbers;
};

/* The caller has filled the settings. Takes the trained parameters of p and turns their
 * gradients on. */
void optim_init(struct optim *o, const struct params *p);
/* Adds d loss / d parameters to the gradients, which move to the scope outside the current one. */
int optim_backward(struct optim *o, const Tensor *loss);
/* The number and the learning rate of the step that is to come. */
void optim_next(struct optim *o, double lr);
/* That step with the gathered gradients, which are then gone. It waits for the device only where
 * it clips. */
void optim_update(struct optim *o);
/* Gradients of a step that is not taken. */
void optim_drop(struct optim *o);
void optim_free(struct optim *o);

/* lr 0.9^(t/2), CAL's; t in epochs. */
double lr_exponential(double lr, double t);
/* lr (1 + cos(pi t / (T zeta))) / 2 after a linear warm-up of `warmup`; t, T, warmup in epochs
 * (fractions allowed). */
double lr_cosine(double lr, double t, double total, double warmup, double zeta);
#endif
