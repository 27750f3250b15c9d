/* The staging buffer of a batch that a GPU renders: its views, and the boxes of 8-bit pixels that
 * they show. It has a quarter of the rendered batch's bytes. */
#ifndef FD2_STAGING_H
#define FD2_STAGING_H
#include "lib/data/store.h"
#include "lib/image/view.h"
#include "lib/torch/render.h"

/* Returns the buffer of n views, where items[i] is the image of views[i]; lib/image/view-pixel.h
 * describes its layout. NULL: tensor_error. */
Tensor *staging_fill(const struct item *const *items, const struct view *views, int n);
#endif
