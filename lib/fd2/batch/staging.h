/* The staging buffer of a batch that a GPU renders: its views, and the boxes of 8-bit pixels that
 * they show, which are a quarter of the bytes of the rendered batch. */
#ifndef FD2_STAGING_H
#define FD2_STAGING_H
#include "lib/data/store.h"
#include "lib/image/view.h"
#include "lib/torch/render.h"

/* The buffer of n views, items[i] being the image of views[i]; its layout is described in
 * lib/image/view-pixel.h. NULL: tensor_error. */
Tensor *staging_fill(const struct item *const *items, const struct view *views, int n);
#endif
