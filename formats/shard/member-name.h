/* One spelling for each name of a file. What a file system and tar take for one name is one name:
 * "a//b", "a/./b" and "./a/b" are "a/b"; accents are composed (Unicode NFC), as libarchive gives
 * them out of pax archives and macOS does not write them. Bytes that are not UTF-8 become "%E9",
 * two upper-case hexadecimal digits each: class names go into JSON. */
#ifndef FD2_MEMBER_NAME_H
#define FD2_MEMBER_NAME_H

enum { MEMBER_NAME_MAX = 1024 }; /* bytes, without the end */

/* -1: fail_message, after "'shard': ": a name that is absolute, has ".." or is too long. */
int member_name(char to[MEMBER_NAME_MAX + 1], const char *shard, const char *raw);
/* Where a symbolic link leads, of which `link` is the normal name. -1: out of the archive, or too
 * long; no message. */
int member_link_target(char to[MEMBER_NAME_MAX + 1], const char *link, const char *raw);
#endif
