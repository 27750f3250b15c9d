#include "lib/data/separation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/par.h"

/* The images of a set as rows, and their classes, numbered in the set's order. */
struct points {
	double *x; /* [n][d] */
	int *label, *count;
	const char **names;
	int n, classes;
	int64_t d;
};

static int label_of(struct points *p, const char *name)
{
	for (int c = p->classes - 1; c >= 0; c--)
		if (!strcmp(p->names[c], name))
			return c;
	p->names[p->classes] = name;
	return p->classes++;
}

static struct points points_of(const struct attn_set *set)
{
	struct points p = {.n = set->n, .d = set->n ? set->v[0].features.shape[0] : 0};
	p.x = xcalloc((size_t)p.n * (size_t)p.d + 1, sizeof *p.x);
	p.label = xcalloc((size_t)p.n + 1, sizeof *p.label);
	p.count = xcalloc((size_t)p.n + 1, sizeof *p.count);
	p.names = xcalloc((size_t)p.n + 1, sizeof *p.names);
	for (int i = 0; i < p.n; i++) {
		const float *z = set->v[i].features.data;
		for (int64_t k = 0; k < p.d; k++)
			p.x[i * p.d + k] = z[k];
		p.label[i] = label_of(&p, set->v[i].class);
		p.count[p.label[i]]++;
	}
	return p;
}

static void points_free(struct points *p)
{
	free(p->x);
	free(p->label);
	free(p->count);
	free(p->names);
}

/* Returns |u - v|^2. Four sums let additions overlap. */
static double squared(const double *u, const double *v, int64_t n)
{
	double sum[4] = {0};
	int64_t i = 0;
	for (; i + 4 <= n; i += 4)
		for (int k = 0; k < 4; k++)
			sum[k] += (u[i + k] - v[i + k]) * (u[i + k] - v[i + k]);
	for (; i < n; i++)
		sum[0] += (u[i] - v[i]) * (u[i] - v[i]);
	return sum[0] + sum[1] + sum[2] + sum[3];
}

static double distance(const double *u, const double *v, int64_t n)
{
	return sqrt(squared(u, v, n));
}

/* Returns the mean of each class, [classes][d], followed by that of all images. */
static double *centres_of(const struct points *p)
{
	double *mu = xcalloc((size_t)(p->classes + 1) * (size_t)p->d + 1, sizeof *mu);
	double *all = mu + p->classes * p->d;
	for (int i = 0; i < p->n; i++)
		for (int64_t k = 0; k < p->d; k++) {
			double x = p->x[i * p->d + k];
			mu[p->label[i] * p->d + k] += x / p->count[p->label[i]];
			all[k] += x / p->n;
		}
	return mu;
}

static void between_centres(
    struct class_separation *s, int c, const struct points *p, const double *mu)
{
	double sum = 0;
	for (int k = 0; k < p->classes; k++) {
		if (k == c)
			continue;
		double e = distance(mu + c * p->d, mu + k * p->d, p->d);
		sum += e;
		if (s->nearest < 0 || e < s->nearest_centre) {
			s->nearest_centre = e;
			s->nearest = k;
		}
	}
	if (p->classes > 1)
		s->inter_class = sum / (p->classes - 1);
}

/* Fills s->classes; returns the Fisher ratio. */
static double around_centres(struct separation *s, const struct points *p, const double *mu)
{
	double within = 0, between = 0;
	for (int c = 0; c < p->classes; c++) {
		s->classes[c] = (struct class_separation){.name = p->names[c],
		    .images = p->count[c],
		    .dispersion = p->count[c] > 1 ? 0 : NAN,
		    .inter_class = NAN,
		    .nearest_centre = NAN,
		    .nearest = -1};
		between_centres(&s->classes[c], c, p, mu);
		between += p->count[c] * squared(mu + c * p->d, mu + p->classes * p->d, p->d);
	}
	for (int i = 0; i < p->n; i++) {
		double e = squared(p->x + i * p->d, mu + p->label[i] * p->d, p->d);
		s->classes[p->label[i]].dispersion += sqrt(e) / p->count[p->label[i]];
		within += e;
	}
	return p->n > p->classes && p->classes > 1 && within > 0 ? between / within : NAN;
}

struct silhouettes {
	const struct points *p;
	double *of; /* [n] */
};

