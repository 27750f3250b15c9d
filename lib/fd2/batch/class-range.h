/* Selects the classes that --classes names. */
#ifndef FD2_CLASS_RANGE_H
#define FD2_CLASS_RANGE_H
#include "lib/base/opts.h"

struct class_range {
	int first, last;
};
/* Checks --classes against K classes. `who` says in messages whose they are: "there are", "the
 * teacher knows". -1: fail_message, if the option names a class that does not exist. */
int class_range(struct class_range *r, const struct opt_range *option, int K, const char *who);
#endif
