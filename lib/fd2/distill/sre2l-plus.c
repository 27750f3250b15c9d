/* SRe2L++ (Cui et al. 2025; fd2-method(7), BASE METHODS): starts from mosaics of real patches. */
#include "lib/fd2/distill/initial.h"
#include "lib/fd2/distill/method.h"

const struct method sre2l_plus = {.name = "sre2l++",
    .start = &start_mosaic,
    .steps = 4000,
    .lr = 0.25,
    .r_bn = 0.01,
    .crops = {.min_scale = 0.08, .milestone = 1},
    .roll = 32,
    .phases = 1,
    .seen_sizes = {224},
    .loss = bn_term};
