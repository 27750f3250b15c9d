/* SRe2L++ (Cui et al. 2025; fd2-method(7), BASE METHODS): SRe2L from mosaics of real patches. */
#include "lib/fd2/distill/methods.h"

const struct method sre2l_plus = {.name = "sre2l++",
    .start = START_MOSAIC,
    .steps = 4000,
    .lr = 0.25,
    .r_bn = 0.01,
    .parts = 1,
    .sizes = {224}};
