/* The table of backbones: X(name, description). To add one, add a line here and a `const struct
 * arch NAME` in its family's file: options, --help, completion and `make parity` follow, and a test
 * checks that fd2-teacher(1) names it. */
#ifndef FD2_ARCHS_H
#define FD2_ARCHS_H
#define FD2_ARCHS(X)                                                                               \
	X(resnet18, "ResNet-18")                                                                   \
	X(resnet34, "ResNet-34")                                                                   \
	X(resnet50, "ResNet-50")                                                                   \
	X(resnet101, "ResNet-101")                                                                 \
	X(mobilenet_v2, "MobileNetV2")                                                             \
	X(densenet121, "DenseNet-121")                                                             \
	X(densenet169, "DenseNet-169")                                                             \
	X(densenet201, "DenseNet-201")                                                             \
	X(shufflenet_v2_x0_5, "ShuffleNetV2, half as wide")                                        \
	X(shufflenet_v2_x1_0, "ShuffleNetV2")                                                      \
	X(convnet3, "ConvNet of depth 3, instance norm, as the matching methods use it")           \
	X(convnet4, "the same of depth 4")                                                         \
	X(convnet5, "the same of depth 5")                                                         \
	X(convnet6, "the same of depth 6")
/* enum arch_place indexes the table. ARCH_CHOICES is OPT_CHOICE's list, "resnet18|resnet34|...":
 * the [1] skips the first '|'. */
#define FD2_ARCH_PLACE(name, about) ARCH_##name,
enum arch_place { FD2_ARCHS(FD2_ARCH_PLACE) ARCHS };
#define FD2_ARCH_CHOICE(name, about) "|" #name
#define ARCH_CHOICES (&(FD2_ARCHS(FD2_ARCH_CHOICE))[1])
#endif
