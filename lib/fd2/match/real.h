/* The photographs that images are matched with, of one class after the other. */
#ifndef FD2_MATCH_REAL_H
#define FD2_MATCH_REAL_H
#include "lib/fd2/batch/photographs.h"

struct real {
	struct dataset set; /* sorted by class */
	int *start;         /* [K+1]: class k has photographs start[k] .. start[k+1]-1 */
	int size;
	struct normal normal;
	struct batch part;
	/* of the class chosen last: places in the set */
	uint32_t *chosen;
	int n;
};

/* Reads all of them; `part` of them are a tensor at a time. -1: fail_message, also where a class
 * has none. */
int real_read(struct real *r, const struct photograph_inputs *in, long part);
void real_free(struct real *r);
int real_count(const struct real *r, int k);
/* -1: fail_message, class k has fewer than `ipc` photographs. */
int real_check(const struct real *r, int k, int ipc);
/* Chooses `most` photographs of class k, or all where there are fewer, in a random order. */
void real_choose(struct real *r, int k, long most, struct rng *rng);
/* Chooses those that fd2-select --method random would. */
void real_choose_first(struct real *r, int k, int n, uint64_t seed);
/* Chooses those of n places in the set. */
void real_choose_these(struct real *r, const uint32_t *places, int n);
/* The chosen photographs from `first` on, as many as are a part: [n,3,S,S] f32. */
Tensor *real_part(struct real *r, int first);
#endif
