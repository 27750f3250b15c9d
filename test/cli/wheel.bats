#!/usr/bin/env bats
# The wheel, installed beside the build tree's torch.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	cd "$BATS_FILE_TMPDIR" || return 1
	version=$(sed -n 's/^VERSION = //p' "$root/Makefile")
	"$root/tools/build/wheel" "$PWD" "$root/build" "$version" 2.11.0 \
		"$(echo "$root"/build/lib/fd2/*.so)" &&
		python3 -m venv env && env/bin/pip install -q --disable-pip-version-check \
			--no-index --no-deps ./*.whl &&
		ln -s "$root/build/site/torch" env/lib/python3*/site-packages/
}

setup() {
	fd2_setup
	there=$BATS_FILE_TMPDIR
	packages=$(echo "$there"/env/lib/python3*/site-packages)
	PATH=$there/env/bin:$PATH
}

@test "wheel: its name tells the platform, and its record agrees with its files" {
	[[ $(basename "$there"/*.whl) =~ ^fd2-[0-9.]+-py3-none-manylinux_2_[0-9]+_x86_64\.whl$ ]]
	PYTHONPATH=$root/build/wheel-tools python3 -m wheel unpack "$there"/*.whl
	grep -x 'Requires-Dist: torch==2.11.0' fd2-*/*.dist-info/METADATA
	find fd2-*/fd2.libs -type f -printf '%f\n' | sed -E 's/-[0-9a-f]{8}//; s/\.so.*/.txt/' |
		sort >libraries
	grep -x libarchive.txt libraries || grep -x libjansson.txt libraries
	[ -z "$(comm -23 libraries <(ls fd2-*/*.dist-info/licenses))" ]
}

@test "wheel: every tool with page and completion, and no library of the build tree" {
	for tool in "$root"/tools/fd2-*.c; do
		tool=$(basename "$tool" .c)
		"$tool" --help | grep -q "^usage: $tool "
		[ "$(command -v "$tool")" = "$there/env/bin/$tool" ]
		[ -s "$there/env/share/man/man1/$tool.1" ]
		[ -s "$there/env/share/bash-completion/completions/$tool" ]
		ldd "$packages/fd2/bin/$tool" >libraries
		run ! grep -E "not found|$root" libraries
	done
}

@test "wheel: the torch beside it is found, and a stage runs on it" {
	run fd2-teacher --version
	[[ $output == "fd2-teacher "*" (libtorch 2.11.0"*" in '$packages/torch')" ]]
	fd2-draw --classes 2 --per-class 6 --size 32 -o train.tar
	fd2-teacher -a "$tiny_arch" -q -s 32 -M 2 -b 12 -e 1 --threads 1 -o teacher.fd2 train.tar
	fd2-look teacher.fd2 | grep -q teacher
}

@test "wheel: a closed pipe ends a tool as if no Python had started it" {
	run -141 bash -c 'set -o pipefail
		fd2-draw --classes 9 --per-class 90 --size 64 | head -c 1 >/dev/null'
}

@test "wheel: another torch, or none, is told in a sentence" {
	mkdir -p other/torch
	echo "__version__ = '2.10.0+cu128'" >other/torch/version.py
	touch other/torch/__init__.py
	PYTHONPATH=$PWD/other run -1 --separate-stderr fd2-protos -t /dev/null
	said "fd2-protos: cannot load libtorch: torch 2.10.0+cu128 in '$PWD/other/torch', but" \
		"fd2 needs torch 2.11.0"
	rm "$packages/torch"
	run -1 --separate-stderr fd2-protos -t /dev/null
	ln -s "$root/build/site/torch" "$packages/"
	said "fd2-protos: cannot load libtorch: no torch in '$packages/torch', and fd2 needs" \
		"torch 2.11.0"
}
