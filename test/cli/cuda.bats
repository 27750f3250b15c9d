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
	said "*cannot open fd2's kernels: $PWD/*libfd2-cuda.so: cannot open shared object file: No such file or directory (make builds them where it finds nvcc)"
}

@test "cuda: a plug-in of another build is refused" {
	without_kernels
	printf 'int fd2_cuda_other;\n' | cc -shared -fPIC -x c - -o lib/fd2/libfd2-cuda.so
	run -1 --separate-stderr bin/fd2-protos --device cuda -t /dev/null
	said "*'$PWD/*libfd2-cuda.so' belongs to another fd2"
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
	nm -D --undefined-only "$plugin" | awk '/_ZNK?[0-9]*(2at|3c10|5torch)/ { print $NF }' | sort >wanted
	[ -s wanted ]
	nm -D --defined-only "$torch"/lib{torch_cuda,c10_cuda,torch_cpu,c10}.so | awk '{ print $NF }' | sort -u >there
	[ -z "$(comm -23 wanted there)" ]
}
