/* The photographs that images are matched with, chosen from one class at a time. */
#ifndef FD2_MATCH_REAL_H
#define FD2_MATCH_REAL_H
#include "lib/fd2/batch/photographs.h"

struct real {
	struct dataset set; /* sorted by class */
	int *start;         /* [K+1]: class k has photographs start[k] .. start[k+1]-1 */
	int size;
	struct normal normal;
	struct batch part;
	/* the photographs chosen last: places in the set */
	uint32_t *chosen;
	int n;
};

/* Reads all photographs; real_part returns `part` of them at a time. -1: fail_message, also if a
 * class has none. */
int real_read(struct real *r, const struct photograph_inputs *in, long part);
void real_free(struct real *r);
int real_count(const struct real *r, int k);
/* Checks that class k has at least `ipc` photographs. -1: fail_message. */
int real_check(const struct real *r, int k, int ipc);
/* Chooses `most` photographs of class k, or all if it has fewer, in random order. */
void real_choose(struct real *r, int k, long most, struct rng *rng);
/* Chooses the n photographs of class k that fd2-select --method random would. */
void real_choose_first(struct real *r, int k, int n, uint64_t seed);
/* Chooses the photographs at these n places in the set. */
void real_choose_these(struct real *r, const uint32_t *places, int n);
/* Returns the part of the chosen photographs that begins at `first`: [n,3,S,S] f32. */
Tensor *real_part(struct real *r, int first);
#endif
