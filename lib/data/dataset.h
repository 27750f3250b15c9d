/* The face of lib/data: a data set, that is, every image of some shards, decoded, with its class
 * index.
 *
 * dataset_read takes samples from formats/shard, decodes them, resizes them once for their network
 * (fit.h) and puts them into a store (store.h), from which item_image hands them out, as often as
 * they are looked at. lib/fd2/batch makes tensors of them. A dataset owns its items, its store and
 * its class names until dataset_free.
 *
 * Some tools look at files without a network: survey.h at images, describe.h at tensors,
 * attention-measures.h at attention maps; class-names.h reads a list of classes. import and
 * exchange are folders of their own. */
#ifndef FD2_DATASET_H
#define FD2_DATASET_H
#include "formats/digest.h"
#include "lib/data/store.h"
#include <jansson.h>
#include <stdbool.h>

struct dataset {
	struct item *v;
	int n;
	struct store *store;
	char **classes; /* "0", "1" ... where the samples carry bare numbers */
	int n_classes;
	bool numbered; /* they do */
	int skipped;   /* images that cannot be decoded */
	int recovered; /* images that libjpeg recovered from corrupt data */
	/* of the samples, fd2_shard_digest */
	char digest[DIGEST_HEX];
	json_t *meta;     /* the shard's __fd2__, or NULL */
	double sizes_sum; /* bytes of the images as stored */
};

struct dataset_options {
	enum fit fit;
	int size;      /* side of the network's input, unless FIT_NONE */
	bool exact;    /* for held-out images: struct fitting */
	long cache;    /* MiB of decoded images to keep in memory; 0: all */
	bool jpegs;    /* keep every image's JPEG, for item_jpeg */
	bool complete; /* no image may be skipped: one that cannot be decoded is an error */
	bool strict;   /* nor may one be recovered from corrupt data */
	bool soft;     /* every image has a soft label (soft-label.h): one that lacks it is an error
	                */
	const char *const
	    *known; /* the classes that may occur, in index order; NULL: the shards' own */
	int n_known;
	const char *known_by; /* who knows them, for messages: "the teacher" */
};

/* Reads all of the shards (n = 0: standard input). -1: fail_message; *d is then empty. */
int dataset_read(struct dataset *d, char *const *paths, int n, const struct dataset_options *o);
void dataset_free(struct dataset *d);
/* How many of the classes have no image, and the first of them. */
int dataset_empty_classes(const struct dataset *d, const char **first);
/* -1: fail_message, where a class of what is trained on has no image. */
int dataset_check_classes(const struct dataset *d);
/* Warns where classes of a distilled set, or of the held-out one that the option `name` gave, have
 * no image. */
void dataset_warn_missing(const struct dataset *d, const char *name);
/* Warns when images of `held_out` (that the option `name` gave) are among those trained on, by
 * their bytes. Returns how many are. */
int dataset_warn_shared(
    const struct dataset *trained, const struct dataset *held_out, const char *name);
/* Sorts the images by class, then name: what follows does not depend on how the shards were
 * packed. */
void dataset_sort(struct dataset *d);
/* Of a sorted set, [n_classes + 1], to be freed: class k has images start[k] .. start[k+1]-1. */
int *dataset_starts(const struct dataset *d);
#endif
