/* The face of lib/data/import: writes data sets as a train and a val shard, from official archives
 * and from folders of the user's own photographs.
 *
 * source.c lists the files in the archives and folders. A plan (plan.h) assigns a class and a split
 * to each image: for an official set, one of its layouts makes the plan (the table in sets.c;
 * cub.c, cars.c, aircraft.c, folders.c), for own photographs photographs.c. The files are then read
 * a second time, convert.c turns each into a JPEG, and import.c passes them to the shards
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
	    *layouts; /* tried in this order; the last one has no plan function */
	bool own;     /* the user's photographs: no layouts, no counts */
};
extern const struct import_set import_sets[]; /* the last has no name */
/* Finds a set. NULL: fail_message, which lists the known ones. */
const struct import_set *import_find(const char *name);

struct import_job {
	const struct import_set *set;
	char *const *paths; /* archives, folders, lists */
	int n;
	const char *out[SPLITS]; /* NULL: not this split */
	bool any_count;          /* warn about a wrong count, and go on */
	int size;                /* 0: images keep their size */
	bool short_side, cut_banner;
	struct split_bounds bounds; /* of the shards */
	/* For the user's own photographs: */
	double split; /* share of each class in val; 0: none */
	enum { CLASS_CLEAR, CLASS_FIRST, CLASS_LAST } class_of; /* which nested folder */
	bool val_needed; /* it is an error to find no held-out set */
	bool strict;     /* a photograph that cannot be read, or only with errors, is an error */
};
/* Runs the import. Both outputs appear when both are complete. 0, or -1: fail_message. */
int import_run(const struct import_job *job);
#endif
