/* Repeats a step many times. On the CPU the step is simply called. On a GPU it is captured as a
 * CUDA graph after a few calls, once libraries have chosen algorithms and allocated memory; from
 * then on the graph is launched. */
#include "lib/base/err.h"
#include "lib/torch/cuda.h"
#include "lib/torch/handle.h"
#include "lib/torch/replay.h"
#include <new>

constexpr int warm_up = 3;

struct replay {
	int taken = 0;
	void *graph = nullptr;
	bool refused = false;
};

/* Capturing executes nothing, so the caller launches the graph afterwards. If capturing fails,
 * steps are called without a graph from then on. */
static int record_step(struct replay *r, int (*step)(void *), void *ctx)
{
	const char *wrong = nullptr;
	r->graph = cuda_graphs()->begin(&wrong);
	const int err = r->graph ? step(ctx) : -1;
	if (r->graph) {
		const char *ended = cuda_graphs()->end(r->graph);
		wrong = err < 0 && tensor_error() ? tensor_error() : ended;
	}
	if (err == 0 && !wrong)
		return 0;
	warn("steps run without a CUDA graph, because they cannot be captured: %s",
	    wrong ? wrong : fail_message());
	if (r->graph)
		cuda_graphs()->drop(r->graph);
	r->graph = nullptr;
	r->refused = true;
	tensor_error_clear();
	return -1;
}

Replay *replay_new(void)
{
	return new (std::nothrow) replay;
}

int replay_take(Replay *r, int (*step)(void *ctx), void *ctx)
{
	if (tensor_error())
		return fail("%s", tensor_error()); /* the step's inputs may be missing */
	const bool records = device_is_cuda() && cuda_graphs() && !r->refused;
	if (!records || r->taken++ < warm_up || (!r->graph && record_step(r, step, ctx) < 0))
		return step(ctx);
	const char *wrong = cuda_graphs()->launch(r->graph);
	return wrong ? fail("cannot launch a step: %s", wrong) : 0;
}

Tensor *tensor_to_static(Tensor **stays, const Tensor *t)
{
	if (t && *stays)
		tensor_copy_(*stays, t);
	else if (t)
		*stays = tensor_keep_always(tensor_clone(t));
	return t ? *stays : nullptr;
}

void replay_free(Replay *r)
{
	if (r && r->graph)
		cuda_graphs()->drop(r->graph);
	delete r;
}
