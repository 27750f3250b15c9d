/* Going on with FILE.part of an interrupted run: its whole epochs are verified and kept. */
#ifndef FD2_FINISHED_EPOCHS_H
#define FD2_FINISHED_EPOCHS_H
#include "lib/fd2/labels/labels.h"

struct finished_epochs {
	char *part;                   /* "FILE.part"; NULL: the output is not a file */
	struct stream_reader *reader; /* of FILE.part; NULL: no further epoch is kept */
	struct epoch epoch;           /* as it was read last */
	struct stream_place end;      /* of the last whole epoch; size 0: nothing is kept */
	long epochs;                  /* how many are kept */
};

/* Opens FILE.part. Without `resume` it may not hold epochs; with it, `meta` must be as it was. */
int finished_epochs_open(struct finished_epochs *k, const char *path, bool resume, json_t *meta);
/* Whether epoch `number` is in FILE.part with the views of `drawn`. The first
 * that is not ends what is kept. */
bool finished_epochs_has(struct finished_epochs *k, const struct epoch *drawn, long number,
    const struct dataset *d, int size);
void finished_epochs_close(struct finished_epochs *k);
#endif
