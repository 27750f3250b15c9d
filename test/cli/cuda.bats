#!/usr/bin/env bats
# --device cuda where there is no CUDA: what is missing is said in one sentence.

bats_require_minimum_version 1.5.0
load helpers

# without_kernels: fd2-protos and its libraries in the test's folder, without the plug-in.
without_kernels() {
	mkdir -p bin lib/fd2
	cp "$root/build/bin/fd2-protos" bin
	cp "$root"/build/lib/fd2/libfd2{,-torch}.so lib/fd2
	ln -s "$root/build/site" site
}

@test "cuda: without the plug-in --device cuda is refused in a sentence" {
	without_kernels
	run -1 --separate-stderr bin/fd2-protos --device cuda -t /dev/null
	said "*cannot open fd2's kernels: $PWD/*libfd2-cuda.so: cannot open shared object file:" \
		"No such file or directory (make builds them where it finds nvcc)"
}

@test "cuda: a plug-in of another build is refused" {
	without_kernels
	printf 'int fd2_cuda_other;\n' | cc -shared -fPIC -x c - -o lib/fd2/libfd2-cuda.so
	run -1 --separate-stderr bin/fd2-protos --device cuda -t /dev/null
	said "*'$PWD/*libfd2-cuda.so' belongs to another fd2"
}

