/* fd2-attn: teacher and shard -> attn.fd2, or a shard of overlays. Paths are as on the command
 * line. */
#ifndef FD2_ATTN_H
#define FD2_ATTN_H
#include <stdbool.h>

struct attn_config {
	char **shards;
	int n_shards; /* 0: standard input */
	const char *teacher, *out;
	double cut; /* share of an image that is left out on each side */
	bool features, heatmap, shared_scale, strict;
};
/* 0, or -1 with fail_message(). */
int stage_attn(const struct attn_config *config);
#endif
