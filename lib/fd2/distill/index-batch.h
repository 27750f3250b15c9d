/* An index batch: the images with one or several indices of a batch of classes, which are learned
 * together. */
#ifndef FD2_INDEX_BATCH_H
#define FD2_INDEX_BATCH_H

enum { INDICES_MAX = 64 };

/* Indices of one batch do not depend on one another: each has its own views and BatchNorm
 * statistics, and with L_S all have the same number of images before them in their groups. Tensors
 * have N = indices * n images, those of the first index, then those of the next. */
struct index_batch {
	int first, n;                  /* classes first .. first+n-1 */
	int indices, ids[INDICES_MAX]; /* indices in the class, from 1 */
};
#endif
