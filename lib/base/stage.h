/* The part of a tool that needs libtorch lives in libfd2-torch.so, opened after options and
 * inputs have been looked at, because loading libtorch costs a quarter of a second and --help
 * should not. */
#ifndef FD2_STAGE_H
#define FD2_STAGE_H

/* Opens the library beside this one, starts libtorch on common.device with common.threads, and
 * calls `int NAME(const void *job)` (the job.h of each folder of lib/fd2 declares them). -1:
 * fail_message. */
int stage_run(const char *name, const void *job);
#endif
