/* Chooses the libtorch of a tool: that of the torch in the folder FD2_TORCH, or else the one that
 * libfd2-torch.so was linked to. The wheel starts its tools with FD2_TORCH. */
#ifndef FD2_LIBTORCH_H
#define FD2_LIBTORCH_H

/* Returns a new string for --version: "libtorch 2.11.0+cu130 in '/dir/torch'", or what is wrong
 * with it. */
char *libtorch_describe(void);
/* Loads the libtorch of FD2_TORCH, so that libfd2-torch.so uses it instead of searching. Returns 0,
 * or -1: fail_message. */
int libtorch_load(void);
/* Fails with the reason why a library could not be loaded, dlerror's text; returns -1. */
int libtorch_no_load(const char *why);
#endif
