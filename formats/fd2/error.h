/* The face of formats/fd2: the headers of libfd2fmt, for programs of one's own. shard.h reads and
 * writes image shards, stream.h tensor streams; both say here why a function failed. The library is
 * lib/base, formats, formats/shard and formats/stream. */
#ifndef FD2_ERROR_H
#define FD2_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* The sentence of this thread's last failure, such as "cannot open 'x.tar': No such file or
 * directory"; never NULL. Only what failed sets it. A program that runs out of memory ends with
 * status 1. */
const char *fd2_error(void);

#ifdef __cplusplus
}
#endif
#endif
