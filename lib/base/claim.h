/* Claims, so that only one run at a time writes an output. A claim is a socket's name in Linux's
 * abstract namespace: it disappears with the process, however it ends; runs on other machines do
 * not see it. Outputs whose partial file stays (OUT_KEEP, checkpoints) are locked as files too. */
#ifndef FD2_CLAIM_H
#define FD2_CLAIM_H

/* Claims `path` for this process, which may have it already. -1: fail_message, another run is
 * writing it. */
int claim_output(const char *path);
/* Releases the claim before the process ends. */
void claim_release(const char *path);
/* Locks an existing file until the descriptor is closed, with a lock that works across network file
 * systems. Returns the descriptor; -1: fail_message, another run holds it. */
int lock_file(const char *path);
#endif
