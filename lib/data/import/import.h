/* Official archives of data sets, as a train and a val shard. A data set is a row of the table
 * in import.c: its counts, and the layouts in which it is handed out; a layout is a function
 * that says which member is which class's image (import-plan.h). */
#ifndef FD2_IMPORT_H
#define FD2_IMPORT_H
#include <stdbool.h>

enum { SPLIT_TRAIN, SPLIT_VAL, SPLITS };
extern const char *const split_names[SPLITS]; /* "train", "val" */

struct import_layout;
struct import_set {
	const char *name;  /* as the user writes it */
	const char *title; /* the data set's own name */
	int classes, images[SPLITS];
	const struct import_layout
	    *layouts; /* looked for in this order; ends with one without a plan */
};
extern const struct import_set import_sets[]; /* ends with one without a name */
/* NULL: fail_message names those that there are. */
const struct import_set *import_find(const char *name);

struct import_job {
	const struct import_set *set;
	char *const *paths; /* archives, folders, lists */
	int n;
	const char *out[SPLITS]; /* NULL: this split is not wanted */
	bool any_count;          /* warn about a wrong count, and go on */
	int size;                /* 0: images pass unchanged */
	bool short_side, cut_banner;
};
/* Both outputs appear when both are whole. 0, or -1 with fail_message. */
int import_run(const struct import_job *job);
#endif
