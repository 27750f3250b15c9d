/* Keeping a GPU busy: steps that it repeats from a recording (a CUDA graph), and results that the
 * host reads while later work runs. On the CPU both are plain calls. */
#ifndef FD2_TORCH_REPLAY_H
#define FD2_TORCH_REPLAY_H
#include "lib/torch/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* step(ctx) uses the same tensors each time, all made before and kept, reads from them whatever
 * changes, and never waits: no tensor_item, tensor_read or tensor_from. It returns 0, or -1 with
 * fail_message. On a GPU it is captured as a CUDA graph after a few warm-up calls, so it must have
 * no other effect. */
typedef struct replay Replay;
Replay *replay_new(void);
int replay_take(Replay *r, int (*step)(void *ctx), void *ctx);
void replay_free(Replay *r);
/* Copies t into *fixed, which is made the first time and then stays in the same memory, as
 * steps that are replayed need it; returns *fixed. */
Tensor *tensor_to_static(Tensor **fixed, const Tensor *t);

/* tensor_read in two steps. The first queues a copy of t as it is now; the second waits for that
 * copy and returns it, while a GPU goes on with later work. End each reading once, with
 * tensor_read_end or tensor_read_drop. */
typedef struct reading Reading;
Reading *tensor_read_begin(const Tensor *t, enum scalar type, int64_t count);
int tensor_read_end(Reading *r, void *data);
void tensor_read_drop(Reading *r); /* NULL is fine */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
