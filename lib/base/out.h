/* Outputs: standard output, or a file that appears under its name only when it is whole.
 *
 * A named output is written to a temporary file in the same directory, one without a name where
 * the file system has such files, so that not even kill -9 leaves it behind; out_close flushes,
 * fsyncs, renames, and fsyncs the directory. A symbolic link is followed and stays a link; the file
 * that is replaced hands on its mode; a path that names a descriptor (/dev/stdout, /dev/fd/3) is
 * that descriptor, written where it stands. Whatever is still open at exit or on
 * SIGINT/SIGTERM/SIGHUP/SIGPIPE is removed, unless opened with OUT_KEEP: then the partial file
 * stays as "NAME.part", locked against other runs while it is written, and out_resume continues
 * it. A second run that would write the same file is refused (claim.h). Binary data to a terminal
 * is refused. A closed pipe ends the process by SIGPIPE even where its parent ignored that signal,
 * so the shell sees 141. */
#ifndef FD2_OUT_H
#define FD2_OUT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUT_TEXT = 1, OUT_KEEP = 2 };

struct out;

/* path NULL or "-" is standard output. NULL on failure (fail_message). A directory or an
 * unwritable place is noticed here. */
struct out *out_open(const char *path, int flags);
/* Continue "PATH.part" of an earlier OUT_KEEP run, cut to its first `size` bytes (what the
 * reader found whole). */
struct out *out_resume(const char *path, uint64_t size);
/* Says that the file is up to date and, unless `dry`, updates its timestamp, for make. */
void out_made_already(const char *path, bool dry);
/* "PATH.part", to be freed; what out_resume would continue. */
char *out_part_name(const char *path);
/* Whether out_open would succeed: to report what cannot be written before long work.
 * Nothing is kept open, so that a kill -9 during the work leaves no file. */
int out_try(const char *path, int flags);
int out_write(struct out *o, const void *data, size_t n);
/* Make what was written so far durable (OUT_KEEP outputs: after every finished image). */
int out_sync(struct out *o);
/* Hands what was written so far to the reader of a pipe. */
int out_flush(struct out *o);
uint64_t out_tell(const struct out *o);
/* Whether it is a file, which can be resumed: not standard output, a pipe, a device or an open
 * descriptor. */
bool out_is_file(const char *path);
/* It was opened with OUT_KEEP, or resumed. */
bool out_kept(const struct out *o);
/* Whether an output is open on standard output, and that is a pipe. */
bool out_feeds_pipe(void);
/* How messages name it: "'x.tar'" or "standard output". */
const char *out_name(const struct out *o);
/* Publishes. 0, or -1 and nothing is published. Frees o in both cases. */
int out_close(struct out *o);
/* Gives up one output: nothing appears under its name (OUT_KEEP: a .part that is not empty stays).
 */
void out_abandon(struct out *o);
/* No output may replace this open file; `what` names it in the refusal ("the log"). */
void out_protect(int fd, const char *what);
/* Used by fd2_finish and atexit: removes all that is still open (except OUT_KEEP), an unfinished
 * folder too (folder.h). */
void out_abandon_all(void);
/* Removes the temporary files and ends the process by this signal; a signal handler may call it. */
void out_die_by(int sig);
#endif
