/* A loop over threads. Only plain C runs in it, never libtorch. */
#ifndef FD2_PAR_H
#define FD2_PAR_H

/* Calls fn(ctx, i) for every i in 0..n-1, each once, on up to common.threads threads; returns when all are done. Which
 * thread takes which i must not matter to the result. */
void par_for(int n, void (*fn)(void *ctx, int i), void *ctx);
/* Threads that par_for uses: common.threads, or the CPUs we may run on. */
int par_threads(void);
#endif
