/* What a distillation is about to do, and with --dry-run what it will take. */
#ifndef FD2_DISTILL_PLAN_H
#define FD2_DISTILL_PLAN_H
#include "lib/fd2/distill/distill.h"
#include "lib/fd2/distill/learn.h"

/* All are ready to make images, the history has those that are stored, and the schedule is at its
 * first index batch. With config->dry_run the history and the schedule are used up. -1:
 * fail_message. */
int distill_tell_plan(const struct distill_config *config, const struct learner *l,
    struct schedule *s, struct history *h);
#endif
