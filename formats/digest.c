#include "formats/digest.h"

#include <stdio.h>
#include <string.h>

/* Multiplication by an odd number and the shift are both reversible, so no step of the chain
 * loses information. */
static uint64_t step(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

uint64_t digest_add(uint64_t h, const void *p, size_t n)
{
	const uint8_t *byte = p;
	uint64_t word;
	h = step(h, n);
	for (; n >= sizeof word; n -= sizeof word, byte += sizeof word) {
		memcpy(&word, byte, sizeof word);
		h = step(h, word);
	}
	word = 0;
	memcpy(&word, n ? byte : (const uint8_t *)"", n);
	return step(h, word);
}

void digest_hex(char hex[DIGEST_HEX], uint64_t h)
{
	snprintf(hex, DIGEST_HEX, "%016llx", (unsigned long long)h);
}
