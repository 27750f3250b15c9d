/* A step as a CUDA graph: the interface of libfd2-graphs.so, a plug-in that lib/torch loads
 * behind libtorch_cuda, whose graphs share its memory pools. What is put on the current stream
 * between begin and end is recorded instead of run. */
#ifndef FD2_GRAPHS_H
#define FD2_GRAPHS_H
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cuda_graphs {
	size_t size; /* of this struct where the plug-in was built: another one belongs to another
	                fd2 */

	/* A new graph that records from now on, to be dropped; NULL: *wrong says why. What it
	 * makes is gone when it has run: graphs share their memory, and run one after another. */
	void *(*begin)(const char **wrong);
	/* NULL, or what CUDA says against it; also needed after a step that failed. The next
	 * recording begins as if there had been no such graph. */
	const char *(*end)(void *graph);
	const char *(*launch)(void *graph);
	void (*drop)(void *graph);
};

/* The plug-in's only symbol. */
__attribute__((visibility("default"))) const struct cuda_graphs *fd2_cuda_graphs(void);

#ifdef __cplusplus
}
#endif
#endif
