/* Training of a network's parameters: gradients accumulated over a batch, libtorch's fused steps,
 * learning-rate schedules. */
#ifndef FD2_OPTIM_H
#define FD2_OPTIM_H
#include "lib/nn/layers.h"

enum optim_kind { OPTIM_SGD, OPTIM_ADAMW };

struct optim {
	enum optim_kind kind;
	double momentum, weight_decay;
	bool nesterov;
	double clip;      /* largest Euclidean norm of all gradients together; 0: no clipping */
	const char *slow; /* parameters whose name has this prefix learn at slow_share times the
	                     rate; NULL: none */
	double slow_share;
	bool decay_all; /* false: weight decay on tensors of two and more dimensions only */
	/* filled by optim_init; v is NULL for SGD */
	long step;
	int n;
	const char **name;
	Tensor **param, **grad, **m, **v, *numbers;
};

/* Takes the trained parameters of p and turns their gradients on. The caller fills the settings
 * first. */
void optim_init(struct optim *o, const struct params *p);
/* Adds d loss / d parameters to the gradients, which move to the scope outside the current one. */
int optim_backward(struct optim *o, const Tensor *loss);
/* Sets the number and the learning rate of the next step. */
void optim_next(struct optim *o, double lr);
/* Takes that step with the accumulated gradients, then drops them. Does not wait for the device. */
void optim_update(struct optim *o);
/* Drops the gradients without taking a step. */
void optim_drop(struct optim *o);
void optim_free(struct optim *o);

/* Returns lr 0.9^(t/2), as CAL has it; t in epochs. */
double lr_exponential(double lr, double t);
/* Returns lr (1 + cos(pi t / (T zeta))) / 2 after a linear warm-up of `warmup`; t, T, warmup in
 * epochs (fractions allowed). */
double lr_cosine(double lr, double t, double total, double warmup, double zeta);
#endif
