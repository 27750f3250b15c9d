/* The face of lib/fd2/labels: one epoch of soft labels, that is, views of the distilled images, how
 * they are mixed, and the logits that the teachers gave them.
 *
 * relabel.h makes a stream of epochs: each is drawn here, labelled by labeller.h, and written by
 * labels-stream.c. lib/fd2/student reads it back: label-set.h opens the stream and the images that
 * it was made for, epoch_read and epoch_render give the batches, and label-pool.h reuses them.
 * exchange.h converts to and from the label stores of the FKD family (fkd-*.c). An epoch owns its
 * arrays and borrows the images.
 *
 * In a stream of kind "labels" an epoch is seven tensors, "E/ids" i32 [N], "E/boxes" i32 [N,4] (x,
 * y, w, h), "E/flips" bool [N], "E/with" i32 [N] (the sample of the same batch it is mixed with),
 * "E/lambda" f32 [B], "E/mix" i32 [B,4] (x0, y0, x1, y1) and "E/logits" f16 [N,K], samples in batch
 * order, E the epoch from 0. The meta's "mix" names the method: with "cutmix" the box E/mix comes
 * from the other sample; with "mixup" a pixel is E/lambda times its own value plus 1 - E/lambda
 * times the other's, and E/mix is empty; with "none" nothing is mixed. With "quarters": true in the
 * meta there is an eighth tensor before the logits, "E/quarters" u8 [N,4], the order of the image's
 * quarters before the crop (image_quarters).
 *
 * If the meta's "batches" is less than epochs times the batches of an epoch, batches are missing
 * (fd2-relabel --label-fraction): an epoch then has fewer batches, each complete, or none and no
 * tensors. Row r belongs to batch r / "batch" of those present; only the last batch of a whole
 * epoch may be smaller. */
#ifndef FD2_LABELS_H
#define FD2_LABELS_H
#include "formats/stream/stream.h"
#include "lib/fd2/batch/batch.h"

/* Settings of the views of all epochs, recorded in the stream's meta. */
struct view_options {
	enum mix_kind mix;
	bool shuffled; /* shuffle the images' quarters */
};

struct epoch {
	struct view_options options;
	int images, batch, classes; /* images and classes of the set; size of a full batch */
	int n, batches;             /* views and batches present */
	int *starts;        /* [batches + 1]: batch i is views starts[i] .. starts[i + 1] - 1 */
	struct view *views; /* [n] */
	struct mix *mixes;  /* [batches] */
	uint16_t *logits;   /* [n][classes], f16 */
};

/* Allocates and lays out a whole epoch of `images` images. */
void epoch_init(
    struct epoch *e, int images, int batch, int classes, const struct view_options *options);
/* Returns a copy with no spare memory; free it with epoch_free. */
struct epoch epoch_copy(const struct epoch *e);
void epoch_free(struct epoch *e);
/* Lays out n views as full batches and a last one with the rest; contents are undefined. */
void epoch_lay_out(struct epoch *e, int n);
int epoch_size(const struct epoch *e, int i); /* views of batch i */
int epoch_whole_batches(const struct epoch *e);

/* How views are drawn. */
struct view_draw {
	int size;
	double min_scale; /* the smallest crop's share of the image's area */
	uint64_t seed;
};
/* Draws a whole epoch except its logits: crops, flips, quarters and mixing. order [images] holds
 * the images' indices in d; NULL: the order is drawn too. */
void epoch_draw(struct epoch *e, const struct dataset *d, const struct view_draw *how,
    const int32_t *order, long number);
/* Renders batch i, mixed, into b. Returns its number of samples. */
int epoch_render(const struct epoch *e, int i, struct batch *b, const struct dataset *d,
    const struct normal *normal);
/* epoch_clear removes all batches; epoch_append adds batch i of `from`, for which e must have
 * capacity. */
void epoch_clear(struct epoch *e);
void epoch_append(struct epoch *e, const struct epoch *from, int i);

/* Adds "mix" to the meta, and "quarters" if they are shuffled. */
void view_options_to_meta(const struct view_options *v, json_t *meta);
/* Without "mix" the meta means CutMix; without "quarters" they are not shuffled. -1: fail_message,
 * a value is unknown. */
int view_options_from_meta(struct view_options *v, json_t *meta);

/* Returns the bytes of an epoch's tensors. */
size_t epoch_bytes(const struct epoch *e);
/* Writes the epoch's tensors; nothing if it has no batches. -1: fail_message. */
int epoch_write(const struct epoch *e, struct stream_writer *w, long number);
/* Reads the whole epoch `number` and checks it against the sizes of the set and of its images. 1:
 * filled; 0: the stream has ended, complete; -1: fail_message. */
int epoch_read(
    struct epoch *e, struct stream_reader *r, long number, const struct dataset *d, int size);
/* Like epoch_read for the stream's next epoch, which has all or some of its batches. Its number
 * must be at least *number and below `epochs`; *number is set to it. */
int epoch_read_some(struct epoch *e, struct stream_reader *r, long *number, long epochs,
    const struct dataset *d, int size);
#endif
