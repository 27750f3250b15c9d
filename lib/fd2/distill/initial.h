/* What images start as: a start makes one initial image per class and index. */
#ifndef FD2_INITIAL_H
#define FD2_INITIAL_H
#include "lib/base/opts.h"
#include "lib/fd2/select/patches.h"

struct initial;
struct start {
	const char *name;
	/* different photographs of the class that an image needs; 0: no shard is read */
	int photographs;
	int factor; /* crops along each side of an image; 0: none are scored */
	/* What the images of classes first .. first+n-1 have in common, before the first of them is
	 * asked for; shows its progress. NULL: nothing. -1: fail_message. */
	int (*prepare)(struct initial *s, int first, int n);
	/* Image `id`, from 1, of class k as normalised pixels [S][S][3], S the teacher's size: a
	 * function of the seed, k, id and what was read. The images of a class are distinct. -1:
	 * fail_message. */
	int (*image)(struct initial *s, float *out, int k, int id);
};

/* The starts that --init offers: X(identifier). A method may have another one. */
#define FD2_STARTS(X) X(mosaic) X(real) X(noise)
#define FD2_START_ID(id) START_##id,
enum start_id { START_UNSET = -1, FD2_STARTS(FD2_START_ID) STARTS };
/* "mosaic|real|noise" for OPT_CHOICE */
#define FD2_START_CHOICE(id) "|" #id
#define START_CHOICES (&(FD2_STARTS(FD2_START_CHOICE))[1])
#define FD2_START_DECLARE(id) extern const struct start start_##id;
FD2_STARTS(FD2_START_DECLARE)
extern const struct start start_given; /* the images of --init-images */
const struct start *start_of(enum start_id id);

struct initial_config {
	char **shards; /* photographs; none: standard input */
	int n_shards;
	const char *given; /* shard of initial images, or NULL */
	enum difficulty difficulty;
	long crops, cache;
	bool strict;
};

struct initial {
	/* set by the caller before initial_read */
	const struct initial_config *config;
	const struct start *start;
	const struct teacher *teacher; /* scores crops; gives classes, size and normalisation */
	int ipc, first, last;          /* images per class; classes that are made */
	uint64_t seed;
	/* what was read: photographs, or the images of --init-images */
	struct dataset images;
	int *counts;            /* [K]: images of each class */
	struct patch **patches; /* [K] -> [patches_in], once they were chosen */
};

/* Reads what the start needs. Warns of classes with fewer photographs than their images need. -1:
 * fail_message, also when a class has fewer than ipc images in config->given. */
int initial_read(struct initial *s);
void initial_free(struct initial *s);
/* start->prepare, then start->image for each image of these classes. */
int initial_prepare(struct initial *s, int first, int n);
int initial_image(struct initial *s, float *out, int k, int id);
/* How a start with a factor chooses crops (start-crops.c). */
struct patch_rule initial_rule(const struct initial *s);
/* Adds the digest of what was read to an output's inputs. */
void initial_describe(const struct initial *s, json_t *inputs);
#endif
