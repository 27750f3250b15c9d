/* What images begin as: crops of real photographs, noise, or images that were given. */
#ifndef FD2_INITIAL_H
#define FD2_INITIAL_H
#include "lib/fd2/distill/job.h"
#include "lib/fd2/distill/methods.h"
#include "lib/fd2/select/patches.h"

struct initial {
	const struct distill_job *job;
	const struct teacher *judge; /* scores crops; gives classes and size */
	enum start start;
	struct dataset images; /* the shards' photographs, or with --init-images those images; empty
	                          for noise */
	struct patch **patches; /* [K] -> [patches_in], once they were chosen */
};

/* Reads what is needed; with noise or --init-images the shards are not. Warns of classes with
 * fewer photographs than the crops that their images begin with. -1: fail_message, also when a
 * class has fewer than ipc images in --init-images. */
int initial_read(struct initial *s, const struct distill_job *job, enum start start,
    const struct teacher *judge);
void initial_free(struct initial *s);
/* Image `id` (from 1) of class k as normalised pixels [S][S][3]: a function of the seed, the
 * class, the id and what was read. The images of a class are distinct. -1: fail_message. */
int initial_image(struct initial *s, float *out, int k, int id);
/* Adds the digest of what was read to an output's inputs. */
void initial_describe(const struct initial *s, json_t *inputs);
#endif
