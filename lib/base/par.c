#include "lib/base/par.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/opts.h"

enum { THREADS_MAX = 256 };

/* The CPUs that a cgroup v2 quota allows, rounded up, or `most`. */
static int quota_of(const char *group, int most)
{
	double quota, period;
	char *path = xasprintf("/sys/fs/cgroup%s/cpu.max", group);
	FILE *f = fopen(path, "re");
	free(path);
	bool limited = f && fscanf(f, "%lf %lf", &quota, &period) == 2 && quota > 0 &&
	               period > 0; /* not "max" */
	if (f)
		fclose(f);
	return limited ? (int)fmin(most, ceil(quota / period)) : most;
}

/* A quota of any group above the process's own counts too. */
static int quota_here(int most)
{
	char line[4096];
	FILE *f = fopen("/proc/self/cgroup", "re");
	while (f && fgets(line, sizeof line, f)) {
		if (strncmp(line, "0::/", 4))
			continue;
		line[strcspn(line, "\n")] = 0;
		for (char *group = line + 3; *group; *strrchr(group, '/') = 0)
			most = quota_of(group, most);
	}
	if (f)
		fclose(f);
	return quota_of("", most);
}

static int usable_cpus(void)
{
	cpu_set_t set;
	return quota_here(sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set));
}

int par_threads(void)
{
	const char *omp = getenv("OMP_NUM_THREADS");
	int n = common.threads > 0 ? (int)common.threads : omp ? atoi(omp) : 0;
	if (n <= 0)
		n = usable_cpus();
	return n < THREADS_MAX ? n : THREADS_MAX;
}

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

/* Threads are made anew for each loop: 20 microseconds each, against milliseconds of work. One
 * that cannot be made is not needed. */
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
