/* CDA (Yin and Shen 2023; fd2-method(7), BASE METHODS): SRe2L with a curriculum from whole images
 * to small crops. */
#include "lib/fd2/distill/initial.h"
#include "lib/fd2/distill/method.h"

const struct method cda = {.name = "cda",
    .start = &start_noise,
    .steps = 4000,
    .lr = 0.25,
    .r_bn = 0.01,
    .crops = {.min_scale = 0.08, .curriculum = CURRICULUM_COSINE, .milestone = 1},
    .roll = 32,
    .phases = 1,
    .seen_sizes = {224},
    .loss = bn_term};
