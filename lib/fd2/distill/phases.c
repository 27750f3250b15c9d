#include "lib/fd2/distill/phases.h"

#include <math.h>

int phase_at(long step, long steps, int phases)
{
	return (int)(step * phases / steps);
}

double learning_rate(const struct method *m, long step)
{
	return m->lr * 0.5 * (1 + cos(M_PI * (double)step / (double)m->steps));
}

struct view_size phase_size(const struct method *m, int phase)
{
	return (struct view_size){m->image_sizes[phase], m->seen_sizes[phase]};
}

Tensor *phase_resize(const Tensor *x, int size)
{
	bool same = tensor_size(x, 2) == size && tensor_size(x, 3) == size;
	return same ? tensor_clone(x)
	            : tensor_channels_last(tensor_interpolate(x, size, size, false));
}

Tensor *phase_start(const struct method *m, const Tensor *x, const Tensor *start, int size)
{
	if (!x)
		return phase_resize(start, size);
	Tensor *resized = phase_resize(x, size);
	return m->connect ? m->connect(m, resized, phase_resize(start, size)) : resized;
}
