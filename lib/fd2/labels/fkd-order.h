/* How the programs of the FKD family (SRe2L, CV-DD, FADRM) number and shuffle a distilled set:
 * by torchvision's ImageFolder, class after class and in each the files by name, and by torch's
 * RandomSampler, whose generator has the seed 42. Their stores of labels name no image, so that
 * whoever reads one must draw the same orders again. Source: relabel/utils_fkd.py of CV-DD. */
#ifndef FD2_FKD_ORDER_H
#define FD2_FKD_ORDER_H
#include "lib/data/dataset.h"

struct fkd_order;

/* NULL: fail_message; also when a class has no image, since then theirs have other numbers. */
struct fkd_order *fkd_order_new(const struct dataset *d, uint64_t seed);
/* The next epoch's images by their place in d, [d->n]; borrowed until the next call. NULL:
 * fail_message. */
const int32_t *fkd_order_next(struct fkd_order *o);
void fkd_order_free(struct fkd_order *o);
#endif
