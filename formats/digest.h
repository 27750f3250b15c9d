/* Digests of files' contents, by which files record what they were made from: SHA-256, as 64 hex
 * digits. fd2-shard(5) and fd2-stream(5) define which parts of a file are digested.
 *
 * Files of format version 1 have digests of 16 hex digits, by a hash of fd2's own, which is
 * computed only for them. Digests of the two kinds cannot be compared. */
#ifndef FD2_DIGEST_H
#define FD2_DIGEST_H
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_HEX = 2 * SHA256_DIGEST_SIZE + 1 };

struct digest {
	struct sha256_ctx sha;
};

void digest_begin(struct digest *d);
void digest_add(struct digest *d, const void *p, size_t n);
/* Makes the line that `sha256sum --zero` prints for a file `name` with these bytes: digits, two
 * spaces, the name and its NUL. Returns its length, DIGEST_HEX + 2 + strlen(name). */
size_t digest_line(char *line, const char *name, const void *p, size_t n);
/* Writes the digits, and begins a new digest. */
void digest_hex(char hex[DIGEST_HEX], struct digest *d);

/* Returns whether two digests are of the same kind and not equal. */
bool digests_differ(const char *a, const char *b);

/* Version 1: adds one piece to the hash `h` of the earlier ones (0 at first). */
uint64_t digest_v1_add(uint64_t h, const void *p, size_t n);
void digest_v1_hex(char hex[DIGEST_HEX], uint64_t h);
#endif
