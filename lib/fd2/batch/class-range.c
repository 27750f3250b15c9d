#include "lib/fd2/batch/class-range.h"

#include <limits.h>

#include "lib/base/err.h"

int class_range(struct class_range *r, const struct opt_range *option, int K, const char *who)
{
	bool to_the_end = option->last == LONG_MAX;
	if (option->first >= K)
		return fail("--classes starts at %ld, but %s %d classes (0-%d)", option->first, who,
		    K, K - 1);
	if (!to_the_end && option->last >= K)
		return fail(
		    "--classes ends at %ld, but %s %d classes (0-%d)", option->last, who, K, K - 1);
	*r = (struct class_range){(int)option->first, to_the_end ? K - 1 : (int)option->last};
	return 0;
}
