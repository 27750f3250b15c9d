# CUDA to C++: launches of kernels and their shared memory become calls of cuda_runtime.h.
s/(\w+)<<<([^;]*)>>>\(/launch(\1, \2)(/g
s/extern __shared__ (\w+) (\w+)\[\]/\1 *\2 = launch_shared<\1>()/g
