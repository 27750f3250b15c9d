/* One epoch of soft labels: which views of the distilled images were looked at, how they were mixed, and what the teacher said.
 *
 * In a stream of kind "labels" an epoch is seven tensors, "E/ids" i32 [N], "E/boxes" i32 [N,4] (x, y, w, h), "E/flips" bool [N],
 * "E/with" i32 [N] (the sample of the same batch it is mixed with), "E/lambda" f32 [B], "E/mix" i32 [B,4] (x0, y0, x1, y1) and
 * "E/logits" f16 [N,K], samples in batch order, E the epoch from 0. */
#ifndef FD2_LABELS_H
#define FD2_LABELS_H
#include "formats/stream.h"
#include "lib/fd2/batch.h"

struct epoch {
	int n, batch, batches, classes;
	int32_t *ids, *boxes, *with, *mix;
	uint8_t *flips;
	float *lambda;
	uint16_t *logits; /* f16 */
};

void epoch_init(struct epoch *e, int n, int batch, int classes);
void epoch_free(struct epoch *e);
/* Draws everything but the logits: order, crops of at least min_scale, flips; CutMix if `cutmix`. */
void epoch_draw(struct epoch *e, const struct dataset *d, int size, double min_scale, bool cutmix, uint64_t seed, long number);
/* Batch i as mixed pixels. Returns its number of samples. */
int epoch_render(const struct epoch *e, int i, struct batch *b, const struct dataset *d, const struct normal *normal);
int epoch_write(const struct epoch *e, struct stream_writer *w, long number);
/* 1: filled; 0: the stream has ended, whole; -1: fail_message. Everything is checked against n, batch, classes and the images'
 * sizes. */
int epoch_read(struct epoch *e, struct stream_reader *r, long number, const struct dataset *d, int size);
#endif
