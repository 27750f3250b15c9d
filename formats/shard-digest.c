#include "formats/shard-digest.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

void shard_digest_init(struct shard_digest *d)
{
	*d = (struct shard_digest){{0, 0x5bd1e995}};
}

static void add(struct shard_digest *d, const void *data, size_t n)
{
	for (int i = 0; i < 2 && n; i++)
		d->crc[i] = (uint32_t)crc32_z(d->crc[i], data, n);
}

void shard_digest_add(struct shard_digest *d, const struct sample *s)
{
	char head[128];
	int n = snprintf(head, sizeof head, "%zu %ld %zu %zu %zu\n", strlen(s->key), s->cls, s->image_size, s->npy_size, s->json_size);
	add(d, head, (size_t)n);
	add(d, s->key, strlen(s->key));
	add(d, s->image, s->image_size);
	add(d, s->npy, s->npy_size);
	add(d, s->json, s->json_size);
}

void shard_digest_text(const struct shard_digest *d, char text[17])
{
	snprintf(text, 17, "%08x%08x", d->crc[0], d->crc[1]);
}
