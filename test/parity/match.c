/* fd2's side of match.py: losses of matching and their gradients by what is learned.
 *
 * match METHOD INPUT OUTPUT    INPUT: the network's weights and
 *     dm, dsa: "rgb" u8 [n,S,S,3] (photographs), "x" [ipc,3,S,S], "augment" f64: kind and values,
 *              "label"
 *     datm:    "x" [K,3,S,S], "y" [K,K] (logits), "rate", "goal NAME" of each weight, "sizes":
 *              steps, images in each, images in a pass
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/fd2/match/matchings.h"
#include "lib/fd2/match/unroll.h"
#include "lib/nn/weights.h"
#include "lib/torch/start.h"

enum { INPUTS_MAX = 64, CLASSES = 10, PASS = 3, VALUES = 14 };

static char *names[INPUTS_MAX];
static Tensor *tensors[INPUTS_MAX];
static int n_inputs;

static void check(int ok)
{
	if (ok < 0 || tensor_error())
		die("%s", tensor_error() ? tensor_error() : fail_message());
}

static void read_inputs(const char *path)
{
	struct stream_reader *r = fd2_stream_open(path, "parity");
	struct array a;
	int got = r ? 0 : -1;
	while (r && (got = fd2_stream_next(r, &a)) > 0 && n_inputs < INPUTS_MAX) {
		names[n_inputs] = xstrdup(a.name);
		tensors[n_inputs++] = weights_tensor(&a);
		fd2_array_free(&a);
	}
	check(got);
	fd2_stream_close(r);
}

static Tensor *input(const char *name)
{
	for (int i = 0; i < n_inputs; i++)
		if (!strcmp(names[i], name))
			return tensors[i];
	die("no input '%s'", name);
}

/* All photographs are chosen, and go through the network PASS at a time. */
static struct real photographs(void)
{
	const Tensor *rgb = input("rgb");
	int n = (int)tensor_size(rgb, 0), S = (int)tensor_size(rgb, 1);
	size_t one = 3 * (size_t)S * S;
	uint8_t *all = xcalloc((size_t)n, one);
	struct real r = {
	    .size = S, .n = n, .normal = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}}};
	check(tensor_read(rgb, T_U8, all, (int64_t)(n * one)));
	r.set.v = xcalloc((size_t)n, sizeof *r.set.v);
	r.set.n = n;
	r.chosen = xcalloc((size_t)n, sizeof *r.chosen);
	for (int i = 0; i < n; i++) {
		r.set.v[i].image = (struct image){S, S, all + i * one};
		r.chosen[i] = (uint32_t)i;
	}
	batch_init(&r.part, PASS, S);
	return r;
}

static struct siamese augmentation(void)
{
	double v[VALUES];
	check(tensor_read(input("augment"), T_F64, v, VALUES));
	struct siamese s = {.kind = (enum siamese_kind)v[0],
	    .brightness = v[1],
	    .saturation = v[2],
	    .contrast = v[3],
	    .down = (int)v[4],
	    .right = (int)v[5],
	    .y = (int)v[6],
	    .x = (int)v[7],
	    .flip = v[8] > 0,
	    .theta = {v[9], v[10], v[11], v[12]},
	    .none = v[13] > 0};
	return s;
}

static struct backbone network(int size)
{
	const struct arch_options o = {.classes = CLASSES, .size = size, .bare = true};
	struct backbone net;
	check(backbone_init(&net, "convnet3", &o, 0));
	for (int i = 0; i < net.params.n; i++)
		tensor_copy_(net.params.v[i].t, input(net.params.v[i].name));
	params_convert(&net.params, tensor_type(input("x")));
	return net;
}

static const struct matching *find(const char *name)
{
	for (int i = 0; i < MATCHINGS; i++)
		if (!strcmp(matching_of((enum matching_id)i)->name, name))
			return matching_of((enum matching_id)i);
	die("no method '%s'", name);
}

static struct stream_writer *create(const char *path)
{
	struct out *out = out_open(path, 0);
	struct stream_writer *w = out ? stream_create(out, "parity", NULL) : NULL;
	check(w ? 0 : -1);
	return w;
}

/* One image of each class. */
static void hold(struct moved *m, const Tensor *all, int n)
{
	m->params.v = xcalloc((size_t)n, sizeof *m->params.v);
	for (int i = 0; i < n; i++)
		m->params.v[m->params.n++] = (struct param){
		    key(&m->params, "%d", i), tensor_clone(tensor_narrow(all, 0, i, 1)), true};
	m->optim = (struct optim){.kind = OPTIM_SGD};
	optim_init(&m->optim, &m->params);
}

static void put(struct stream_writer *w, const char *name, int i, Tensor *t)
{
	char *numbered = xasprintf("%s %d", name, i);
	check(weights_put_tensor(w, numbered, t));
	free(numbered);
}

