/* LPLD (Xiao and He 2024; fd2-method(7), BASE METHODS): SRe2L that matches the statistics of the
 * images of each class with those of its photographs. */
#include "lib/fd2/distill/initial.h"
#include "lib/fd2/distill/method.h"

const struct method lpld = {.name = "lpld",
    .start = &start_noise,
    .steps = 4000,
    .lr = 0.25,
    .r_bn = 0.01,
    .match = {.classes = CLASSES_EACH, .share = 1},
    .crops = {.min_scale = 0.08, .milestone = 1},
    .roll = 32,
    .phases = 1,
    .seen_sizes = {224},
    .loss = bn_term};
