/* Draws birds for demonstrations: one body plan, and classes that differ only in the patch on the
 * wing. */
#ifndef FD2_CREATURE_H
#define FD2_CREATURE_H
#include "lib/base/rng.h"
#include "lib/image/image.h"

enum { CREATURE_CLASSES = 16 };

/* Returns the patch's colour and pattern, such as "red-spot". Among any eight consecutive classes,
 * two have each colour and two have each pattern. */
const char *creature_class_name(int class);
/* Draws size x size pixels. Sets *part to the bounds of the wing patch, the only thing that depends
 * on the class; part_scale is its size relative to the usual 8-15 % of the side. Everything else
 * comes from r: pose, colours, light, background. */
void creature_draw(
    struct image *out, struct box *part, int class, int size, double part_scale, struct rng *r);
#endif
