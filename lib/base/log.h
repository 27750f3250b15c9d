/* The log of --log FILE: appends JSON lines, each with one write. */
#ifndef FD2_LOG_H
#define FD2_LOG_H
#include <jansson.h>
#include <stdbool.h>

/* Opens the log and writes {"event":"start", ...start}; steals `start`. Refuses a file that is not
 * a log. */
int log_open(const char *path, json_t *start);
bool log_wanted(void);
/* Appends one event; adds "t" (seconds since start). Steals `event`. Pass json_null() for numbers
 * that are not finite, as json_real_or_null of names.h does. */
void log_event(json_t *event);
/* Writes {"event":"end","status":...}; called by fd2_finish. -1: an event was lost, which has
 * been reported. */
int log_close(int status);
#endif
