/* Reads names of classes, in the order of their numbers. */
#ifndef FD2_CLASS_NAMES_H
#define FD2_CLASS_NAMES_H

/* Reads them from a text file with a name on each line, or from a shard or a folder of images. Free
 * *names with names_free. -1: fail_message. */
int class_names_read(char ***names, int *n, const char *path);
#endif
