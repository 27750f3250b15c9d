#include "lib/fd2/match/recognised.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/progress.h"

struct search {
	struct recognised *out;
	struct real *real;
	const struct trajectories *experts;
	struct backbone net;
	int ipc;
	uint64_t seed;
	int *found;   /* [K] */
	double *sums; /* [K][ipc][K]: sums of correct experts' logits */
	int *right;   /* [K][ipc]: number of correct experts */
};

static int largest(const float *v, int n)
{
	int at = 0;
	for (int i = 1; i < n; i++)
		at = v[i] > v[at] ? i : at;
	return at;
}

/* Returns the network's logits for the part of the chosen photographs that begins at `first`:
 * [n][K], which the caller frees. NULL: tensor_error. */
static float *logits_of(const struct search *s, int first, int *n)
{
	const struct pass pass = {.bn = BN_RUNNING};
	tensor_scope_begin(NO_GRAD);
	Tensor *x = real_part(s->real, first),
	       *logits = backbone_logits(&s->net, backbone_features(&s->net, x, &pass), &pass);
	*n = (int)tensor_size(x, 0);
	float *v = xcalloc((size_t)*n, (size_t)s->out->classes * sizeof *v);
	int err = tensor_read(logits, T_F32, v, (int64_t)*n * s->out->classes);
	tensor_scope_end();
	if (!err)
		return v;
	free(v);
	return NULL;
}

static bool is_chosen(const struct search *s, int k, uint32_t place)
{
	const uint32_t *chosen = s->out->chosen + (size_t)k * s->ipc;
	for (int i = 0; i < s->found[k]; i++)
		if (chosen[i] == place)
			return true;
	return false;
}

/* Adds photographs of class k that the current expert classifies correctly, up to ipc. */
static int choose(struct search *s, int k)
{
	int K = s->out->classes, n;
	uint32_t *chosen = s->out->chosen + (size_t)k * s->ipc;
	real_choose_first(s->real, k, real_count(s->real, k), s->seed);
	for (int first = 0; first < s->real->n && s->found[k] < s->ipc; first += n) {
		float *v = logits_of(s, first, &n);
		if (!v)
			return -1;
		for (int i = 0; i < n && s->found[k] < s->ipc; i++) {
			uint32_t place = s->real->chosen[first + i];
			if (largest(v + (size_t)i * K, K) == k && !is_chosen(s, k, place))
				chosen[s->found[k]++] = place;
		}
		free(v);
	}
	return 0;
}

static bool is_complete(const struct search *s)
{
	for (int k = 0; k < s->out->classes; k++)
		if (s->found[k] < s->ipc)
			return false;
	return true;
}

static int take_expert(struct search *s, int expert)
{
	progress_note("expert %d", expert);
	return trajectories_read(s->experts, expert, s->experts->epochs, &s->net.params);
}

static int choose_all(struct search *s)
{
	for (int e = 0; e < s->experts->experts && !is_complete(s); e++) {
		if (take_expert(s, e) < 0)
			return -1;
		for (int k = 0; k < s->out->classes; k++)
			if (s->found[k] < s->ipc && choose(s, k) < 0)
				return -1;
	}
	for (int k = 0; k < s->out->classes; k++)
		if (s->found[k] < s->ipc)
			return fail("the experts classify %d of the %d photographs of class '%s' "
			            "correctly, but --ipc needs %d; train them longer",
			    s->found[k], real_count(s->real, k), s->real->set.classes[k], s->ipc);
	return 0;
}

/* Adds the current expert's logits for the images of class k that it classifies correctly. */
static int add_logits(struct search *s, int k)
{
	int K = s->out->classes, n;
	real_choose_these(s->real, s->out->chosen + (size_t)k * s->ipc, s->ipc);
	for (int first = 0; first < s->ipc; first += n) {
		float *v = logits_of(s, first, &n);
		if (!v)
			return -1;
		for (int i = 0; i < n; i++) {
			size_t at = (size_t)k * s->ipc + first + i;
			if (largest(v + (size_t)i * K, K) != k)
				continue;
			s->right[at]++;
			for (int c = 0; c < K; c++)
				s->sums[at * K + c] += v[(size_t)i * K + c];
		}
		free(v);
	}
	return 0;
}

static int label_all(struct search *s)
{
	int K = s->out->classes;
	for (int e = 0; e < s->experts->experts; e++) {
		if (take_expert(s, e) < 0)
			return -1;
		for (int k = 0; k < K; k++)
			if (add_logits(s, k) < 0)
				return -1;
	}
	/* right can be 0, because other passes round differently. */
	for (size_t i = 0; i < (size_t)K * s->ipc * K; i++)
		s->sums[i] /= s->right[i / K] ? s->right[i / K] : 1;
	for (int k = 0; k < K; k++)
		s->out->logits[k] = tensor_keep_always(tensor_to(
		    tensor_from(s->sums + (size_t)k * s->ipc * K, T_F64, 2, (int64_t[]){s->ipc, K}),
		    T_F32));
	return 0;
}

int recognised_init(struct recognised *k, struct real *r, const struct trajectories *experts,
    int ipc, uint64_t seed)
{
	size_t K = (size_t)r->set.n_classes;
	const struct arch_options o = {
	    .classes = (int)K, .size = r->size, .last_stride = 2, .bare = true};
	struct search s = {.out = k, .real = r, .experts = experts, .ipc = ipc, .seed = seed};
	*k = (struct recognised){.classes = (int)K};
	for (int c = 0; c < k->classes; c++)
		if (real_check(r, c, ipc) < 0)
			return -1;
	k->chosen = xcalloc(K * (size_t)ipc, sizeof *k->chosen);
	k->logits = xcalloc(K, sizeof(Tensor *));
	s.found = xcalloc(K, sizeof *s.found);
	s.right = xcalloc(K * (size_t)ipc, sizeof *s.right);
	s.sums = xcalloc(K * (size_t)ipc, K * sizeof *s.sums);
	progress_start("label the images", "experts", 0);
	int err = backbone_init(&s.net, experts->arch, &o, 0);
	if (!err)
		err = choose_all(&s);
	if (!err)
		err = label_all(&s);
	progress_end();
	backbone_free(&s.net);
	free(s.found);
	free(s.right);
	free(s.sums);
	return tensor_error() ? fail("the experts failed: %s", tensor_error()) : err;
}

void recognised_free(struct recognised *k)
{
	for (int i = 0; k->logits && i < k->classes; i++)
		tensor_free(k->logits[i]);
	free(k->logits);
	free(k->chosen);
	*k = (struct recognised){0};
}
