/* Reading and writing descriptors in any state. Interrupted calls are repeated. A non-blocking
 * descriptor, such as a shared pipe may be inherited as, is waited for. */
#ifndef FD2_IO_H
#define FD2_IO_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Like read(2). */
ssize_t io_read(int fd, void *to, size_t n);
/* Returns the number of bytes written: n, or fewer with errno. */
size_t io_write(int fd, const void *data, size_t n);
/* Reads from an offset in a file. Returns the number of bytes: n, or fewer with errno, which is 0
 * at the file's end. */
size_t io_pread(int fd, void *to, size_t n, uint64_t at);
/* Opens a new unnamed file in TMPDIR or /tmp. -1: fail_message. */
int io_scratch_file(void);
/* Like fsync(2) and syncfs(2). A file system that does not support them is not an error: the data
 * is written all the same. */
int io_sync(int fd);
int io_sync_all(int fd);
/* Returns the open descriptor that a path names: /dev/stdout, /dev/fd/N, /proc/self/fd/N, or a
 * symbolic link to one of them. -1: it names a file. */
int io_descriptor(const char *path);
/* Resolves symbolic links in the path's last component, whether that exists or not. Returns a new
 * string, or NULL with errno (a loop). */
char *io_target(const char *path);
#endif
