/* Keeps a GPU busy: it repeats steps from a recording (a CUDA graph), and the host reads results
 * while later work runs. On the CPU both are plain calls. */
#ifndef FD2_TORCH_REPLAY_H
#define FD2_TORCH_REPLAY_H
#include "lib/torch/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* replay_take runs step(ctx), which returns 0, or -1 with fail_message. On a GPU the step is
 * captured as a CUDA graph after a few warm-up calls. So it must use the same kept tensors each
 * time, read everything that changes from them, have no other effect, and never wait: no
 * tensor_item, tensor_read or tensor_from. */
typedef struct replay Replay;
Replay *replay_new(void);
int replay_take(Replay *r, int (*step)(void *ctx), void *ctx);
void replay_free(Replay *r);
/* Copies t into *fixed and returns *fixed, which the first call allocates. It stays in the same
 * memory, as replayed steps require. NULL if t is NULL. */
Tensor *tensor_to_static(Tensor **fixed, const Tensor *t);

/* tensor_read in two steps. tensor_read_begin queues a copy of t as it is now; tensor_read_end
 * waits for that copy and returns it, while a GPU continues with later work. End each reading once,
 * with tensor_read_end or tensor_read_drop. */
typedef struct reading Reading;
Reading *tensor_read_begin(const Tensor *t, enum scalar type, int64_t count);
int tensor_read_end(Reading *r, void *data);
void tensor_read_drop(Reading *r); /* NULL is fine */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
