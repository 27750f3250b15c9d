/* FADRM+ (Cui et al. 2025; spec, section 3): FADRM with several teachers. */
#include "lib/fd2/methods.h"

const struct method fadrm_plus = {.name = "fadrm+",
    .start = START_REAL,
    .several = true,
    .steps = 2000,
    .lr = 0.25,
    .r_bn = 0.01,
    .parts = 4,
    .sizes = {200, 224, 200, 224},
    .residual = 0.5};
