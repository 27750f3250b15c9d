#include "lib/base/par.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/opts.h"

enum { THREADS_MAX = 256 };

/* Reads the one or two numbers at the start of a file; missing ones stay as they are. */
static void read_numbers(const char *root, const char *group, const char *name, double v[2])
{
	char *path = xasprintf("%s%s/%s", root, group, name);
	FILE *f = fopen(path, "re");
	if (f && fscanf(f, "%lf %lf", &v[0], &v[1]) < 1)
		v[0] = -1;
	if (f)
		fclose(f);
	free(path);
}

/* Returns the smaller of `most` and the CPUs that a group's quota allows, rounded up. cgroup v2 has
 * quota and period in one file ("max 100000": no quota), v1 in a file each (-1: no quota). */
static int quota_of(const char *root, const char *group, int most)
{
	double v2[2] = {-1, 0}, quota[2] = {-1, 0}, period[2] = {0, 0};
	read_numbers(root, group, "cpu.max", v2);
	read_numbers(root, group, "cpu.cfs_quota_us", quota);
	read_numbers(root, group, "cpu.cfs_period_us", period);
	if (v2[0] > 0 && v2[1] > 0)
		return (int)fmin(most, ceil(v2[0] / v2[1]));
	return quota[0] > 0 && period[0] > 0 ? (int)fmin(most, ceil(quota[0] / period[0])) : most;
}

static bool names_cpu(const char *controllers)
{
	for (const char *c = controllers; *c && *c != ':'; c += *c == ',') {
		size_t n = strcspn(c, ",:");
		if (n == 3 && !strncmp(c, "cpu", n))
			return true;
		c += n;
	}
	return false;
}

/* Returns the CPUs that the quotas of the process's group and those above it allow. */
static int quota_here(void)
{
	char line[4096];
	int least = THREADS_MAX;
	FILE *f = fopen("/proc/self/cgroup", "re");
	while (f && fgets(line, sizeof line, f)) {
		char *controllers = strchr(line, ':'), *group = strchr(line, '/');
		if (!controllers || !group)
			continue;
		bool v2 = controllers[1] == ':';
		const char *root = v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
		if (!v2 && !names_cpu(controllers + 1))
			continue;
		group[strcspn(group, "\n")] = 0;
		for (; *group; *strrchr(group, '/') = 0)
			least = quota_of(root, group, least);
		least = quota_of(root, "", least);
	}
	if (f)
		fclose(f);
	return least;
}

int par_cpus(void)
{
	static int quota; /* as of the first call */
	cpu_set_t set;
	if (!quota)
		quota = quota_here();
	int cpus = sched_getaffinity(0, sizeof set, &set) ? (int)sysconf(_SC_NPROCESSORS_ONLN)
	                                                  : CPU_COUNT(&set);
	return cpus < quota ? cpus : quota;
}

int par_threads(void)
{
	const char *omp = getenv("OMP_NUM_THREADS");
	int needed = omp ? atoi(omp) : 0, cpus = par_cpus(),
	    n = common.threads > 0            ? (int)common.threads
	        : needed > 0 && needed < cpus ? needed
	                                      : cpus;
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

/* Creates threads for each loop: 20 microseconds each, against milliseconds of work. Does with
 * fewer if one cannot be created. */
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
