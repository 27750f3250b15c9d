#include "lib/fd2/select/coreset.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/rng.h"

void coreset_random(uint32_t *chosen, int ipc, int n, uint64_t seed, int k)
{
	struct rng r = rng_at(seed, RNG_SELECT, (uint64_t)k, 0, 0);
	uint32_t *all = xcalloc((size_t)n, sizeof *all);
	rng_order(&r, all, (uint32_t)n);
	memcpy(chosen, all, (size_t)ipc * sizeof *all);
	free(all);
}

void coreset_largest(uint32_t *chosen, int ipc, const float *v, int n)
{
	bool *taken = xcalloc((size_t)n, sizeof *taken);
	for (int i = 0; i < ipc; i++) {
		int best = -1;
		for (int j = 0; j < n; j++)
			if (!taken[j] && (best < 0 || v[j] > v[best]))
				best = j;
		taken[best] = true;
		chosen[i] = (uint32_t)best;
	}
	free(taken);
}

static double *mean(const float *f, int n, int C)
{
	double *mu = xcalloc((size_t)C, sizeof *mu);
	for (int i = 0; i < n; i++)
		for (int c = 0; c < C; c++)
			mu[c] += f[(size_t)i * C + c];
	for (int c = 0; c < C; c++)
		mu[c] /= n;
	return mu;
}

/* Returns |u - v|^2. */
static double distance2(const double *u, const float *v, int C)
{
	double sum = 0;
	for (int c = 0; c < C; c++)
		sum += (u[c] - v[c]) * (u[c] - v[c]);
	return sum;
}

/* Returns the image nearest to u that is not taken; taken NULL: none is. */
static int nearest(const double *u, const float *f, const bool *taken, int n, int C)
{
	int best = -1;
	double least = INFINITY;
	for (int i = 0; i < n; i++) {
		double d = taken && taken[i] ? INFINITY : distance2(u, f + (size_t)i * C, C);
		if (d < least) {
			least = d;
			best = i;
		}
	}
	return best;
}

void coreset_herding(uint32_t *chosen, int ipc, const float *f, int n, int C)
{
	double *mu = mean(f, n, C), *rest = xcalloc((size_t)C, sizeof *rest); /* (i+1) mu - sum */
	bool *taken = xcalloc((size_t)n, sizeof *taken);
	for (int i = 0; i < ipc; i++) {
		for (int c = 0; c < C; c++)
			rest[c] += mu[c];
		int best = nearest(rest, f, taken, n, C);
		for (int c = 0; c < C; c++)
			rest[c] -= f[(size_t)best * C + c];
		taken[best] = true;
		chosen[i] = (uint32_t)best;
	}
	free(taken);
	free(rest);
	free(mu);
}

/* Takes image `at` and returns the image with the largest gap then. gap[j] is the squared distance
 * of image j to the nearest taken one; -1 for taken ones. */
static int widest_after(double *gap, int at, const float *f, int n, int C)
{
	int best = -1;
	double *u = xcalloc((size_t)C, sizeof *u), most = -1;
	for (int c = 0; c < C; c++)
		u[c] = f[(size_t)at * C + c];
	gap[at] = -1;
	for (int j = 0; j < n; j++) {
		gap[j] = fmin(gap[j], distance2(u, f + (size_t)j * C, C));
		if (gap[j] > most) {
			most = gap[j];
			best = j;
		}
	}
	free(u);
	return best;
}

void coreset_k_center(uint32_t *chosen, int ipc, const float *f, int n, int C)
{
	double *mu = mean(f, n, C), *gap = xcalloc((size_t)n, sizeof *gap);
	for (int j = 0; j < n; j++)
		gap[j] = INFINITY;
	int at = nearest(mu, f, NULL, n, C);
	for (int i = 0; i < ipc; i++) {
		chosen[i] = (uint32_t)at;
		at = widest_after(gap, at, f, n, C);
	}
	free(gap);
	free(mu);
}
