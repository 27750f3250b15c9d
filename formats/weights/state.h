/* The face of formats/weights: the weights of a network from a file of another program, or of ours.
 * Call state_open, state_next until it returns 0, state_close. The type of a file is detected from
 * its content:
 *
 *     torch-zip      torch.save since torch 1.6
 *     torch-legacy   torch.save before
 *     safetensors
 *     fd2-stream     a tensor stream of kind teacher or student
 *
 * Nothing in a file is run. The oldest kind of torch.save (a tar archive), bare pickles and
 * TorchScript are refused with a message that says how to convert them with Python. bf16 is read as
 * f32; i8, i16 and u16 as i32; u32 as i64. Tensors that are views, transposed or channels-last
 * become dense in C order. A dict in a dict gives names such as "model_ema.conv1.weight"; keys and
 * wrappers with which all names begin are left out (torch-dict.h, state-table.h). Memory: at most
 * the file's size and what one tensor needs. */
#ifndef FD2_STATE_H
#define FD2_STATE_H
#include "formats/stream/stream.h"
#include "formats/weights/state-table.h"
#include "lib/base/out.h"

struct state_reader;
/* Opens a file; path NULL or "-" is standard input. Checks all but a stream completely. NULL:
 * fail_message. */
struct state_reader *state_open(const char *path);
/* The same with every tensor of a checkpoint: those below other dicts and lists are named by their
 * paths, such as "optimizer.state.0.exp_avg". */
struct state_reader *state_open_nested(const char *path);
/* The same from borrowed memory, for tests. */
struct state_reader *state_open_memory(const void *data, size_t size);
/* Returns "torch-zip" ... */
const char *state_format(const struct state_reader *r);
/* Returns a stream's meta, or safetensors' __metadata__, or NULL. Borrowed, valid until close. */
json_t *state_meta(const struct state_reader *r);
/* Returns the names and shapes of all tensors, before they are read. NULL: the file is a stream,
 * whose names are ours. */
const struct state_tensor *state_tensors(const struct state_reader *r, int *n);
/* Reads the next tensor in the file's order. 1: it is in *a, which the caller frees with
 * fd2_array_free; 0: there are no more, and the file is complete; -1: fail_message. */
int state_next(struct state_reader *r, struct array *a);
/* Returns a stream's own digest, or else, as 64 hex digits, the SHA-256 of a line for each tensor:
 * SHA-256 of its elements, two spaces, name, type and shape with a space before each number, NUL.
 * Known once state_next returned 0. */
const char *state_digest(const struct state_reader *r);
void state_close(struct state_reader *r);

/* Writes the tensors of `path` as safetensors to out, which is closed, except those below "cal.",
 * which a teacher has besides its backbone, so that torchvision loads the rest with strict=True.
 * -1: fail_message, and nothing is published. */
int state_export(const char *path, struct out *out);
#endif
