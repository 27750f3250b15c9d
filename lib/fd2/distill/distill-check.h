/* Checks that teachers and method go together. */
#ifndef FD2_DISTILL_CHECK_H
#define FD2_DISTILL_CHECK_H
#include "lib/fd2/distill/distill.h"

/* Warns of teachers without BatchNorm. -1: fail_message; a teacher cannot take images of the
 * method's sizes, or its patches are of another size. */
int distill_check(
    const struct distill_teachers *t, const struct method *m, const struct distill_config *config);
#endif
