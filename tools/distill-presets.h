/* The presets of fd2-distill, in the order of PRESET_CHOICES. */
#ifndef FD2_DISTILL_PRESETS_H
#define FD2_DISTILL_PRESETS_H
#include "lib/base/opts.h"

#define PRESET_CHOICES "paper|authors|best"
enum { PRESET_PAPER, PRESET_AUTHORS, PRESET_BEST };

static const struct preset presets[] = {
    /* The paper as written, read literally where it is ambiguous. */
    {"paper", "--method sre2l++ --init mosaic --steps 4000 --lr 0.25 --r-bn 0.01 --min-scale 0.08 "
              "--batch 100 --group 4 --beta 0.5 --lambda 0.8 --other full --ls-view literal"},
    /* Its authors' program, with SRe2L++. */
    {"authors", "--method sre2l++ --init mosaic --steps 4000 --lr 0.001 --r-bn 0.001 "
                "--min-scale 0.08 --batch 100 --group 4 --beta 0.5 --lambda 0.9 --other bn "
                "--bn-head --ls-view once"},
    /* The settings from which students learned most in our measurements (fd2-recipes(7)): the
     * default, unless a base method is named. */
    {"best", "--method sre2l++ --init herding --steps 200 --lr 0.02 --ls-view once"},
};

#endif
