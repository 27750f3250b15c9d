/* How far a long loop has come. */
#ifndef FD2_PROGRESS_H
#define FD2_PROGRESS_H

/* One line that is redrawn at most ten times a second, with rate and time left: "teacher  312/1240  25.1/s  0:37 left  loss 2.31".
 * Only when stderr is a terminal and not with --quiet; with --verbose and no terminal, one plain line a minute. */
#include "lib/base/err.h"
void progress_start(const char *what, long total);
void progress_at(long done, const char *fmt, ...) PRINTF_LIKE(2, 3);
void progress_end(void);
/* Wipes the line, so that a message can take its place. */
void progress_clear(void);
/* Seconds since the program started, monotonic. */
double elapsed(void);
#endif
