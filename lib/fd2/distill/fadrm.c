/* FADRM, and FADRM+ with several teachers (Cui et al. 2025; fd2-method(7), BASE METHODS): phases of
 * two alternating sizes, with a residual connection between phases. */
#include "lib/fd2/distill/initial.h"
#include "lib/fd2/distill/method.h"

/* Returns (1 - residual) x + residual start. */
static Tensor *residual_connection(const struct method *m, const Tensor *x, const Tensor *start)
{
	Tensor *mixed = tensor_affine(x, 1 - m->residual, 0);
	tensor_add_(mixed, start, m->residual);
	return mixed;
}

#define FADRM                                                                                      \
	.start = &start_real, .steps = 2000, .lr = 0.25, .r_bn = 0.01,                             \
	.crops = {.min_scale = 0.08, .milestone = 1}, .roll = 32, .phases = 4,                     \
	.seen_sizes = {200, 224, 200, 224}, .residual = 0.5, .loss = bn_term,                      \
	.connect = residual_connection

const struct method fadrm = {.name = "fadrm", FADRM};
const struct method fadrm_plus = {.name = "fadrm+", .several_teachers = true, FADRM};
