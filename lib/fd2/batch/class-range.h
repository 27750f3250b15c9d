/* The classes that --classes leaves of all K. */
#ifndef FD2_CLASS_RANGE_H
#define FD2_CLASS_RANGE_H
#include "lib/base/opts.h"

struct class_range {
	int first, last;
};
/* `who` has the K classes, for messages: "there are", "the teacher knows". -1: fail_message, where
 * the option names a class that is none of them. */
int class_range(struct class_range *r, const struct opt_range *option, int K, const char *who);
#endif
