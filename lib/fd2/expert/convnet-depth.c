#include "lib/fd2/expert/convnet-depth.h"

int convnet_depth(int size)
{
	int depth = DEPTH_LEAST;
	while (depth < DEPTH_MOST && size >> (depth + 1) >= 4)
		depth++;
	return depth;
}
