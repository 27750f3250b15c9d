/* The ConvNets that matching methods train. */
#ifndef FD2_CONVNET_DEPTH_H
#define FD2_CONVNET_DEPTH_H

#define CONVNET_CHOICES "convnet3|convnet4|convnet5|convnet6"
/* Values of an OPT_CHOICE of these: depths, or DEPTH_UNSET. */
enum { DEPTH_UNSET, DEPTH_LEAST = 3, DEPTH_MOST = 6 };

/* Returns the depth at which the last map is 4 to 7 positions wide, or else the nearest one. */
int convnet_depth(int size);
#endif
