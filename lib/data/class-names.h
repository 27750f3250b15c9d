/* Names of classes, in the order of their numbers. */
#ifndef FD2_CLASS_NAMES_H
#define FD2_CLASS_NAMES_H

/* From a text file with a name on each line, or from a shard or a folder of images. *names: to be
 * freed with names_free. -1: fail_message. */
int class_names_read(char ***names, int *n, const char *path);
#endif
