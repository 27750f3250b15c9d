#ifndef FD2_LABEL_BN_H
#define FD2_LABEL_BN_H

/* Which statistics the teacher's BatchNorms use when it labels: those of each half of a batch,
 * or the running ones. */
enum label_bn { LABEL_BN_UNSET = -1, LABEL_BN_BATCH, LABEL_BN_EVAL };
#define LABEL_BN_CHOICES "batch|eval"
#endif
