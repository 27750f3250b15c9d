#include "lib/fd2/match/trajectory.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/fd2/match/unroll.h"

int trajectory_check(const struct trajectory *t)
{
	const struct trajectory_config *how = &t->method->trajectory;
	long needed = how->last - 1 + how->expert_epochs;
	return needed <= t->experts->epochs
	           ? 0
	           : fail("the experts have %d epochs, but --start-last %ld and --expert-epochs "
	                  "%ld need %ld",
	                 t->experts->epochs, how->last, how->expert_epochs, needed);
}

int trajectory_init(struct trajectory *t, int classes)
{
	const struct arch_options o = {
	    .classes = classes, .size = t->learned->size, .last_stride = 2, .bare = true};
	if (backbone_init(&t->student, t->experts->arch, &o, 0) < 0 ||
	    backbone_init(&t->goal, t->experts->arch, &o, 0) < 0)
		return -1;
	t->weights = (struct optim){.kind = OPTIM_SGD};
	optim_init(&t->weights, &t->student.params);
	return 0;
}

void trajectory_free(struct trajectory *t)
{
	optim_free(&t->weights);
	backbone_free(&t->student);
	backbone_free(&t->goal);
}

/* Goes through all experts in a random order, then in another, and so on. */
static int choose_expert(const struct trajectory *t, long iteration)
{
	int n = t->experts->experts;
	struct rng random = rng_at(t->seed, RNG_STUDENT, (uint64_t)(iteration / n), 3, 0);
	uint32_t *order = xcalloc((size_t)n, sizeof *order);
	rng_order(&random, order, (uint32_t)n);
	int chosen = (int)order[iteration % n];
	free(order);
	return chosen;
}

static int choose_start(const struct trajectory *t, long iteration)
{
	const struct trajectory_config *how = &t->method->trajectory;
	struct rng random = rng_at(t->seed, RNG_STUDENT, (uint64_t)iteration, 0, 0);
	long upper = how->last;
	if (iteration < how->growth)
		upper = how->upper + (how->last - how->upper) * iteration / how->growth;
	return (int)(how->first + rng_below(&random, (uint32_t)(upper - how->first)));
}

/* |student - goal|^2 */
static double distance(const struct trajectory *t)
{
	double sum = 0;
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < t->weights.n; i++) {
		Tensor *off = tensor_sub(t->weights.param[i], t->goal.params.v[i].t);
		sum += tensor_item(tensor_sum(tensor_mul(off, off), 0, NULL, false));
	}
	tensor_scope_end();
	return sum;
}

/* Returns the loss's gradient with respect to the student's weights, as kept tensors. `all` is
 * |theta_0 - goal|^2. The caller frees the array and its tensors. */
static Tensor **slope(const struct trajectory *t, double all)
{
	Tensor **lambda = xcalloc((size_t)t->weights.n, sizeof *lambda);
	tensor_scope_begin(NO_GRAD);
	for (int i = 0; i < t->weights.n; i++) {
		Tensor *off = tensor_sub(t->weights.param[i], t->goal.params.v[i].t);
		lambda[i] = tensor_keep_always(tensor_affine(off, 2 / all, 0));
	}
	tensor_scope_end();
	return lambda;
}

static int move(const struct trajectory *t, long iteration)
{
	const struct trajectory_config *how = &t->method->trajectory;
	if (!learned_gradients_finite(t->learned))
		return fail("the gradient is not finite in iteration %ld; try fewer --steps or a "
		            "smaller --lr-net",
		    iteration + 1);
	learned_step(t->learned, LEARNED_IMAGES, t->method->lr);
	learned_step(t->learned, LEARNED_LABELS, how->lr_labels);
	learned_step(t->learned, LEARNED_STEP, how->lr_step);
	double step = learned_step_size(t->learned);
	return step > 0 ? 0
	                : fail("the step size of students is %g after iteration %ld; try a smaller "
	                       "--lr-step",
	                      step, iteration + 1);
}

/* Backpropagates from where the student ended, then updates what is learned. `all` is |theta_0 -
 * goal|^2. */
static int learn_from(struct trajectory *t, struct unroll *u, double all)
{
	Tensor **lambda = slope(t, all);
	learned_clear_gradients(t->learned);
	int err = unroll_backward(u, lambda);
	for (int i = 0; i < t->weights.n; i++)
		tensor_free(lambda[i]);
	free(lambda);
	return err < 0 ? -1 : move(t, u->iteration);
}

static int train_student(struct trajectory *t, long iteration, double all, double *loss)
{
	const struct trajectory_config *how = &t->method->trajectory;
	struct unroll u = {.net = &t->student,
	    .weights = &t->weights,
	    .learned = t->learned,
	    .steps = (int)how->steps,
	    .batch = (int)how->batch,
	    .part = t->part,
	    .augment = t->augment,
	    .seed = t->seed,
	    .iteration = iteration};
	int err = unroll_forward(&u);
	*loss = err ? NAN : distance(t) / all;
	if (!err && !isfinite(*loss))
		err = fail("the loss is not finite in iteration %ld; try a smaller --lr-net",
		    iteration + 1);
	if (!err && *loss > how->threshold)
		t->skipped++;
	else if (!err)
		err = learn_from(t, &u, all);
	unroll_free(&u);
	return err;
}

static int imitate(struct trajectory *t, long iteration, double *loss)
{
	const struct trajectory_config *how = &t->method->trajectory;
	t->expert = choose_expert(t, iteration);
	t->start = choose_start(t, iteration);
	int end = t->start + (int)how->expert_epochs;
	if (trajectories_read(t->experts, t->expert, t->start, &t->student.params) < 0 ||
	    trajectories_read(t->experts, t->expert, end, &t->goal.params) < 0)
		return -1;
	double all = distance(t);
	if (!(all > 0))
		return fail("expert %d has the same weights after %d and %d epochs", t->expert,
		    t->start, end);
	return train_student(t, iteration, all, loss);
}

/* A libtorch error takes precedence over its consequence, values that are not finite. */
int trajectory_take(struct trajectory *t, long iteration, double *loss)
{
	int err = imitate(t, iteration, loss);
	return tensor_error() ? fail("iteration %ld failed: %s", iteration + 1, tensor_error())
	                      : err;
}
