#include "lib/base/rng.h"

#include <math.h>
#include <string.h>

/* Salmon et al. 2011, section 3.3: ten rounds of two 32x32 -> 64 products; Weyl constants are added
 * to the key after each. */
void philox4x32(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
	uint32_t c[4], k[2] = {key[0], key[1]};
	memcpy(c, counter, sizeof c);
	for (int round = 0; round < 10; round++) {
		uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
		uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k[0], (uint32_t)p1,
		    (uint32_t)(p0 >> 32) ^ c[3] ^ k[1], (uint32_t)p0};
		memcpy(c, next, sizeof c);
		k[0] += 0x9E3779B9u;
		k[1] += 0xBB67AE85u;
	}
	memcpy(out, c, sizeof c);
}

/* Philox is a bijection of its counter for each key, so (a, b, c) give 128 bits that never
 * collide under one seed. They become the stream's key and the upper half of its counter; the
 * purpose and the running number are the lower half. */
struct rng rng_at(uint64_t seed, enum rng_purpose purpose, uint64_t a, uint32_t b, uint32_t c)
{
	uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
	uint32_t what[4] = {(uint32_t)a, (uint32_t)(a >> 32), b, c}, id[4];
	philox4x32(id, what, key);
	return (struct rng){.key = {id[0], id[1]}, .counter = {0, (uint32_t)purpose, id[2], id[3]}};
}

uint32_t rng_u32(struct rng *r)
{
	if (!r->left) {
		philox4x32(r->block, r->counter, r->key);
		r->counter[0]++;
		r->left = 4;
	}
	return r->block[4 - r->left--];
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t high = rng_u32(r);
	return high << 32 | rng_u32(r);
}

double rng_uniform(struct rng *r)
{
	uint64_t hi = rng_u32(r) >> 5, lo = rng_u32(r) >> 6;
	return (double)(hi << 26 | lo) / 9007199254740992.0;
}

double rng_between(struct rng *r, double lo, double hi)
{
	return lo + (hi - lo) * rng_uniform(r);
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	uint32_t reject = -n % n, x; /* 2^32 mod n: rejects as many values, for no bias */
	do
		x = rng_u32(r);
	while (x < reject);
	return x % n;
}

double rng_normal(struct rng *r)
{
	double u = 1 - rng_uniform(r), v = rng_uniform(r);
	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

void rng_shuffle(struct rng *r, uint32_t *v, uint32_t n)
{
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j = rng_below(r, i), t = v[i - 1];
		v[i - 1] = v[j];
		v[j] = t;
	}
}

void rng_order(struct rng *r, uint32_t *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		v[i] = i;
	rng_shuffle(r, v, n);
}

uint64_t hash_bytes(const void *p, uint64_t n)
{
	const uint8_t *b = p;
	uint64_t h = 0xcbf29ce484222325u;
	for (uint64_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3u;
	return h;
}