static void silhouette_of_one(void *ctx, int i)
{
	const struct silhouettes *s = ctx;
	const struct points *p = s->p;
	double *sum = xcalloc((size_t)p->classes, sizeof *sum), other = INFINITY;
	int own = p->label[i];
	for (int j = 0; j < p->n; j++)
		sum[p->label[j]] += distance(p->x + i * p->d, p->x + j * p->d, p->d);
	for (int c = 0; c < p->classes; c++)
		if (c != own)
			other = fmin(other, sum[c] / p->count[c]);
	if (p->count[own] > 1) {
		double same = sum[own] / (p->count[own] - 1), most = fmax(same, other);
		s->of[i] = most > 0 ? (other - same) / most : 0;
	}
	free(sum);
}

static double silhouette_of(const struct points *p)
{
	struct silhouettes s = {p, xcalloc((size_t)p->n + 1, sizeof *s.of)};
	double sum = 0;
	bool defined = p->classes > 1 && p->classes < p->n;
	if (defined)
		par_for(p->n, silhouette_of_one, &s);
	for (int i = 0; i < p->n; i++)
		sum += s.of[i];
	free(s.of);
	return defined ? sum / p->n : NAN;
}

/* Sets the means over those classes for which a value is defined. */
static void average_classes(struct separation *s)
{
	double sum[3] = {0};
	int n[3] = {0};
	for (int c = 0; c < s->n; c++) {
		const struct class_separation *k = &s->classes[c];
		double of[3] = {k->dispersion, k->inter_class, k->nearest_centre};
		for (int i = 0; i < 3; i++)
			if (isfinite(of[i])) {
				sum[i] += of[i];
				n[i]++;
			}
	}
	s->dispersion = n[0] ? sum[0] / n[0] : NAN;
	s->inter_class = n[1] ? sum[1] / n[1] : NAN;
	s->nearest_centre = n[2] ? sum[2] / n[2] : NAN;
}

void separation_of(struct separation *s, const struct attn_set *set)
{
	struct points p = points_of(set);
	double *mu = centres_of(&p);
	*s = (struct separation){.n = p.classes};
	s->classes = xcalloc((size_t)p.classes + 1, sizeof *s->classes);
	s->fisher_ratio = around_centres(s, &p, mu);
	s->silhouette = silhouette_of(&p);
	average_classes(s);
	free(mu);
	points_free(&p);
}

void separation_free(struct separation *s)
{
	free(s->classes);
	*s = (struct separation){0};
}

double nearest_accuracy(const struct attn_set *distilled, const struct attn_set *real)
{
	struct points p = points_of(distilled), q = points_of(real);
	int right = 0;
	for (int i = 0; i < q.n; i++) {
		int nearest = 0;
		double least = INFINITY;
		for (int j = 0; j < p.n; j++) {
			double e = squared(q.x + i * q.d, p.x + j * p.d, p.d);
			if (e < least) {
				least = e;
				nearest = j;
			}
		}
		right += p.n && !strcmp(distilled->v[nearest].class, real->v[i].class);
	}
	double share = q.n && p.n ? (double)right / q.n : NAN;
	points_free(&p);
	points_free(&q);
	return share;
}

/* Returns |A_i - A_j|^2. */
static double between_maps(const struct attn_image *i, const struct attn_image *j)
{
	const float *u = i->map.data, *v = j->map.data;
	double sum = 0;
	for (int64_t k = 0; k < fd2_array_count(&i->map); k++)
		sum += ((double)u[k] - v[k]) * ((double)u[k] - v[k]);
	return sum;
}

/* A group's sums, stored at its first image. */
struct group_sum {
	double squares; /* over pairs i < j */
	int images;
};

double attention_trace(const struct attn_set *set, int group)
{
	struct group_sum *g = xcalloc((size_t)set->n + 1, sizeof *g);
	double sum = 0;
	int groups = 0;
	for (int i = 0; i < set->n; i++) {
		int first = i;
		double squares = 0;
		for (int j = i - 1; j >= 0; j--) {
			const struct attn_image *a = &set->v[i], *b = &set->v[j];
			if (strcmp(a->class, b->class) || group_of(a, group) != group_of(b, group))
				continue;
			squares += between_maps(a, b);
			first = j;
		}
		g[first].squares += squares;
		g[first].images++;
	}
	for (int i = 0; i < set->n; i++)
		if (g[i].images > 1) {
			sum += g[i].squares / g[i].images / g[i].images;
			groups++;
		}
	free(g);
	return groups ? sum / groups : NAN;
}
