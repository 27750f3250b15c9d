/* FADRM+ (Cui et al. 2025; fd2-method(7), BASE METHODS): FADRM with several teachers. */
#include "lib/fd2/distill/fadrm.h"
#include "lib/fd2/distill/methods.h"

const struct method fadrm_plus = {.name = "fadrm+", .several = true, FADRM_SETTINGS};
