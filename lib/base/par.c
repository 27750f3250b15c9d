#include "lib/base/par.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "lib/base/opts.h"

enum { THREADS_MAX = 256 };

struct loop {
	int n;
	void (*fn)(void *ctx, int i);
	void *ctx;
	atomic_int next;
};

static void *run(void *arg)
{
	struct loop *l = arg;
	for (int i; (i = atomic_fetch_add(&l->next, 1)) < l->n;)
		l->fn(l->ctx, i);
	return NULL;
}

int par_threads(void)
{
	cpu_set_t set;
	if (common.threads > 0)
		return common.threads < THREADS_MAX ? (int)common.threads : THREADS_MAX;
	if (sched_getaffinity(0, sizeof set, &set))
		return 1;
	int n = CPU_COUNT(&set);
	return n < THREADS_MAX ? n : THREADS_MAX;
}

/* Threads are made anew for each loop: 20 microseconds each, against milliseconds of work. One that cannot be made is not needed.
 */
void par_for(int n, void (*fn)(void *ctx, int i), void *ctx)
{
	struct loop l = {.n = n, .fn = fn, .ctx = ctx};
	pthread_t t[THREADS_MAX];
	int made = 0, want = par_threads() < n ? par_threads() : n;
	while (made < want - 1 && !pthread_create(&t[made], NULL, run, &l))
		made++;
	run(&l);
	for (int i = 0; i < made; i++)
		pthread_join(t[i], NULL);
}