# torch_for [FLAG...]: fake/torch, the build tree's libtorch for the CPU, and an fd2 that has
# kernels for it; with flags of the compiler a libtorch_cuda that holds nothing but CUDA's runtime,
# with a GPU as they say.
torch_for() {
	without_kernels
	mkdir -p fake/torch/lib fake/nvidia/cu13/lib
	ln -s "$root"/build/site/nvidia/cu13/lib/lib{cudart,cupti}.so.13 fake/nvidia/cu13/lib
	ln -s "$root"/build/site/torch/lib/*.so* fake/torch/lib
	ln -s "$root/build/site/torch/version.py" fake/torch
	rm -f fake/torch/lib/libtorch_cuda.so
	library lib/fd2/libfd2-cuda.so <<-'END'
		#include "lib/cuda/engine.h"
		static struct cuda_engine engine = {sizeof engine};
		const struct cuda_engine *fd2_cuda_engine(void) { return &engine; }
	END
	(($# == 0)) || library fake/torch/lib/libtorch_cuda.so "$@" <<-'END'
		int cudaGetDeviceCount(int *n) { *n = 1; return WRONG; }
		const char *cudaGetErrorString(int error)
		{
			return error == 100 ? "no CUDA-capable device is detected" : "?";
		}
		int cudaDeviceGetAttribute(int *v, int name, int device)
		{
			*v = name == 75 ? MAJOR : 5;
			return device;
		}
	END
	export FD2_TORCH=$PWD/fake/torch
}

# library FILE [FLAG...]: compiles standard input.
library() {
	cc -I"$root" -shared -fPIC -x c - -o "$@"
}

with_driver() {
	mkdir driver
	library driver/libcuda.so.1 <<<'int cuInit(unsigned flags) { return flags; }'
	export LD_LIBRARY_PATH=$PWD/driver
}

@test "cuda: a libtorch for the CPU is told from one for CUDA" {
	torch_for
	run -1 --separate-stderr bin/fd2-protos --device cuda -t /dev/null
	said "*: the libtorch in '$PWD/fake/torch/lib/' is for the CPU alone: build with make" \
		"CUDA=1, or install a PyTorch for CUDA"
}

@test "cuda: without CUDA's libraries the first that is missing is named, and who has them" {
	[ -e "$root/build/site/torch/lib/libtorch_cuda.so" ] || skip "this libtorch is for the CPU"
	torch_for
	ln -s "$root/build/site/torch/lib/libtorch_cuda.so" fake/torch/lib
	run -1 --separate-stderr bin/fd2-protos --device cuda -t /dev/null
	said "*: cannot open CUDA's libraries, which make CUDA=1 or pip's torch bring: lib*:" \
		"cannot open shared object file: No such file or directory"
}

@test "cuda: without a driver that is said" {
	! /sbin/ldconfig -p | grep -qF libcuda.so.1 || skip "this machine has a driver"
	torch_for -DWRONG=35 -DMAJOR=9
	run -1 --separate-stderr bin/fd2-protos --device cuda -t /dev/null
	said "*: no NVIDIA driver is installed: libcuda.so.1: cannot open shared object file: No" \
		"such file or directory"
}

@test "cuda: with a driver and no GPU CUDA's reason is passed on" {
	torch_for -DWRONG=100 -DMAJOR=9
	with_driver
	run -1 --separate-stderr bin/fd2-protos --device cuda -t /dev/null
	said "*: no GPU can be used: no CUDA-capable device is detected"
}

@test "cuda: a GPU that the kernels were not built for is refused" {
	torch_for -DWRONG=0 -DMAJOR=7
	with_driver
	run -1 --separate-stderr bin/fd2-protos --device cuda -t /dev/null
	said "*: the GPU is too old: its compute capability is 7.5, and fd2's kernels need 8.0"
}

@test "cuda: a libtorch_cuda that libtorch does not take is refused" {
	torch_for -DWRONG=0 -DMAJOR=8
	with_driver
	run -1 --separate-stderr bin/fd2-protos --device cuda -t /dev/null
	said "*: libtorch_cuda.so was loaded too late to be used"
}

@test "libtorch: FD2_TORCH names another folder, and --version says what is in it" {
	[[ $(fd2-protos --version) =~ ^(fd2-protos\ [0-9.]+)\ \(libtorch\ 2\.11\.0\)$ ]]
	name=${BASH_REMATCH[1]}
	mkdir torch
	export FD2_TORCH=$PWD/torch
	wrong="no torch in '$PWD/torch', and fd2 needs torch 2.11.0"
	[ "$(fd2-protos --version)" = "$name ($wrong)" ]
	run -1 --separate-stderr fd2-protos -t /dev/null
	said "fd2-protos: cannot load libtorch: $wrong"
	for version in 2.11.1 2.12.0+cpu 2.11 2.11.0.dev1; do
		echo "__version__ = '$version'" >torch/version.py
		run -1 --separate-stderr fd2-protos -t /dev/null
		said "fd2-protos: cannot load libtorch: torch $version in '$PWD/torch', but fd2" \
			"needs torch 2.11.0"
	done
	echo "__version__ = '2.11.0+cu126'" >torch/version.py
	[ "$(fd2-protos --version)" = "$name (libtorch 2.11.0+cu126 in '$PWD/torch')" ]
	run -1 --separate-stderr fd2-protos -t /dev/null
	said "fd2-protos: cannot load libtorch: $PWD/torch/lib/libtorch_cpu.so: cannot open" \
		"shared object file: No such file or directory"
}

@test "cuda: with CUDA's libraries every symbol of libtorch_cuda is found, none in a toolkit" {
	[ -e "$root/build/site/nvidia/ok" ] || skip "built without CUDA=1"
	ldd -r "$root/build/site/torch/lib/libtorch_cuda.so" >found 2>&1
	grep -q 'libcudnn.so.9 => .*site/.*nvidia/cudnn/lib' found
	run ! grep -E 'not found|undefined symbol' found
	grep -E 'lib(cu|nv|nccl)[^ ]* => ' found >nvidia
	run ! grep -vF "$root/build/site/" nvidia
}

@test "cuda: the plug-in exports one symbol and needs neither libtorch nor a driver" {
	plugin=$root/build/lib/fd2/libfd2-cuda.so
	[ -e "$plugin" ] || skip "built without nvcc"
	[ "$(nm -D --defined-only "$plugin" | awk '{ print $NF }')" = fd2_cuda_engine ]
	run readelf -d "$plugin"
	[[ $output != *libtorch* && $output != *libcuda* ]]
}

@test "cuda: what records graphs wants nothing that libtorch_cuda does not have" {
	plugin=$root/build/lib/fd2/libfd2-graphs.so
	torch=$root/build/site/torch/lib
	[ -e "$plugin" ] || skip "built without nvcc"
	[ -e "$torch/libtorch_cuda.so" ] || skip "this libtorch is for the CPU"
	[ "$(nm -D --defined-only "$plugin" | awk '$2 == "T" { print $NF }')" = fd2_cuda_graphs ]
	nm -D --undefined-only "$plugin" | awk '/_ZNK?[0-9]*(2at|3c10|5torch)/ { print $NF }' |
		sort >wanted
	[ -s wanted ]
	nm -D --defined-only "$torch"/lib{torch_cuda,c10_cuda,torch_cpu,c10}.so |
		awk '{ print $NF }' | sort -u >there
	[ -z "$(comm -23 wanted there)" ]
}
