/* A 64-bit fingerprint of a sequence of pieces: fast, and good against accidents, not against
 * forgery. */
#ifndef FD2_DIGEST_H
#define FD2_DIGEST_H
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_HEX = 17 }; /* 16 digits and the end */

/* Adds one piece to the digest `h` of the earlier ones (0 at first): "ab" "c" and "a" "bc"
 * differ. */
uint64_t digest_add(uint64_t h, const void *p, size_t n);
void digest_hex(char hex[DIGEST_HEX], uint64_t h);
#endif
