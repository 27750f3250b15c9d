/* The soft label of an image, in KEY.json of its shard: {"soft_label": [p, ...]}, a probability for
 * each class in the order of their numbers (fd2-shard(5)). */
#ifndef FD2_SOFT_LABEL_H
#define FD2_SOFT_LABEL_H
#include <stddef.h>
#include <stdint.h>

/* A line of text, to be freed, from which soft_label_from_json reads the same floats. */
char *soft_label_to_json(const float *p, int n);
/* *p: n probabilities, to be freed, whose sum is 1 but for rounding. -1: fail_message, which begins
 * with what is wrong. */
int soft_label_from_json(const uint8_t *json, size_t size, float **p, int *n);
#endif
