/* Records a step as a CUDA graph. This is the interface of libfd2-graphs.so, a plug-in that
 * lib/torch loads after libtorch_cuda, whose memory pool its graphs share. Work queued on the
 * current stream between begin and end is recorded instead of run. */
#ifndef FD2_GRAPHS_H
#define FD2_GRAPHS_H
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cuda_graphs {
	size_t size; /* of this struct in the plug-in; another size means another version of fd2 */

	/* Starts recording a new graph, which the caller drops. NULL: *wrong says why. Graphs share
	 * their memory, so a graph's own tensors do not survive its run, and graphs must run one
	 * after another. */
	void *(*begin)(const char **wrong);
	/* Ends the recording; call it also if the step failed. Returns NULL or CUDA's error
	 * message. A new recording can begin even after an error. */
	const char *(*end)(void *graph);
	const char *(*launch)(void *graph);
	void (*drop)(void *graph);
};

/* The only symbol that the plug-in exports. */
__attribute__((visibility("default"))) const struct cuda_graphs *fd2_cuda_graphs(void);

#ifdef __cplusplus
}
#endif
#endif
