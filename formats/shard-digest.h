/* A digest of samples, whatever the packing: two CRC-32s over keys, sizes and bytes. Against mix-ups, not against malice. */
#ifndef FD2_SHARD_DIGEST_H
#define FD2_SHARD_DIGEST_H
#include "formats/shard.h"

struct shard_digest {
	uint32_t crc[2];
};
void shard_digest_init(struct shard_digest *d);
void shard_digest_add(struct shard_digest *d, const struct sample *s);
void shard_digest_text(const struct shard_digest *d, char text[17]);
#endif
