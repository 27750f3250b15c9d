/* Initial images: a start makes one per class and index. */
#ifndef FD2_INITIAL_H
#define FD2_INITIAL_H
#include "lib/base/opts.h"
#include "lib/fd2/select/patches.h"

struct initial;
struct start_use;
struct start {
	const char *name;
	/* number of different photographs that an image needs; 0: no shard is read */
	int photographs;
	int factor;      /* crops along each side of an image; 0: none are scored */
	bool keep_scale; /* crops keep the photographs' scale */
	/* Prepares what the images of classes first .. first+n-1 need, before the first of them is
	 * made; shows progress. May skip classes after a signal. NULL: nothing to prepare. -1:
	 * fail_message. */
	int (*prepare)(struct initial *s, struct start_use *u, int first, int n);
	/* Makes image `nth`, from 1, of those of class k with this start, as normalised pixels out
	 * [S][S][3], S = s->size. It depends only on the seed, k, nth and what was read. The images
	 * of a class are distinct. -1: fail_message. */
	int (*image)(
	    const struct initial *s, const struct start_use *u, float *out, int k, int nth);
	/* Only for starts from whole photographs, a different one for each image. Fills chosen
	 * [0 .. u->images-1] with indices into items, the n photographs of class k sorted by name.
	 * -1: fail_message. */
	int (*choose)(uint32_t *chosen, const struct initial *s, const struct start_use *u,
	    const struct item *items, int n, int k);
};

/* The starts that --init offers: X(identifier). */
#define FD2_MADE_STARTS(X) X(mosaic) X(tiles) X(real) X(noise)
#define FD2_PHOTOGRAPH_STARTS(X) X(random) X(herding) X(confidence)
#define FD2_STARTS(X) FD2_MADE_STARTS(X) FD2_PHOTOGRAPH_STARTS(X)
#define FD2_START_ID(id) START_##id,
enum start_id { START_UNSET = -1, FD2_STARTS(FD2_START_ID) STARTS };
#define FD2_START_ONE(id) +1
/* The first start from whole photographs; all later ones are too. */
enum { START_WHOLE = 0 FD2_MADE_STARTS(FD2_START_ONE) };
/* "mosaic|tiles|..." for OPT_CHOICE */
#define FD2_START_CHOICE(id) "|" #id
#define START_CHOICES (&(FD2_STARTS(FD2_START_CHOICE))[1])
#define MADE_START_CHOICES (&(FD2_MADE_STARTS(FD2_START_CHOICE))[1])
#define FD2_START_DECLARE(id) extern const struct start start_##id;
FD2_STARTS(FD2_START_DECLARE)
extern const struct start start_given; /* the images of --init-images */
const struct start *start_of(enum start_id id);

/* A start and the images that use it. */
struct start_use {
	const struct start *start;
	int images;             /* how many images of each class start like this */
	struct patch **patches; /* [K] -> [patches_in]; NULL until chosen */
	int **photographs;      /* [K] -> [images], indices in the data set; NULL until chosen */
};

struct initial_config {
	char **shards; /* photographs; none: standard input */
	int n_shards;
	const char *given; /* shard of initial images, or NULL */
	enum start_id rest;
	double share;
	enum difficulty difficulty;
	long crops, cache;
	bool strict;
};

struct initial {
	/* set by the caller before initial_read */
	const struct initial_config *config;
	const struct teacher *teacher; /* scores photographs; gives classes and normalisation */
	int size;                      /* side of the images */
	int ipc, first, last;          /* images per class; classes that are made */
	uint64_t seed;
	double share; /* of a class's images that start as use[0] says; the others as use[1] */
	struct start_use use[2];
	/* what was read: photographs, or the images of --init-images */
	struct dataset images;
	int *counts; /* [K]: images read of each class */
};

/* Sets which images start how: in each class `share` of them, evenly spread over the indices, start
 * as `start`, the others as `rest`. */
void initial_share(
    struct initial *s, double share, const struct start *start, const struct start *rest);
/* Reads what the starts need. Warns of classes with fewer photographs than crops. -1: fail_message,
 * also if a class has too few photographs for the images that start as a whole one, none to cut
 * crops from, or fewer than ipc images in config->given. */
int initial_read(struct initial *s);
void initial_free(struct initial *s);
/* Prepares the images of classes first .. first+n-1. -1: fail_message. */
int initial_prepare(struct initial *s, int first, int n);
/* Makes image `id`, from 1, of class k, after initial_prepare. -1: fail_message. */
int initial_image(const struct initial *s, float *out, int k, int id);
/* Returns how a start with a factor chooses crops (start-crops.c). */
struct patch_rule initial_rule(const struct initial *s, const struct start_use *u);
/* Returns the part of a photograph to start from, which is what the teacher's fit keeps: all of it,
 * squashed to a square, or its central square. */
struct view initial_view(const struct initial *s, const struct image *im);
/* Adds the digest of what was read to an output's inputs. */
void initial_describe(const struct initial *s, json_t *inputs);
#endif
