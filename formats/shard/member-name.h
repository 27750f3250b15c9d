/* Normalises names of files, so that names that a file system and tar take for the same are equal:
 * "a//b", "a/./b" and "./a/b" become "a/b"; accents are composed (Unicode NFC), as libarchive does
 * for pax archives and macOS does not. Bytes that are not UTF-8 become "%E9", two upper-case
 * hexadecimal digits each, as class names go into JSON. */
#ifndef FD2_MEMBER_NAME_H
#define FD2_MEMBER_NAME_H

enum { MEMBER_NAME_MAX = 1024 }; /* bytes, without the final 0 */

/* Normalises a name. -1: fail_message, which begins with "'shard': ": it is absolute, has ".." or
 * is too long. */
int member_name(char to[MEMBER_NAME_MAX + 1], const char *shard, const char *raw);
/* Returns in `to` the normalised target `raw` of a symbolic link, whose normalised name is `link`.
 * -1, without a message: it is outside of the archive, or too long. */
int member_link_target(char to[MEMBER_NAME_MAX + 1], const char *link, const char *raw);
#endif
