/* The face of lib/data: a data set, that is, every image of some shards, decoded, with its class
 * index.
 *
 * dataset_read takes samples from formats/shard, decodes them, resizes them once for their network
 * (fit.h) and puts them into a store (store.h); item_image returns them, as often as needed.
 * lib/fd2/batch turns them into tensors. A dataset owns its items, its store and its
 * class names until dataset_free.
 *
 * Some tools inspect files without a network: survey.h images, describe.h tensors,
 * attention-measures.h attention maps; class-names.h reads a list of classes. The folders import
 * and exchange have faces of their own. */
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
	char **classes; /* names; "0", "1" ... if the samples only have numbers */
	int n_classes;
	bool numbered; /* the samples only have numbers */
	int skipped;   /* images that cannot be decoded */
	int recovered; /* images that libjpeg recovered from corrupt data */
	/* fd2_shard_digest of the samples */
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
	bool strict;   /* like complete; also no image may be recovered from corrupt data */
	bool soft;     /* every image must have a soft label (soft-label.h) */
	const char *const
	    *known; /* the classes that may occur, in index order; NULL: the shards' own */
	int n_known;
	const char *known_by; /* what has these classes, for messages: "the teacher" */
};

/* Reads all shards (n = 0: standard input). -1: fail_message; *d is then empty. */
int dataset_read(struct dataset *d, char *const *paths, int n, const struct dataset_options *o);
void dataset_free(struct dataset *d);
/* Returns how many classes have no image, and sets *first to the first of them. */
int dataset_empty_classes(const struct dataset *d, const char **first);
/* Checks that every class of a training set has an image. -1: fail_message. */
int dataset_check_classes(const struct dataset *d);
/* Warns if classes have no image: of a distilled set, or of the held-out set of option `name`. */
void dataset_warn_missing(const struct dataset *d, const char *name);
/* Warns if images of `held_out` (the set of option `name`) are among those trained on, compared by
 * their bytes. Returns their number. */
int dataset_warn_shared(
    const struct dataset *trained, const struct dataset *held_out, const char *name);
/* Sorts the images by class, then name, so that results do not depend on how the shards were
 * packed. */
void dataset_sort(struct dataset *d);
/* Returns start [n_classes + 1] of a sorted set, to be freed: class k has images start[k] ..
 * start[k+1]-1. */
int *dataset_starts(const struct dataset *d);
#endif
