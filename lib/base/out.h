/* Outputs: standard output, or a file that appears under its name only when it is complete.
 *
 * A named output is written to a temporary file in the same directory, an unnamed one if the file
 * system supports it, so that not even kill -9 leaves it behind; out_close flushes, fsyncs,
 * renames, and fsyncs the directory. A symbolic link is followed and stays a link; a replaced
 * file's mode is kept; a path that names a descriptor (/dev/stdout, /dev/fd/3) is that descriptor,
 * written at its current position. Whatever is still open at exit or on
 * SIGINT/SIGTERM/SIGHUP/SIGPIPE is removed, unless opened with OUT_KEEP: then the partial file
 * stays as "NAME.part", locked against other runs while it is written, and out_resume continues
 * it. A second run that would write the same file is refused (claim.h), and so is binary data to a
 * terminal. A closed pipe ends the process by SIGPIPE even if its parent ignored that signal, so
 * the shell sees 141. */
#ifndef FD2_OUT_H
#define FD2_OUT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUT_TEXT = 1, OUT_KEEP = 2 };

struct out;

/* Opens an output. path NULL or "-" is standard output. NULL: fail_message, also for a directory or
 * an unwritable place. */
struct out *out_open(const char *path, int flags);
/* Continues "PATH.part" of an earlier OUT_KEEP run, cut to its first `size` bytes (what the reader
 * found complete). */
struct out *out_resume(const char *path, uint64_t size);
/* Says that the file is up to date and, unless `dry`, updates its timestamp, for make. */
void out_made_already(const char *path, bool dry);
/* Returns "PATH.part", which out_resume would continue; to be freed. */
char *out_part_name(const char *path);
/* Checks whether out_open would succeed, to report an unwritable output before long work. Keeps
 * nothing open, so that a kill -9 during the work leaves no file. */
int out_try(const char *path, int flags);
int out_write(struct out *o, const void *data, size_t n);
/* Makes what was written so far durable (OUT_KEEP outputs: after every finished image). */
int out_sync(struct out *o);
/* Passes what was written so far to the reader of a pipe. */
int out_flush(struct out *o);
uint64_t out_tell(const struct out *o);
/* Returns whether the path is a file, which can be resumed: not standard output, a pipe, a device
 * or an open descriptor. */
bool out_is_file(const char *path);
/* Returns whether it was opened with OUT_KEEP, or resumed. */
bool out_kept(const struct out *o);
/* Returns whether an output is open on standard output, and that is a pipe. */
bool out_feeds_pipe(void);
/* Returns its name for messages: "'x.tar'" or "standard output". */
const char *out_name(const struct out *o);
/* Publishes the output. Returns 0, or -1 and nothing is published. Frees o in both cases. */
int out_close(struct out *o);
/* Discards an output: nothing appears under its name (OUT_KEEP: a non-empty .part stays). */
void out_abandon(struct out *o);
/* Lets no output replace this open file; `what` names it in the refusal ("the log"). */
void out_protect(int fd, const char *what);
/* For fd2_finish and atexit: removes all that is still open (except OUT_KEEP), including an
 * unfinished folder (folder.h). */
void out_abandon_all(void);
/* Removes the temporary files and ends the process by this signal; a signal handler may call it. */
void out_die_by(int sig);
#endif
