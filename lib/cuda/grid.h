/* How the frozen BatchNorm's kernels divide x [rows][C]: a thread processes one vector of adjacent
 * channels over some rows; a warp reads memory without gaps. The division, and so the order of
 * every sum, depends only on the sizes. Plain C, for the test. */
#ifndef FD2_GRID_H
#define FD2_GRID_H
#include "lib/kernels/bf16.h"

enum {
	THREADS = 256,    /* threads per block: wide * high */
	WALK_LEAST = 4,   /* minimum of rows that a thread reads */
	WALK_MOST = 64,   /* maximum; more would cost precision in f32 sums */
	BLOCKS = 8 * 132, /* twice what an H100 or H200 runs at once; fewer for small tensors */
	JOINERS = 32,     /* threads that add the blocks' sums of one channel */
};

struct grid {
	int wide, high;     /* threads over vectors of channels, and over rows */
	int64_t across;     /* blocks over the channels */
	int64_t down, each; /* blocks over the rows of a group, and the rows of each */
};

/* rows: rows per group. */
INLINE struct grid grid_of(int64_t rows, int64_t groups, int64_t C, int vector)
{
	int64_t vectors = C / vector, walk;
	struct grid g;
	g.wide = 1;
	while (g.wide < 32 && g.wide < vectors)
		g.wide *= 2;
	g.high = THREADS / g.wide;
	g.across = (vectors + g.wide - 1) / g.wide;
	walk = (groups * g.across * ((rows + g.high - 1) / g.high) / BLOCKS / WALK_LEAST + 1) *
	       WALK_LEAST;
	if (walk > WALK_MOST)
		walk = WALK_MOST;
	g.each = (int64_t)g.high * walk;
	g.down = (rows + g.each - 1) / g.each;
	return g;
}

/* Returns how many adjacent channels can be read at once in every row: 16 bytes' worth, two, or
 * one. pointers: the pointers or'ed, for their alignment. */
INLINE int grid_vector(int64_t C, bool bf16, uintptr_t pointers)
{
	int size = bf16 ? 2 : 4, most = 16 / size;
	for (int vector = most; vector > 1; vector = vector == most ? 2 : 1)
		if (C % vector == 0 && pointers % (uintptr_t)(vector * size) == 0)
			return vector;
	return 1;
}
#endif
