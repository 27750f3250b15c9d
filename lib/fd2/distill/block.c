/* From initial images to finished ones, part by part. */
#include "lib/fd2/distill/block.h"

#include "lib/base/err.h"
#include "lib/fd2/distill/fadrm.h"

static int side_of(const struct distill *d)
{
	return d->guides.v[0].teacher->size;
}

static int render_start(struct distill *d, struct block *b)
{
	int S = side_of(d), ok = 0;
	struct batch images;
	batch_init(&images, b->indices * b->n, S);
	images.n = b->indices * b->n;
	for (int i = 0; i < images.n && !ok; i++) {
		images.labels[i] = b->first + i % b->n;
		ok = initial_image(&d->initial, images.pixels + (size_t)i * 3 * S * S,
		    b->first + i % b->n, b->ids[i / b->n]);
	}
	if (!ok) {
		b->labels = batch_labels(&images, 0, images.n);
		b->start = tensor_clone(batch_images(&images, 0, images.n, T_F32));
	}
	batch_free(&images);
	return ok;
}

static int start(struct distill *d, struct block *b)
{
	b->part = -1;
	b->terms = tensor_full(0, T_F32, 1, (int64_t[]){TERMS});
	int ok = render_start(d, b);
	for (int i = 0; i < b->indices && !ok; i++)
		if (is_constrained_by_earlier(d, b->ids[i]))
			ok = earlier_complete(&d->earlier, d->ls_view, b->first, b->n, b->ids[i]);
	if (ok < 0 || tensor_error())
		return fail("cannot start image %d: %s", b->ids[0],
		    tensor_error() ? tensor_error() : fail_message());
	return 0;
}

Tensor *beside_each_other(Tensor **of, const struct block *b)
{
	return b->indices == 1 ? of[0] : tensor_cat(of, b->indices, 1);
}

static Tensor *maps_once(struct distill *d, struct block *b, int guide, int size)
{
	Tensor *maps[TOGETHER_MAX];
	for (int i = 0; i < b->indices; i++) {
		struct pixel_view once = earlier_view_once(&d->earlier, b->first, b->ids[i], size);
		maps[i] = earlier_seen_through(b->earlier_images[i], d->guides.v[guide].teacher,
		    tensor_views(&once, 1, size, size), b->n, arithmetic());
	}
	return beside_each_other(maps, b);
}

static Tensor *maps_as_stored(struct distill *d, struct block *b, int guide)
{
	Tensor *maps[TOGETHER_MAX];
	for (int i = 0; i < b->indices; i++)
		maps[i] = earlier_maps(&d->earlier, guide, b->first, b->n, b->ids[i]);
	return beside_each_other(maps, b);
}

/* What L_S compares with in a part whose images have `size` pixels. */
static void look_at_earlier(struct distill *d, struct block *b, int size)
{
	bool images = d->ls_view == LS_SAME || d->ls_view == LS_ONCE;
	if (!is_constrained_by_earlier(d, b->ids[0]) || (b->earlier[0] && !images))
		return; /* maps as stored are the same in every part */
	for (int i = 0; i < b->indices && images; i++)
		b->earlier_images[i] = instead(b->earlier_images[i],
		    earlier_images(&d->earlier, b->first, b->n, b->ids[i], size));
	for (int g = 0; g < d->guides.teachers.n && d->ls_view != LS_SAME; g++)
		b->earlier[g] = instead(
		    b->earlier[g], images ? maps_once(d, b, g, size) : maps_as_stored(d, b, g));
}

static void end_part(struct distill *d, struct block *b)
{
	for (int g = 0; g < d->guides.teachers.n; g++)
		for (int similar = 0; similar < 2; similar++) {
			replay_free(b->replays[g][similar]);
			b->replays[g][similar] = NULL;
		}
}

static int begin_part(struct distill *d, struct block *b, int part, long step)
{
	int size = d->method.sizes[part];
	end_part(d, b);
	for (int g = 0; g < d->guides.teachers.n; g++)
		for (int similar = 0; similar < 2; similar++)
			b->replays[g][similar] = replay_new();
	b->part_begin = step;
	b->part = part;
	b->x = instead(b->x, residual_connection(b->x, b->start, size, d->method.residual));
	tensor_requires_grad_(b->x, true);
	b->m = instead(b->m, tensor_full_like(b->x, 0));
	b->v = instead(b->v, tensor_full_like(b->x, 0));
	struct pixel_view whole[TOGETHER_MAX] = {{0}};
	for (int i = 0; i < b->indices; i++)
		whole[i].w = whole[i].h = size;
	b->views = instead(b->views, tensor_views(whole, b->indices, size, size));
	b->adam = instead(b->adam, tensor_adam_numbers(1, &(struct adam_pixels){0}));
	if (part == d->method.parts - 1)
		b->start = instead(b->start, NULL);
	look_at_earlier(d, b, size);
	return tensor_error() ? fail("cannot begin part %d of image %d: %s", part + 1, b->ids[0],
	                            tensor_error())
	                      : 0;
}

int block_make(struct distill *d, struct block *b)
{
	const struct method *m = &d->method;
	int ok = start(d, b);
	for (long step = 0; step < m->steps && !ok; step++) {
		int part = fadrm_part(step, m->steps, m->parts);
		if (part != b->part)
			ok = begin_part(d, b, part, step);
		if (!ok)
			ok = block_step(d, b, step);
	}
	end_part(d, b);
	b->x = b->x ? residual_connection(NULL, b->x, side_of(d), 0) : b->start;
	return ok;
}
