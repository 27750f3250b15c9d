/* Numbers and shuffles a distilled set as the programs of the FKD family do (SRe2L, CV-DD, FADRM):
 * like torchvision's ImageFolder, class by class and within a class by file name, then like torch's
 * RandomSampler with a generator of seed 42. Their label stores name no images, so a reader must
 * draw the same orders again. Source: relabel/utils_fkd.py of CV-DD. */
#ifndef FD2_FKD_ORDER_H
#define FD2_FKD_ORDER_H
#include "lib/data/dataset.h"

struct fkd_order;

/* NULL: fail_message, also if a class has no image: their numbers would then differ. */
struct fkd_order *fkd_order_new(const struct dataset *d, uint64_t seed);
/* Returns the next epoch's order as indices into d, [d->n], valid until the next call. NULL:
 * fail_message. */
const int32_t *fkd_order_next(struct fkd_order *o);
void fkd_order_free(struct fkd_order *o);
#endif
