/* A label stream, what its meta says, and the distilled set that it was made for. */
#ifndef FD2_LABEL_SET_H
#define FD2_LABEL_SET_H
#include "lib/data/fit.h"
#include "lib/fd2/labels/labels.h"

struct label_set {
	struct stream_reader *stream;
	const char *made_for; /* digest of the distilled set */
	char **class_names;
	int classes, size, batch, epochs;
	enum fit fit; /* how held-out images are brought to the size */
	bool halves;  /* each batch in two, as the teacher saw it */
	struct normal normal;
	struct view_options views;
};

/* path NULL or "-" is standard input. -1: fail_message, also for a meta that lacks something or
 * has it out of range. */
int label_set_open(struct label_set *l, const char *path);
void label_set_close(struct label_set *l);
/* The distilled set, of the labels' classes. -1: also when it is not the one that they were made
 * for. */
int label_set_images(const struct label_set *l, struct dataset *d, char **shards, int n);
/* How many batches the stream holds, of so many in a whole epoch; -1: a meta that promises what
 * cannot be. */
long label_set_batches(const struct label_set *l, int of_epoch);
/* After all epochs were read: 0 where the stream ends there, in a record that tells it whole; -1
 * otherwise. */
int label_set_end(const struct label_set *l);
#endif
