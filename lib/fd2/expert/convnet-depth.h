/* The ConvNets that matching methods train. */
#ifndef FD2_CONVNET_DEPTH_H
#define FD2_CONVNET_DEPTH_H

#define CONVNET_CHOICES "convnet3|convnet4|convnet5|convnet6"
/* OPT_CHOICE of them */
enum { DEPTH_UNSET, DEPTH_LEAST = 3, DEPTH_MOST = 6 };

/* The depth whose last map has 4 to 7 positions along a side, where there is one. */
int convnet_depth(int size);
#endif
