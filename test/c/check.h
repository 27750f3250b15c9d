/* Assertions for the C tests. Each case is one function, run by RUN, and one line of TAP for
 * test/run to count; a check that fails prints where, what and the values, and its case goes on. */
#ifndef FD2_CHECK_H
#define FD2_CHECK_H
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static long check_count, check_failed;

/* Flushed at once: a test may fork, or crash. */
#define CHECK_THAT(good, ...)                                                                      \
	do {                                                                                       \
		check_count++;                                                                     \
		if (!(good)) {                                                                     \
			check_failed++;                                                            \
			printf("# %s:%d: ", __FILE__, __LINE__);                                   \
			printf(__VA_ARGS__);                                                       \
			putchar('\n');                                                             \
			fflush(stdout);                                                            \
		}                                                                                  \
	} while (0)

#define CHECK(condition) CHECK_THAT(condition, "%s", #condition)

/* |a - b| <= tolerance, which is absolute; NaN is near nothing. */
#define CHECK_NEAR(a, b, tolerance)                                                                \
	do {                                                                                       \
		double a_ = (double)(a), b_ = (double)(b), tolerance_ = (double)(tolerance);       \
		CHECK_THAT(fabs(a_ - b_) <= tolerance_, "%s is %.12g, not %s = %.12g within %.3g", \
		    #a, a_, #b, b_, tolerance_);                                                   \
	} while (0)

/* Either may be NULL. */
#define CHECK_STR(a, b)                                                                            \
	do {                                                                                       \
		const char *a_ = (a), *b_ = (b);                                                   \
		CHECK_THAT(a_ == b_ || (a_ && b_ && strcmp(a_, b_) == 0), "%s is '%s', not '%s'",  \
		    #a, a_ ? a_ : "(null)", b_ ? b_ : "(null)");                                   \
	} while (0)

#define RUN(function)                                                                              \
	do {                                                                                       \
		long before_ = check_failed;                                                       \
		function();                                                                        \
		printf("%sok - %s\n", check_failed == before_ ? "" : "not ", #function);           \
		fflush(stdout);                                                                    \
	} while (0)

/* The exit status of main. */
static inline int check_done(void)
{
	printf("%s: %ld checks, %ld failed\n", program_invocation_short_name, check_count,
	    check_failed);
	return check_failed > 0;
}
#endif
