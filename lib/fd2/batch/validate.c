#include "lib/fd2/batch/validate.h"

#include <math.h>

#include "lib/base/err.h"
#include "lib/base/progress.h"
#include "lib/torch/start.h"

/* Images per pass. On the CPU they take as much memory as a training step, whose memory is
 * reused. */
enum { ON_CPU = 16, ON_GPU = 64 };

static enum scalar type_of(bool fast)
{
	return fast ? arithmetic() : T_F32;
}

const char *validation_dtype(bool fast)
{
	return type_of(fast) == T_BF16 ? "bf16" : "f32";
}

const char *validation_decoding(bool fast)
{
	return fast ? "reduced" : "full";
}

/* Crops like torchvision's CenterCrop, which rounds a centre between two pixels to even. */
static struct view central_view(const struct image *im, int size)
{
	struct view v = view_center(im, size);
	v.box.x = (int)lrint((im->w - v.box.w) / 2.0);
	v.box.y = (int)lrint((im->h - v.box.h) / 2.0);
	return v;
}

int validate(const struct dataset *d, int size, const struct normal *normal, bool fast,
    look_fn *look, void *ctx)
{
	struct batch b;
	enum scalar type = type_of(fast);
	int ended = 0, most = torch_on_gpu() ? ON_GPU : ON_CPU;
	batch_init(&b, most, size);
	for (int i = 0; i < d->n && !ended; i += most) {
		batch_clear(&b);
		for (int k = i; k < d->n && k < i + most; k++) {
			struct view v = central_view(&d->v[k].image, size);
			v.image = k;
			batch_add(&b, d->v, &v);
		}
		batch_render(&b, normal);
		tensor_scope_begin(NO_GRAD);
		ended = look(ctx, batch_images(&b, 0, b.n, type), b.labels);
		tensor_scope_end();
		progress_note("held-out image %d of %d", i + b.n, d->n);
	}
	batch_free(&b);
	return tensor_error() ? fail("validation failed: %s", tensor_error()) : ended;
}
