#include "lib/fd2/distill/similarity.h"

#include "lib/fd2/batch/batch.h"
#include "lib/torch/pixels.h"

static bool needs_images(const struct similarity *s)
{
	return s->view == LS_SAME || s->view == LS_ONCE;
}

bool similarity_applies(const struct similarity *s, const struct index_batch *b)
{
	return history_length(s->history, b->ids[0]) > 0;
}

bool similarity_in_step(const struct similarity *s, long number)
{
	return s->view != LS_PLAIN || number / s->teachers->n % s->every == 0;
}

int similarity_check(const struct similarity *s, const struct index_batch *b)
{
	for (int i = 0; i < b->indices; i++)
		if (history_check(s->history, b, i, needs_images(s)) < 0)
			return -1;
	return 0;
}

/* Joins [J,n,...] of each index to [J,N,...]. */
static Tensor *cat_indices(Tensor *const *of, int indices)
{
	return indices == 1 ? of[0] : tensor_cat(of, indices, 1);
}

/* Returns the attention in `images` [J*n,3,image,image] through one view: [J,n,M,h,w]. Computes n
 * images at a time, in the arithmetic of a step, without gradient. */
static Tensor *maps_through(const Tensor *images, const struct teacher *t, const Tensor *view,
    const struct view_size *size, int n)
{
	Tensor *maps[GROUP_MAX];
	struct pass pass = {.bn = BN_RUNNING};
	int J = (int)tensor_size(images, 0) / n;
	tensor_scope_begin(NO_GRAD);
	for (int j = 0; j < J; j++) {
		Tensor *x = step_view(tensor_narrow(images, 0, j * n, n), view, size, arithmetic());
		Tensor *A =
		    cal_attention(&t->cal, backbone_features(&t->backbone, x, &pass), &pass);
		maps[j] = tensor_reshape(A, 5,
		    (int64_t[]){1, n, tensor_size(A, 1), tensor_size(A, 2), tensor_size(A, 3)});
	}
	Tensor *all = tensor_keep(tensor_cat(maps, J, 0));
	tensor_scope_end();
	return all;
}

/* For LS_ONCE: draws one view per index, without a roll, with a step number that no step has. */
static Tensor *maps_once(const struct similarity *s, const struct compared *c,
    const struct index_batch *b, int teacher, const struct view_size *size)
{
	Tensor *maps[INDICES_MAX];
	for (int i = 0; i < b->indices; i++) {
		struct pixel_view once =
		    step_view_random(&s->views, size, b->first, b->ids[i], UINT32_MAX);
		once.roll_x = once.roll_y = 0;
		maps[i] = maps_through(c->images[i], s->teachers->v[teacher].teacher,
		    tensor_views(&once, 1, size->image, size->image), size, b->n);
	}
	return cat_indices(maps, b->indices);
}

static Tensor *maps_as_stored(const struct similarity *s, const struct index_batch *b, int teacher)
{
	Tensor *maps[INDICES_MAX];
	for (int i = 0; i < b->indices; i++)
		if (!(maps[i] = history_maps(s->history, teacher, b, i)))
			return NULL;
	return cat_indices(maps, b->indices);
}

int similarity_prepare(const struct similarity *s, struct compared *c, const struct index_batch *b,
    const struct view_size *size)
{
	if (c->maps[0] && !needs_images(s))
		return 0; /* maps as stored are the same in every phase */
	if (needs_images(s))
		for (int i = 0; i < b->indices; i++)
			c->images[i] = replace_tensor(
			    c->images[i], history_images(s->history, b, i, size->image));
	if (s->view == LS_SAME)
		return 0;
	for (int t = 0; t < s->teachers->n; t++) {
		Tensor *maps =
		    s->view == LS_ONCE ? maps_once(s, c, b, t, size) : maps_as_stored(s, b, t);
		c->maps[t] = replace_tensor(c->maps[t], maps);
		if (!maps && !tensor_error())
			return -1;
	}
	return 0;
}

static Tensor *maps_in_this_view(const struct compared *c, const struct step_pass *p)
{
	Tensor *maps[INDICES_MAX];
	int64_t one = tensor_numel(p->views) / p->indices;
	for (int i = 0; i < p->indices; i++)
		maps[i] = maps_through(c->images[i], p->teacher->teacher,
		    tensor_narrow(p->views, 0, i * one, one), &p->size, p->classes);
	return cat_indices(maps, p->indices);
}

/* Returns the attention in whole images x, resized to the teacher's size. */
static Tensor *attention_of_whole(const struct teacher *t, const Tensor *x, int image)
{
	struct pass pass = {.bn = BN_RUNNING};
	const Tensor *whole =
	    image == t->size ? x : tensor_interpolate(x, t->size, t->size, image > t->size);
	Tensor *F = backbone_features(&t->backbone, tensor_to(whole, arithmetic()), &pass);
	return cal_attention(&t->cal, F, &pass);
}

/* Resizes A like the stored maps, which differ in size if the phase's size is not the teacher's. */
static const Tensor *resized_like(const Tensor *A, const Tensor *maps)
{
	int64_t h = tensor_size(maps, 3), w = tensor_size(maps, 4);
	bool same = tensor_size(A, 2) == h && tensor_size(A, 3) == w;
	return same ? A : tensor_interpolate(A, h, w, false);
}

Tensor *similarity_loss(
    const struct similarity *s, const struct compared *c, const struct step_pass *p)
{
	if (s->view == LS_SAME)
		return loss_S(p->A, maps_in_this_view(c, p), &s->form);
	const Tensor *maps = c->maps[p->turn];
	const Tensor *A = s->view == LS_PLAIN
	                      ? attention_of_whole(p->teacher->teacher, p->x, p->size.image)
	                      : p->A;
	return loss_S(resized_like(A, maps), maps, &s->form);
}
