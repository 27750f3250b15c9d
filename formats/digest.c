#include "formats/digest.h"

#include <stdio.h>
#include <string.h>

void digest_begin(struct digest *d)
{
	sha256_init(&d->sha);
}

void digest_add(struct digest *d, const void *p, size_t n)
{
	sha256_update(&d->sha, n, p);
}

void digest_hex(char hex[DIGEST_HEX], struct digest *d)
{
	uint8_t sum[SHA256_DIGEST_SIZE];
	sha256_digest(&d->sha, sizeof sum, sum);
	for (size_t i = 0; i < sizeof sum; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
}

size_t digest_line(char *line, const char *name, const void *p, size_t n)
{
	struct digest file;
	digest_begin(&file);
	digest_add(&file, p, n);
	digest_hex(line, &file);
	return (size_t)sprintf(line + DIGEST_HEX - 1, "  %s", name) + DIGEST_HEX;
}

bool digests_differ(const char *a, const char *b)
{
	return strlen(a) == strlen(b) && strcmp(a, b) != 0;
}

/* Multiplication by an odd number and the shift are both reversible, so no step of the chain
 * loses information. */
static uint64_t v1_step(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

uint64_t digest_v1_add(uint64_t h, const void *p, size_t n)
{
	const uint8_t *byte = p;
	uint64_t word;
	h = v1_step(h, n);
	for (; n >= sizeof word; n -= sizeof word, byte += sizeof word) {
		memcpy(&word, byte, sizeof word);
		h = v1_step(h, word);
	}
	word = 0;
	memcpy(&word, n ? byte : (const uint8_t *)"", n);
	return v1_step(h, word);
}

void digest_v1_hex(char hex[DIGEST_HEX], uint64_t h)
{
	snprintf(hex, DIGEST_HEX, "%016llx", (unsigned long long)h);
}
