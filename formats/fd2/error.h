/* The face of formats/fd2: the public headers of libfd2fmt. shard.h reads and writes image shards,
 * stream.h tensor streams; this one says why a function of either failed. The library is lib/base,
 * formats, formats/shard and formats/stream. */
#ifndef FD2_ERROR_H
#define FD2_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* Returns the message of this thread's last failure, such as "cannot open 'x.tar': No such file or
 * directory"; never NULL. Only a failure sets it. A program that runs out of memory exits with
 * status 1. */
const char *fd2_error(void);

#ifdef __cplusplus
}
#endif
#endif
