/* EDC (Shao et al. 2024b; fd2-method(7), BASE METHODS): G-VBSM that starts from real patches,
 * matches half by the statistics of the classes, and sees larger crops. */
#include "lib/fd2/distill/initial.h"
#include "lib/fd2/distill/method.h"

const struct method edc = {.name = "edc",
    .start = &start_mosaic,
    .several_teachers = true,
    .steps = 1000,
    .lr = 0.05,
    .r_bn = 0.1,
    .match = {CLASSES_MEAN, 0.5, LAYERS_ALL, 0.8},
    .crops = {.min_scale = 0.5, .milestone = 1},
    .phases = 1,
    .seen_sizes = {224},
    .loss = bn_term};
