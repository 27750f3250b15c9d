/* Whether teachers and method go together. */
#ifndef FD2_DISTILL_CHECK_H
#define FD2_DISTILL_CHECK_H
#include "lib/fd2/distill/distill.h"

/* -1: fail_message; a teacher cannot see images of the method's sizes. Warns of teachers without
 * BatchNorm. */
int distill_check(
    const struct distill_teachers *t, const struct method *m, const struct distill_config *config);
#endif
