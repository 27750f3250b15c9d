#include "lib/data/attention-measures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

/* Returns l2(u, scale * v). */
static double l2_scaled(const float *u, const float *v, double scale, int64_t n)
{
	double uu = 0, vv = 0, dd = 0;
	for (int64_t i = 0; i < n; i++) {
		double d = (double)u[i] - scale * v[i];
		uu += (double)u[i] * u[i];
		vv += scale * v[i] * scale * v[i];
		dd += d * d;
	}
	return sqrt(dd) / (sqrt(uu) + sqrt(vv) + 1e-8);
}

double l2_normalized(const float *u, const float *v, int64_t n)
{
	return l2_scaled(u, v, 1, n);
}

static double mass(const struct array *A)
{
	const float *v = A->data;
	double sum = 0;
	for (int64_t i = 0; i < fd2_array_count(A); i++)
		sum += v[i];
	return sum;
}

/* Uses the image's number in the class, "0007", which ends its key. */
int group_of(const struct attn_image *s, int group)
{
	const char *slash = strrchr(s->key, '/');
	return group ? (atoi(slash ? slash + 1 : s->key) - 1) / group : 0;
}

/* equal_mass: scales v by mass(u) / mass(v); as l2 is a ratio, u needs no scaling. */
static double intra_class(const struct attn_set *set, int group, bool equal_mass)
{
	double sum = 0;
	long pairs = 0;
	for (int i = 0; i < set->n; i++)
		for (int j = 0; j < i; j++) {
			const struct attn_image *a = &set->v[i], *b = &set->v[j];
			if (!a->map.data || strcmp(a->class, b->class) ||
			    group_of(a, group) != group_of(b, group))
				continue;
			double of_b = equal_mass ? mass(&b->map) : 0;
			double scale = of_b > 0 ? mass(&a->map) / of_b : 1;
			sum += l2_scaled(a->map.data, b->map.data, scale, fd2_array_count(&a->map));
			pairs++;
		}
	return pairs ? sum / (double)pairs : NAN;
}

double intra_class_attention(const struct attn_set *set, int group)
{
	return intra_class(set, group, false);
}

double intra_class_location(const struct attn_set *set, int group)
{
	return intra_class(set, group, true);
}

int prototype_distances(struct prototype_distances *d, const struct attn_set *set,
    const struct array *prototypes, const char *const *classes)
{
	int64_t K = prototypes->shape[0], D = prototypes->shape[1];
	*d = (struct prototype_distances){0};
	for (int i = 0; i < set->n; i++) {
		const struct attn_image *s = &set->v[i];
		double own = NAN, others = 0, nearest = INFINITY; /* among the others */
		for (int64_t k = 0; k < K; k++) {
			double e = l2_normalized(
			    s->features.data, (const float *)prototypes->data + k * D, D);
			if (strcmp(classes[k], s->class)) {
				others += e;
				nearest = fmin(nearest, e);
			} else {
				own = e;
			}
		}
		if (isnan(own))
			return fail("class '%s' of '%s' has no prototype", s->class, s->key);
		d->own += own / set->n;
		d->others += K > 1 ? others / (double)(K - 1) / set->n : 0;
		d->nearest += nearest / set->n;
		d->nearest_right += own <= nearest ? 1.0 / set->n : 0;
	}
	return 0;
}

static double overlap(double a0, double a1, double b0, double b1)
{
	return fmax(0, fmin(a1, b1) - fmax(a0, b0));
}

double mass_inside(const struct array *A, const double box[4])
{
	int64_t M = A->shape[0], h = A->shape[1], w = A->shape[2];
	const float *v = A->data;
	double all = 0, in = 0;
	for (int64_t i = 0; i < M * h * w; i++) {
		int64_t y = i / w % h, x = i % w;
		double share_x =
		    overlap((double)x, (double)x + 1, box[0] * (double)w, box[2] * (double)w);
		double share_y =
		    overlap((double)y, (double)y + 1, box[1] * (double)h, box[3] * (double)h);
		all += v[i];
		in += v[i] * share_x * share_y;
	}
	return all > 0 ? in / all : 0;
}
