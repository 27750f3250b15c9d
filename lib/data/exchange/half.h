/* A pixel's byte k as k/255 in half precision, the nearest, and back. */
#ifndef FD2_HALF_H
#define FD2_HALF_H
#include <stdint.h>

uint16_t byte_to_half(uint8_t k);
/* Of any half: cut to 0..255. -1: not a number. */
int half_to_byte(uint16_t bits);
#endif
