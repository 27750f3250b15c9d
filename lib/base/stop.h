/* Signals that ask a run to end: SIGINT, SIGTERM, SIGHUP; those with which batch systems announce
 * the end, SIGUSR1, SIGUSR2, SIGXCPU and SIGALRM; and SIGPIPE, which comes when the reader of a
 * run's messages or log is gone.
 *
 * Such a signal removes the temporary files and ends the process, until a stage that can save its
 * state calls stop_defer. From then on the first signal is only noted: at its next step the stage
 * finds stop_asked() true, saves its state and returns stop_fail("what was kept, how to go on").
 * fd2_finish then ends the process by the same signal, so that the caller sees it. A second
 * signal ends the process at once. */
#ifndef FD2_STOP_H
#define FD2_STOP_H
#include <stdbool.h>

#include "lib/base/err.h"

/* For fd2_start. A signal that the parent ignores (nohup) stays ignored. */
void stop_watch(void);
void stop_defer(void);
bool stop_asked(void);
/* Returned by a loop that ends for that reason, besides 0 and -1. */
enum { STOPPED = 1 };
/* Fails with "stopped by SIGTERM: " and the given text; returns -1. */
int stop_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* For fd2_finish: ends the process by the signal that was noted, if any. */
void stop_end(void);
#endif
