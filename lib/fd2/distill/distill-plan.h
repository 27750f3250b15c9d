/* Tells what a distillation is about to do, and with --dry-run what time and space it takes. */
#ifndef FD2_DISTILL_PLAN_H
#define FD2_DISTILL_PLAN_H
#include "lib/fd2/distill/distill.h"
#include "lib/fd2/distill/learn.h"

/* Call when everything is ready to make images, the history has the stored ones, and the schedule
 * is at its first index batch. With config->dry_run, uses up the history and the schedule. -1:
 * fail_message. */
int distill_tell_plan(const struct distill_config *config, const struct learner *l,
    struct schedule *s, struct history *h);
#endif
