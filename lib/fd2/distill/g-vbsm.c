/* G-VBSM (Shao et al. 2024; fd2-method(7), BASE METHODS): several teachers, and statistics of
 * convolutions as well as BatchNorms, averaged over steps. */
#include "lib/fd2/distill/initial.h"
#include "lib/fd2/distill/method.h"

const struct method g_vbsm = {.name = "g-vbsm",
    .start = &start_noise,
    .several_teachers = true,
    .steps = 4000,
    .lr = 0.1,
    .r_bn = 0.01,
    .match = {.layers = LAYERS_ALL, .momentum = 0.4},
    .crops = {.min_scale = 0.08, .milestone = 1},
    .roll = 32,
    .phases = 1,
    .seen_sizes = {224},
    .loss = bn_term};
