/* Which libtorch a tool uses: that of the torch in the folder FD2_TORCH, or else the one that
 * libfd2-torch.so was linked to. The wheel's tools are started with FD2_TORCH. */
#ifndef FD2_LIBTORCH_H
#define FD2_LIBTORCH_H

/* For --version: "libtorch 2.11.0+cu130 in '/dir/torch'", or what is wrong with it. A new
 * string. */
char *libtorch_describe(void);
/* Loads the libtorch of FD2_TORCH, so that libfd2-torch.so takes it instead of searching. 0, or
 * -1: fail_message. */
int libtorch_load(void);
/* Remembers why a library could not be loaded, by dlerror's text; returns -1. */
int libtorch_no_load(const char *why);
#endif
