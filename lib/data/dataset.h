/* A data set in memory: every image of some shards, decoded, with its class index. */
#ifndef FD2_DATASET_H
#define FD2_DATASET_H
#include "lib/image/image.h"
#include <jansson.h>
#include <stdbool.h>

struct item {
	char *key; /* "class/id" */
	int label;
	struct image image;
};

struct dataset {
	struct item *v;
	int n;
	char **classes; /* NULL when the samples carry bare numbers */
	int n_classes;
	int skipped;      /* corrupt images */
	char digest[17];  /* of the samples, shard_digest */
	json_t *meta;     /* the shard's __fd2__, or NULL */
	double sizes_sum; /* bytes of the images as stored */
};

enum fit {
	FIT_NONE,   /* as stored */
	FIT_SHORT,  /* short side to 8/7 of the size, aspect kept: torchvision's Resize(256) for 224 */
	FIT_SQUASH, /* both sides to 8/7 of it, aspect given up: Resize((256, 256)) */
	FIT_WHOLE,  /* both sides to the size: nothing is left to crop */
};

struct dataset_options {
	enum fit fit;
	int size;                 /* side of the network's input, unless FIT_NONE */
	bool strict;              /* a corrupt image is an error; otherwise it is warned of, skipped and counted */
	const char *const *known; /* the classes that may occur, in index order; NULL: the shards' own */
	int n_known;
	const char *known_by; /* who knows them, for messages: "the teacher" */
};

/* Reads all of the shards (n = 0: standard input). -1: fail_message; *d is then empty. */
int dataset_read(struct dataset *d, char *const *paths, int n, const struct dataset_options *o);
void dataset_free(struct dataset *d);

/* "short|squash|whole" of an option, as a fit. */
enum fit fit_of(const char *name);
const char *fit_name(enum fit fit);
#endif