/* The images of a step and how each is augmented, drawn as lib/base/rng.h says. */
static void put_draws(struct stream_writer *w, const struct unroll *u, int all, int step)
{
	int batches = (all + u->batch - 1) / u->batch, first = step % batches * u->batch,
	    n = all - first < u->batch ? all - first : u->batch;
	struct rng of_order = rng_at(
	               u->seed, RNG_STUDENT, (uint64_t)u->iteration, 1, (uint32_t)(step / batches)),
	           of_augment =
	               rng_at(u->seed, RNG_STUDENT, (uint64_t)u->iteration, 2, (uint32_t)step);
	uint32_t order[CLASSES];
	struct siamese s[CLASSES];
	rng_order(&of_order, order, (uint32_t)all);
	siamese_draw_each(s, n, &of_augment, u->augment, u->learned->size);
	for (int i = 0; i < n; i++) {
		double v[VALUES + 1] = {s[i].kind, s[i].brightness, s[i].saturation, s[i].contrast,
		    s[i].down, s[i].right, s[i].y, s[i].x, s[i].flip, s[i].theta[0], s[i].theta[1],
		    s[i].theta[2], s[i].theta[3], s[i].none, order[first + i]};
		char *name = xasprintf("draw %d", step);
		put(w, name, i, tensor_from(v, T_F64, 1, (int64_t[]){VALUES + 1}));
		free(name);
	}
}

static void put_gradients(struct stream_writer *w, const char *name, const struct moved *m)
{
	for (int i = 0; i < m->optim.n; i++)
		put(w, name, i, m->optim.grad[i]);
}

static int match_trajectory(const char *output)
{
	const Tensor *x = input("x");
	int n = (int)tensor_size(x, 0), size = (int)tensor_size(x, 2);
	struct backbone net = network(size);
	struct optim weights = {.kind = OPTIM_SGD};
	struct learned l = {.n = n, .ipc = 1, .size = size};
	double sizes[3];
	Tensor *lambda[INPUTS_MAX], *loss = NULL;
	check(tensor_read(input("sizes"), T_F64, sizes, 3));
	optim_init(&weights, &net.params);
	hold(&l.kinds[LEARNED_IMAGES], x, n);
	hold(&l.kinds[LEARNED_LABELS], input("y"), n);
	hold(&l.kinds[LEARNED_STEP], input("rate"), 1);
	struct unroll u = {.net = &net,
	    .weights = &weights,
	    .learned = &l,
	    .steps = (int)sizes[0],
	    .batch = (int)sizes[1],
	    .part = (int)sizes[2],
	    .augment = SIAMESE_ALL,
	    .seed = 11,
	    .iteration = 2};
	check(unroll_forward(&u));
	for (int i = 0; i < weights.n; i++) {
		char *name = xasprintf("goal %s", weights.name[i]);
		Tensor *off = tensor_sub(weights.param[i], input(name)),
		       *part = tensor_sum(tensor_mul(off, off), 0, NULL, false);
		loss = loss ? tensor_add(loss, part) : part;
		lambda[i] = tensor_affine(off, 2, 0);
		free(name);
	}
	learned_clear_gradients(&l);
	check(unroll_backward(&u, lambda));
	struct stream_writer *w = create(output);
	for (int s = 0; s < u.steps; s++)
		put_draws(w, &u, n, s);
	check(weights_put_tensor(w, "loss", loss));
	put_gradients(w, "dx", &l.kinds[LEARNED_IMAGES]);
	put_gradients(w, "dy", &l.kinds[LEARNED_LABELS]);
	put_gradients(w, "drate", &l.kinds[LEARNED_STEP]);
	check(fd2_stream_finish(w));
	return 0;
}

int main(int argc, char **argv)
{
	prog_name = "match";
	if (argc != 4)
		die_usage("see the head of match.c");
	check(torch_start("cpu", 0));
	read_inputs(argv[2]);
	if (!strcmp(argv[1], "datm"))
		return match_trajectory(argv[3]);
	struct real real = photographs();
	struct siamese augment = augmentation();
	struct backbone net = network(real.size);
	struct optim weights = {.kind = OPTIM_SGD};
	Tensor *x = input("x"), *gradient;
	optim_init(&weights, &net.params);
	tensor_requires_grad_(x, true);
	tensor_scope_begin(GRAD);
	struct class_pass p = {.net = &net,
	    .weights = &weights,
	    .augment = &augment,
	    .real = &real,
	    .x = siamese_apply(&augment, x),
	    .label = (int)tensor_item(input("label"))};
	Tensor *loss = find(argv[1])->loss(&p);
	check(tensor_grad(loss, &x, 1, &gradient, false));
	struct stream_writer *w = create(argv[3]);
	for (int i = 0; i < real.n; i += PASS) {
		char name[16];
		snprintf(name, sizeof name, "real %d", i / PASS);
		check(weights_put_tensor(w, name, real_part(&real, i)));
	}
	check(weights_put_tensor(w, "loss", loss));
	check(weights_put_tensor(w, "dx", gradient));
	check(fd2_stream_finish(w));
	tensor_scope_end();
	return 0;
}
