/* Resumes from FILE.part of an interrupted run: verifies and keeps its whole epochs. */
#ifndef FD2_FINISHED_EPOCHS_H
#define FD2_FINISHED_EPOCHS_H
#include "lib/fd2/labels/labels.h"

struct finished_epochs {
	char *part;                   /* "FILE.part"; NULL: the output is not a file */
	struct stream_reader *reader; /* reads FILE.part; NULL: no further epoch is kept */
	struct epoch epoch;           /* the epoch read last */
	struct stream_place end;      /* end of the last whole epoch; size 0: nothing is kept */
	long epochs;                  /* number of epochs kept */
};

/* Opens FILE.part. Without `resume` it may not hold epochs; with it, its meta must agree with
 * `meta`. -1: fail_message. */
int finished_epochs_open(struct finished_epochs *k, const char *path, bool resume, json_t *meta);
/* Returns whether FILE.part has epoch `number` with the views of `drawn`. The first epoch that it
 * lacks ends what is kept. */
bool finished_epochs_has(struct finished_epochs *k, const struct epoch *drawn, long number,
    const struct dataset *d, int size);
void finished_epochs_close(struct finished_epochs *k);
#endif
