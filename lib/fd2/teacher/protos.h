/* fd2-protos: teacher.fd2 (and shards) -> protos.fd2. Paths are as on the command line. */
#ifndef FD2_PROTOS_H
#define FD2_PROTOS_H
#include <stdbool.h>

#define STATISTICS_CHOICES "bn|all"

struct protos_config {
	const char *teacher, *out;
	char **shards;
	int n_shards; /* 0: take the prototypes that the teacher gathered in training */
	long batch, cache;
	bool strict;
	bool unit; /* scale rows to length 1 */
	/* for stage_statistics instead: which layers */
	enum statistics_layers {
		STATISTICS_NONE = -1,
		STATISTICS_OF_BN,
		STATISTICS_OF_ALL
	} statistics;
};
/* 0, or -1 with fail_message(). */
int stage_protos(const struct protos_config *config);
#endif
