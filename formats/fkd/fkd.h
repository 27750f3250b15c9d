/* The face of formats/fkd: batches of soft labels in the stores of the FKD family (SRe2L, CV-DD,
 * FADRM). A store has one file of torch.save per batch, called epoch_E/batch_B.tar: a zip archive
 * with the list
 *
 *     [coords f32 [n,4], flips bool [n], mix_index i64 [n], mix_lam, mix_bbox, logits f16 [n,K]]
 *
 * FD2's authors save the logits of two branches, [2,n,K]: CAL's, then the backbone's.
 * Source: relabel/utils_fkd.py of CV-DD, relabel/relabel_FD2.py of FD2. No code in a file is
 * executed. */
#ifndef FD2_FKD_H
#define FD2_FKD_H
#include "formats/blob.h"

enum { FKD_BATCH_MAX = 1 << 16, FKD_CLASSES_MAX = 1 << 20, FKD_FILE_MAX = 1 << 30 };

/* How the images are mixed: not at all (mix_index, mix_lam and mix_bbox are None), in a box, or by
 * a share of all pixels (mix_bbox is None). */
enum fkd_mixing { FKD_UNMIXED, FKD_CUTMIX, FKD_MIXUP };

struct fkd_batch {
	enum fkd_mixing mixing;
	int n, classes;
	int branches;     /* 1, or 2: CAL's and the backbone's */
	float *coords;    /* [n,4]: the crop's top, left, height, width as shares of the image's
	                     height, width, height, width */
	uint8_t *flips;   /* [n] */
	int64_t *with;    /* [n]: index in the batch of the sample it is mixed with */
	double lambda;    /* share of the sample's own image, as drawn */
	int64_t box[4];   /* top, left, bottom, right of what comes from the other image */
	uint16_t *logits; /* [branches,n,K], f16 */
};

/* Writes the file to memory, with plain Python numbers, so that torch.load reads it with
 * weights_only=True; the same bytes every time. An unmixed batch gets its mix_index, and a box,
 * since CV-DD's loader breaks on None there. -1: fail_message, it would be larger than 1 GiB. */
int fkd_write(const struct fkd_batch *b, struct blob *to);
/* Reads a file with Python's or NumPy's numbers. Without a box, b->box is empty; without mixing,
 * each image is mixed with itself. Checks lengths and types only, not values. Call fkd_free also
 * after -1 (fail_message names the file). */
int fkd_read(struct fkd_batch *b, const char *path);
/* The same from borrowed memory, for tests. */
int fkd_read_memory(struct fkd_batch *b, const void *data, size_t size);
void fkd_free(struct fkd_batch *b);
#endif
