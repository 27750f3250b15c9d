/* Converts a pixel's byte k to the nearest half-precision number to k/255, and back. */
#ifndef FD2_HALF_H
#define FD2_HALF_H
#include <stdint.h>

uint16_t byte_to_half(uint8_t k);
/* Takes any half; clamps to 0..255. -1: not a number. */
int half_to_byte(uint16_t bits);
#endif
