/* The face of lib/fd2/labels: one epoch of soft labels, that is, views of the distilled images, how
 * they are mixed, and the logits that the teachers gave them.
 *
 * relabel.h makes a stream of them: an epoch is drawn here, labelled by labeller.h, and written by
 * labels-stream.c. lib/fd2/student reads it back: label-set.h opens the stream and the images that
 * it was made for, epoch_read and epoch_render give the batches, label-pool.h uses them again.
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
 * Where the meta's "batches" is less than epochs times the batches of an epoch, batches are
 * missing (fd2-relabel --label-fraction): an epoch has fewer, each complete, or none and then no
 * tensors. Row r is in batch r / "batch" of those present; only the last batch of a whole epoch may
 * be smaller. */
#ifndef FD2_LABELS_H
#define FD2_LABELS_H
#include "formats/stream/stream.h"
#include "lib/fd2/batch/batch.h"

/* What the views of all epochs have in common; the stream's meta says it. */
struct view_options {
	enum mix_kind mix;
	bool shuffled; /* the images' quarters */
};

struct epoch {
	struct view_options options;
	int images, batch, classes; /* of the set; `batch` of a full batch */
	int n, batches;             /* views, and batches, present */
	int *starts;        /* [batches + 1]: batch i is views starts[i] .. starts[i + 1] - 1 */
	struct view *views; /* [n] */
	struct mix *mixes;  /* [batches] */
	uint16_t *logits;   /* [n][classes], f16 */
};

/* Allocates a whole epoch of `images` images, laid out as one. */
void epoch_init(
    struct epoch *e, int images, int batch, int classes, const struct view_options *options);
/* A copy with no spare memory; free it with epoch_free. */
struct epoch epoch_copy(const struct epoch *e);
void epoch_free(struct epoch *e);
/* n views in full batches and a last one of what remains; their contents are undefined. */
void epoch_lay_out(struct epoch *e, int n);
int epoch_size(const struct epoch *e, int i); /* views of batch i */
int epoch_whole_batches(const struct epoch *e);

/* How views are drawn. */
struct view_draw {
	int size;
	double min_scale; /* the smallest crop's share of the image's area */
	uint64_t seed;
};
/* Draws everything of a whole epoch but the logits: crops, flips, quarters and mixing of the images
 * in `order` [images], their places in d; NULL: in an order that is drawn too. */
void epoch_draw(struct epoch *e, const struct dataset *d, const struct view_draw *how,
    const int32_t *order, long number);
/* Batch i as mixed pixels. Returns its number of samples. */
int epoch_render(const struct epoch *e, int i, struct batch *b, const struct dataset *d,
    const struct normal *normal);
/* Removes all batches; appends batch i of `from`, for which e must have capacity. */
void epoch_clear(struct epoch *e);
void epoch_append(struct epoch *e, const struct epoch *from, int i);

/* Adds "mix", and "quarters" where they are shuffled. */
void view_options_to_meta(const struct view_options *v, json_t *meta);
/* A meta without "mix" is CutMix's, one without "quarters" leaves them as they are. -1: a value
 * that is unknown. */
int view_options_from_meta(struct view_options *v, json_t *meta);

/* Bytes of an epoch's tensors. */
size_t epoch_bytes(const struct epoch *e);
/* An epoch without batches is left out. */
int epoch_write(const struct epoch *e, struct stream_writer *w, long number);
/* The whole epoch `number`. 1: filled; 0: the stream has ended, whole; -1: fail_message.
 * Everything is checked against the sizes of the set and of its images. */
int epoch_read(
    struct epoch *e, struct stream_reader *r, long number, const struct dataset *d, int size);
/* The next epoch, of a number from *number on and below `epochs`, with all or some of its
 * batches; *number is then its own. */
int epoch_read_some(struct epoch *e, struct stream_reader *r, long *number, long epochs,
    const struct dataset *d, int size);
#endif
