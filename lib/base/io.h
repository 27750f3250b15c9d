/* Reading and writing descriptors whatever state they are in. Interrupted calls are repeated. A
 * descriptor that does not block, as a parent may leave a pipe that it shares, is waited for. */
#ifndef FD2_IO_H
#define FD2_IO_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* As read(2). */
ssize_t io_read(int fd, void *to, size_t n);
/* Bytes written: n, or fewer with errno. */
size_t io_write(int fd, const void *data, size_t n);
/* Bytes read from a place in a file: n, or fewer with errno, which is 0 at the file's end. */
size_t io_pread(int fd, void *to, size_t n, uint64_t at);
/* A new file without a name in TMPDIR or /tmp. -1: fail_message. */
int io_scratch_file(void);
/* As fsync(2), and syncfs(2). A file system without them is not an error: what was written is
 * there all the same. */
int io_sync(int fd);
int io_sync_all(int fd);
/* The open descriptor that a path names: /dev/stdout, /dev/fd/N, /proc/self/fd/N, or a symbolic
 * link to one of them. -1: it names a file. */
int io_descriptor(const char *path);
/* The path without symbolic links in its last component, whether that exists or not. A new
 * string, or NULL with errno (a loop). */
char *io_target(const char *path);
#endif
