/* One run at a time writes an output. The claim is a socket's name in Linux's abstract namespace,
 * which disappears with the process however it ends; runs on other machines do not see it. Outputs
 * whose partial file stays (OUT_KEEP, checkpoints) are locked as files too. */
#ifndef FD2_CLAIM_H
#define FD2_CLAIM_H

/* Claims `path` for this process; again is fine. -1: fail_message, another run is writing it. */
int claim_output(const char *path);
/* Gives the claim back before the process ends. */
void claim_release(const char *path);
/* Locks an existing file until the descriptor is closed, by a lock that network file systems pass
 * on. Returns the descriptor; -1: fail_message, another run holds it. */
int lock_file(const char *path);
#endif
