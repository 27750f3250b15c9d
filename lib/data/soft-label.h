/* Soft labels of images, in KEY.json of a shard: {"soft_label": [p, ...]}, a probability for each
 * class in the order of their numbers (fd2-shard(5)). */
#ifndef FD2_SOFT_LABEL_H
#define FD2_SOFT_LABEL_H
#include <stddef.h>
#include <stdint.h>

/* Returns a line of text, to be freed, from which soft_label_from_json reads the same floats. */
char *soft_label_to_json(const float *p, int n);
/* Sets *p to n probabilities, to be freed, whose sum is 1 except for rounding. -1: fail_message,
 * which begins with what is wrong. */
int soft_label_from_json(const uint8_t *json, size_t size, float **p, int *n);
#endif
