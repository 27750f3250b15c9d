/* A list of paths with ranges expanded. */
#ifndef FD2_PATHS_H
#define FD2_PATHS_H

struct paths {
	char **v;
	int n;
};

/* Adds `path`, expanding "x-{000..009}.tar" unless a file has that very name; numbers are as wide
 * as the first. -1: fail_message (a range over a million). */
int paths_add(struct paths *p, const char *path);
void paths_free(struct paths *p);
#endif
