/* FD2's constraints, which go on top of any base method. */
#include "lib/fd2/distill/block.h"

bool is_constrained_by_earlier(const struct distill *d, int id)
{
	return (id - 1) % d->job->group && !d->job->plain && !d->job->no_ls;
}

/* The image as it is, at the size that it will be stored in. */
static Tensor *attention_of_whole(const struct block *b, const struct teacher *t)
{
	struct pass pass = {.bn = BN_RUNNING};
	bool same = tensor_size(b->x, 2) == t->size;
	Tensor *x = same ? b->x : tensor_interpolate(b->x, t->size, t->size, false);
	return cal_attention(
	    &t->cal, backbone_features(&t->backbone, tensor_to(x, arithmetic()), &pass), &pass);
}

/* A part of another size than the teacher's may have other maps than the stored images; they are
 * brought to those' size. */
static Tensor *fitted(const Tensor *A, const Tensor *earlier)
{
	int64_t h = tensor_size(earlier, 3), w = tensor_size(earlier, 4);
	bool same = tensor_size(A, 2) == h && tensor_size(A, 3) == w;
	return same ? (Tensor *)A : tensor_interpolate(A, h, w, false);
}

static Tensor *maps_in_this_view(const struct block *b, const struct teacher *t)
{
	Tensor *maps[TOGETHER_MAX];
	for (int i = 0; i < b->indices; i++)
		maps[i] = earlier_seen_through(
		    b->earlier_images[i], t, block_view(b, i), b->n, arithmetic());
	return beside_each_other(maps, b);
}

/* L_S in the view that was asked for. A: the attention in the step's view. */
static Tensor *similarity(
    const struct distill *d, const struct block *b, const struct step *s, const Tensor *A)
{
	const struct teacher *t = d->guides.v[s->guide].teacher;
	if (d->ls_view == LS_SAME)
		return loss_S(A, maps_in_this_view(b, t));
	const Tensor *earlier = b->earlier[s->guide];
	return loss_S(
	    fitted(d->ls_view == LS_PLAIN ? attention_of_whole(b, t) : A, earlier), earlier);
}

void constraints(const struct distill *d, const struct block *b, const struct step *s,
    const Tensor *F, const Tensor *p_bb, struct pass *pass, Tensor **t)
{
	const struct distill_job *job = d->job;
	const struct guide *g = &d->guides.v[s->guide];
	Tensor *A = cal_attention(&g->teacher->cal, F, pass);
	Tensor *z = bilinear_attention_pooling(F, A);
	Tensor *p_raw = cal_logits(&g->teacher->cal, z);
	t[TERM_CLS] = loss_cls(p_bb, p_raw, b->labels, g->alpha);
	t[TERM_F] = job->no_lf ? NULL : loss_F(z, g->prototypes, b->labels, job->beta);
	t[TERM_S] = s->similar ? similarity(d, b, s, A) : NULL;
}
