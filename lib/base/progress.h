/* Progress of a long loop. */
#ifndef FD2_PROGRESS_H
#define FD2_PROGRESS_H

/* Shows one line with rate and time left, redrawn at most ten times a second: "teacher  312/1240
 * images  25.1 images/s  0:37 left  loss 2.31". Only if stderr is a terminal, and not with --quiet;
 * with --verbose and no terminal, prints a plain line every 20 seconds. A tool whose output goes to
 * a pipe leaves the line to the pipe's last tool, except with --verbose. */
#include "lib/base/err.h"
/* Begins a loop. unit: what is counted, a plural in -s. total 0: unknown. Both texts are kept by
 * pointer. An inner loop has the line until its progress_end; its time does not count for the rate
 * of the outer one. */
void progress_start(const char *what, const char *unit, long total);
/* Set the count, or add n to it. fmt: text after the count; NULL: none. */
void progress_at(long done, const char *fmt, ...) PRINTF_LIKE(2, 3);
void progress_add(long n, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Says what the loop is doing, shown if the count has not changed for more than a second. */
void progress_note(const char *fmt, ...) PRINTF_LIKE(1, 2);
void progress_end(void);
/* Formats a time as "3:07" or "12:03:07". */
void clock_text(char *out, size_t size, double seconds);
/* Returns the seconds since the program started, monotonic. */
double elapsed(void);
#endif
