/* Going on with FILE.part of an interrupted run: its whole epochs are verified and kept. */
#ifndef FD2_RELABEL_RESUME_H
#define FD2_RELABEL_RESUME_H
#include "lib/fd2/labels/labels.h"

struct kept {
	char *part;                   /* "FILE.part"; NULL: the output is not a file */
	struct stream_reader *reader; /* of FILE.part; NULL: no further epoch is kept */
	struct epoch epoch;           /* as it was read last */
	struct stream_place end;      /* of the last whole epoch; size 0: nothing is kept */
	long epochs;                  /* how many are kept */
};

/* Opens FILE.part. Without `resume` it may not hold epochs; with it, `meta` must be as it was. */
int kept_open(struct kept *k, const char *path, bool resume, json_t *meta);
/* Whether epoch `number` is in FILE.part with the views of `drawn`. The first
 * that is not ends what is kept. */
bool kept_take(
    struct kept *k, const struct epoch *drawn, long number, const struct dataset *d, int size);
void kept_close(struct kept *k);
#endif
