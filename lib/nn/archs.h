/* The backbones' table: X(name, what it is). A new one is a line here and a file that defines
 * `const struct arch NAME`; option tables, --help, completion and the manual follow. */
#ifndef FD2_ARCHS_H
#define FD2_ARCHS_H
#define FD2_ARCHS(X)                                                                               \
	X(resnet18, "ResNet-18")                                                                   \
	X(resnet50, "ResNet-50")                                                                   \
	X(mobilenet_v2, "MobileNetV2")                                                             \
	X(densenet121, "DenseNet-121")                                                             \
	X(shufflenet_v2_x0_5, "ShuffleNetV2, half as wide")                                        \
	X(shufflenet_v2_x1_0, "ShuffleNetV2")                                                      \
	X(convnet3, "ConvNet of depth 3, instance norm, as the matching methods use it")           \
	X(convnet4, "the same of depth 4")                                                         \
	X(convnet5, "the same of depth 5")                                                         \
	X(convnet6, "the same of depth 6")
/* Places in the table, and "|resnet18|resnet50...": what OPT_CHOICE takes, after its first
 * character. */
#define FD2_ARCH_PLACE(name, about) ARCH_##name,
enum arch_place { FD2_ARCHS(FD2_ARCH_PLACE) };
#define FD2_ARCH_CHOICE(name, about) "|" #name
#define ARCH_CHOICES (&(FD2_ARCHS(FD2_ARCH_CHOICE))[1])
#endif
