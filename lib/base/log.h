/* --log FILE: JSON lines, appended, one write each. */
#ifndef FD2_LOG_H
#define FD2_LOG_H
#include <jansson.h>
#include <stdbool.h>

/* Opens the log and writes {"event":"start", ...start}; steals `start`. A file that holds something
 * else than JSON lines is refused. */
int log_open(const char *path, json_t *start);
bool log_wanted(void);
/* Appends one event; adds "t" (seconds since start). Steals `event`. Numbers that are not finite
 * must be given as json_null(), as json_real_or_null of names.h does. */
void log_event(json_t *event);
/* {"event":"end","status":...}; called by fd2_finish. -1 when an event was lost, which it told
 * then. */
int log_close(int status);
#endif
