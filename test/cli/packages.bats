#!/usr/bin/env bats
# What `make` installs on a bare machine. PATH holds what a minimal Debian has, and stubs
# (test/cli/bare): an apt-get that notes what
# it is asked for, and a python3 whose pip makes an empty libtorch. Needs neither root nor network.

bats_require_minimum_version 1.5.0
load helpers

build_packages=(gcc g++ pkg-config libarchive-dev libjansson-dev libjpeg-dev libmsgpack-c-dev \
	nettle-dev zlib1g-dev libmatio-dev libpng-dev python3-pip)
wishes=(libwebp-dev libavif-dev)
check_packages=(bats mandoc shellcheck jq bsdextrautils file xz-utils zstd python3-venv clang \
	lowdown gnuplot-nox)

setup() {
	fd2_setup
	unset LIBTORCH CC CXX
	make=$(command -v make)
	export STUBS=$BATS_TEST_DIRNAME/bare
	machine one
}

# machine NAME: a bare one in a folder of its own
machine() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir -p "$1"/{bin,has}
	cd "$1" || return 1
	export MACHINE=$PWD
	local command
	for command in bash cat dirname env expr find grep head ln mkdir mv nproc paste rm sed \
		tail touch; do
		ln -s "$(command -v "$command")" bin/
	done
	ln -s "$STUBS"/{apt-get,apt-cache,id,uname} bin/
	cp "$STUBS/archive" .
}

# here TARGET...: makes it on this machine
here() {
	PATH=$PWD/bin "$make" -s -C "$root" B="$PWD/build" "$@" </dev/null
}

# with PACKAGE...: they are installed already
with() {
	PATH=$PWD/bin apt-get install "$@"
	rm asked
}

# asked PACKAGE...: apt-get was asked for those, at once, since the last time
asked() {
	diff asked <(echo "$*")
	rm asked
}

@test "packages: a bare machine is asked for all that a build and the tests need, once" {
	here deps
	asked "${build_packages[@]}" "${wishes[@]}"
	here deps-check
	asked "${check_packages[@]}"
	rm build/deps build/deps.check
	here deps deps-check
	[ ! -e asked ]
}

@test "packages: what is there is not asked for, and what alone is missing is" {
	local package others all=("${build_packages[@]}" "${wishes[@]}" "${check_packages[@]}")
	# (without pkg-config no library can be found)
	for package in "${all[@]/pkg-config/}"; do
		[ "$package" ] || continue
		mapfile -t others < <(printf '%s\n' "${all[@]}" | grep -vxF -- "$package")
		machine "$package"
		with "${others[@]}"
		here deps deps-check
		asked "$package"
	done
}

@test "packages: a user asks by sudo; without it one sentence says what to run as root" {
	export ID=1000
	run -2 here deps
	local install='apt-get install -y --no-install-recommends'
	[ "${lines[0]}" = \
		"fd2 needs ${build_packages[*]}: run '$install ${build_packages[*]}' as root" ]
	ln -s "$STUBS/sudo" bin/
	here deps
	asked "${build_packages[@]}" "${wishes[@]}"
}

@test "packages: a build does without libraries of formats that cannot be had, and says so" {
	with "${build_packages[@]}" libwebp-dev
	ID=1000 run -0 here deps
	[ "${lines[0]}" = \
		"  built without libavif-dev (see fd2-import(1)), which could not be installed" ]
	rm build/deps
	sed -i '/^libavif-dev/d' archive
	run -0 here deps
	[[ $output == *"built without libavif-dev"* ]]
}

@test "packages: nothing is tried where nobody can type sudo's password, nor without apt-get" {
	printf '#!/bin/bash\nexit 1\n' >bin/sudo
	chmod +x bin/sudo
	ID=1000 run -2 here deps
	[[ ${lines[0]} == "fd2 needs ${build_packages[*]}: run "* ]]
	[ ! -e asked ]
	rm bin/apt-get
	run -2 here deps
	[[ ${lines[0]} == "fd2 needs gcc g++ "*" python3-pip: run "* ]]
}

@test "packages: msgpack-c by its older name, where the archive has no other" {
	sed -i 's/^libmsgpack-c-dev msgpack-c.pc/libmsgpack-dev msgpack.pc/' archive
	here deps
	asked "${build_packages[@]/libmsgpack-c-dev/libmsgpack-dev}" "${wishes[@]}"
}

@test "packages: one that does not bring what it should is named" {
	sed -i 's/^libpng-dev .*/libpng-dev png.pc/' archive
	run -2 here deps
	[ "${lines[1]}" = "still missing after their installation: libpng-dev" ]
}

@test "packages: a libtorch of the user's own needs no Python" {
	with "${build_packages[@]}" "${wishes[@]}"
	here deps
	rm bin/python3 build/deps
	here LIBTORCH="$PWD/build/site/torch" deps
	[ ! -e asked ]
}
