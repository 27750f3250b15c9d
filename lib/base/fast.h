/* Macros for functions that the kernels of lib/cuda share, and for loops that are compiled for
 * several processors. */
#ifndef FD2_FAST_H
#define FD2_FAST_H

#ifdef __CUDACC__
#define INLINE static __host__ __device__ __forceinline__
#else
#define INLINE static inline __attribute__((always_inline))
#endif

/* gcc vectorises the loops of a FAST function and compiles it for each of these instruction sets;
 * the program picks one when it starts. */
#if defined __clang__ || defined __SANITIZE_ADDRESS__
#define FAST
#elif defined __x86_64__ && __GNUC__ >= 12
#define FAST                                                                                       \
	__attribute__((target_clones("arch=x86-64-v4", "avx2", "default"),                         \
	    optimize("O3"))) /* v4: AVX-512 F, BW, DQ, VL */
#elif defined __x86_64__
#define FAST __attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3")))
#else
#define FAST __attribute__((optimize("O3")))
#endif

/* Before a loop: promises that no iteration reads what another one writes. */
#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif
#endif
