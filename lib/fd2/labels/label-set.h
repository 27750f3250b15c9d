/* A label stream with the settings in its meta; also reads the distilled set that it was made
 * for. */
#ifndef FD2_LABEL_SET_H
#define FD2_LABEL_SET_H
#include "lib/data/fit.h"
#include "lib/fd2/labels/labels.h"

struct label_set {
	struct stream_reader *stream;
	const char *made_for; /* digest of the distilled set */
	char **class_names;
	int classes, size, batch, epochs;
	enum fit fit; /* how held-out images are resized */
	bool halves;  /* batches are used in two halves, as the teacher labelled them */
	struct normal normal;
	struct view_options views;
};

/* Opens a label stream; path NULL or "-" is standard input. -1: fail_message, also if the meta is
 * incomplete or has a value out of range. */
int label_set_open(struct label_set *l, const char *path);
void label_set_close(struct label_set *l);
/* Reads the distilled set. -1: fail_message, also when the labels were made for another one. */
int label_set_images(const struct label_set *l, struct dataset *d, char **shards, int n);
/* Returns the number of batches in the stream, if a whole epoch has of_epoch. -1: fail_message, the
 * meta's number is impossible. */
long label_set_batches(const struct label_set *l, int of_epoch);
/* Call after all epochs were read. 0: the stream ends here with a valid end record; -1:
 * fail_message. */
int label_set_end(const struct label_set *l);
#endif
