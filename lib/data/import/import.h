/* The face of lib/data/import: data sets as a train and a val shard, from official archives and
 * from folders of one's own photographs.
 *
 * source.c lists what the archives and folders hold. A plan (plan.h) says which file is which
 * class's image in which split: for an official set one of its layouts makes it (the table in
 * sets.c; cub.c, cars.c, aircraft.c, folders.c), for one's own photographs.c. The files are then
 * read a second time, each becomes a JPEG (convert.c), and import.c hands them to the shards
 * (split-writer.c). */
#ifndef FD2_IMPORT_H
#define FD2_IMPORT_H
#include "lib/data/import/split-writer.h"
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
	bool own;     /* any photographs: no layouts, no counts */
};
extern const struct import_set import_sets[]; /* ends with one without a name */
/* NULL: fail_message names those that there are. */
const struct import_set *import_find(const char *name);

struct import_job {
	const struct import_set *set;
	char *const *paths; /* archives, folders, lists */
	int n;
	const char *out[SPLITS]; /* NULL: not this split */
	bool any_count;          /* warn about a wrong count, and go on */
	int size;                /* 0: images pass unchanged */
	bool short_side, cut_banner;
	struct split_bounds bounds; /* of the shards */
	/* Of one's own photographs: */
	double split; /* share of each class in val; 0: none */
	enum { CLASS_CLEAR, CLASS_FIRST, CLASS_LAST } class_of; /* which of nested folders */
	bool val_needed; /* it is an error to find no held-out set */
	bool strict;     /* a photograph that cannot be read, or only with errors, is an error */
};
/* Both outputs appear when both are whole. 0, or -1 with fail_message. */
int import_run(const struct import_job *job);
#endif
