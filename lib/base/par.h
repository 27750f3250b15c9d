/* A parallel loop. It may run only plain C, never libtorch. */
#ifndef FD2_PAR_H
#define FD2_PAR_H

#ifdef __cplusplus
extern "C" {
#endif

/* Calls fn(ctx, i) once for every i in 0..n-1, on up to par_threads() threads; returns when all are
 * done. The result must not depend on which thread takes which i. */
void par_for(int n, void (*fn)(void *ctx, int i), void *ctx);
/* Returns the number of threads for loops and for libtorch: common.threads; if that is 0,
 * OMP_NUM_THREADS, but at most the CPUs that the affinity mask and the cgroup quota allow. */
int par_threads(void);
/* Returns the number of CPUs that this process may use. */
int par_cpus(void);

#ifdef __cplusplus
}
#endif
#endif
