#!/usr/bin/env bats
# `make install` and `make uninstall`, and the completion that they put in place.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	unset DESTDIR PREFIX LD_LIBRARY_PATH
}

tree() {
	(cd "$1" && find . | sort)
}

install_below() {
	make -s -C "$root" install "$@"
}

@test "install: every tool runs from its new place, without the build tree's libraries" {
	install_below PREFIX="$PWD/usr"
	local tools=("$root"/tools/fd2-*.c)
	[ -e "${tools[0]}" ]
	for tool in "${tools[@]}"; do
		tool=$(basename "$tool" .c)
		"usr/bin/$tool" --version
		ldd "usr/bin/$tool" | grep "libfd2.so => $PWD/usr/"
	done
	echo '{"epoch":1,"loss":{"kl":2}}' >log
	[ "$(usr/bin/fd2-plot --data losses log | wc -l)" = 2 ]
	for library in usr/lib/fd2/*.so; do
		run ldd "$library"
		[[ $output != *"not found"* ]]
		[[ $output != *"$root/"* ]]
		grep -L '^#!/' usr/bin/* | xargs readelf -d "$library" >dynamic # without scripts
		! grep -F "$root/" dynamic || false
	done
	ldd usr/lib/fd2/libfd2-torch.so | grep "libtorch_cpu.so => $PWD/usr/"
}

@test "install: man pages, completion, headers and the library for C stages" {
	install_below PREFIX="$PWD/usr"
	for page in "$root"/man/*.[157]; do
		cmp "$page" "usr/share/man/man${page##*.}/$(basename "$page")"
	done
	[ -s usr/share/zsh/site-functions/_fd2 ]
	[ -s usr/share/bash-completion/completions/fd2.bash ]
	cmp usr/share/doc/fd2/pipelines/results/cars40.txt "$root/pipelines/results/cars40.txt"
	for tool in usr/bin/*; do
		cmp usr/share/bash-completion/completions/{"${tool##*/}",fd2.bash}
	done
	for page in shard/shard.md stream/stream.md schemas.json; do
		cmp "$root/formats/$page" "usr/share/doc/fd2/${page##*/}"
	done
	echo '#include <fd2/shard.h>
	int main(void) { return fd2_shard_open((char *[]){"none.tar"}, 1) ? 1 : 0; }' >stage.c
	export PKG_CONFIG_PATH=$PWD/usr/lib/pkgconfig
	# shellcheck disable=SC2046 # one word per flag
	cc stage.c -o stage $(pkg-config --cflags --libs fd2fmt)
	./stage
}

@test "uninstall: leaves what was there before, and nothing else" {
	mkdir -p usr/bin usr/share/man/man1
	touch usr/bin/theirs usr/share/man/man1/theirs.1
	tree usr >before
	install_below PREFIX="$PWD/usr"
	install_below PREFIX="$PWD/usr"
	touch usr/lib/fd2/theirs
	make -s -C "$root" uninstall PREFIX="$PWD/usr"
	[ -e usr/lib/fd2/theirs ]
	rm -r usr/lib
	diff before <(tree usr)
}

@test "uninstall: a place without fd2 is refused" {
	mkdir usr
	run make -s -C "$root" uninstall PREFIX="$PWD/usr"
	[ "$status" -ne 0 ]
	[[ $output == *"no fd2 is installed below $PWD/usr"* ]]
}

@test "install: DESTDIR comes before PREFIX and is not recorded" {
	install_below DESTDIR="$PWD/stage" PREFIX=/opt/fd2
	[ -x stage/opt/fd2/bin/fd2-look ]
	! grep -F "$PWD" stage/opt/fd2/lib/fd2/installed || false
	mv stage/opt/fd2 moved
	moved/bin/fd2-look --version
	make -s -C "$root" uninstall DESTDIR="$PWD" PREFIX=/moved
	[ -z "$(ls moved)" ]
}

# complete WORD...: what bash would offer for the last word.
complete_words() {
	# shellcheck source=tools/completion/fd2.bash
	source "$root/tools/completion/fd2.bash"
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	local word=${COMP_WORDS[COMP_CWORD]}
	[ "$word" != = ] || word=
	_fd2 "$1" "$word" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf '%s\n' "${COMPREPLY[@]}"
}

@test "completion: options and their choices come from the tool" {
	complete_words fd2-look --ver | grep -x -- --version
	[ "$(complete_words fd2-attn --device c | sort | xargs)" = "cpu cuda" ]
	[ "$(complete_words fd2-attn --device = cu)" = cuda ]
	[ "$(complete_words fd2-attn --device = | sort | xargs)" = "cpu cuda" ]
	complete_words fd2-teacher -a resnet | grep -x resnet18
	run ! grep -v ^resnet <(complete_words fd2-teacher -a resnet)
	[ "$(complete_words fd2-eval -a convnet3)" = convnet3 ]
	[ "$(complete_words fd2-import ca)" = cars ]
	[ "$(complete_words fd2-import cars ca)" = "" ]
	touch photo.tar
	[ "$(complete_words fd2-look ph)" = photo.tar ]
	[ "$(complete_words fd2-import -o ph)" = photo.tar ] # its operand is a set
	[ "$(complete_words fd2-import --any-count ca)" = cars ]
	# what the line holds is not run
	# shellcheck disable=SC2016 # as the line has it
	complete_words fd2-import '$(touch ran)' ca
	[ ! -e ran ]
}

@test "completion: one bash file serves every tool" {
	# shellcheck source=tools/completion/fd2.bash
	source "$root/tools/completion/fd2.bash"
	for tool in "$root"/tools/fd2-*.c; do
		complete -p "$(basename "$tool" .c)"
	done
}

@test "make: another version of libtorch is refused in a sentence" {
	mkdir -p theirs/lib theirs/include/torch/headeronly
	touch theirs/lib/libtorch_cpu.so
	printf '#define TORCH_VERSION_%s\n' 'MAJOR 2' 'MINOR 9' 'PATCH 1' \
		>theirs/include/torch/headeronly/version.h
	run make -s -C "$root" B="$PWD/build" LIBTORCH="$PWD/theirs" deps
	[ "$status" -ne 0 ]
	[[ ${lines[0]} == "'$PWD/theirs' is libtorch 2.9.1; fd2 needs 2.11.0" ]]
	run make -s -C "$root" B="$PWD/build" LIBTORCH="$PWD/nowhere" deps
	[[ ${lines[0]} == "'$PWD/nowhere' is not a libtorch; fd2 needs 2.11.0" ]]
}

@test "make help: lists the targets" {
	run make -s -C "$root" help
	[ "$status" -eq 0 ]
	for target in all deps check install uninstall clean; do
		grep -E "^$target +[a-z]" <<<"$output"
	done
}

@test "make: flags of the environment and of the command line are added to what is needed" {
	local needed=(-std=c11 -fPIC -std=c++17 -fopenmp) flag
	CFLAGS=-DA CXXFLAGS=-DB CPPFLAGS=-DC LDFLAGS=-LD make -n -C "$root" B="$PWD/build" all >from
	make -n -C "$root" B="$PWD/build" CFLAGS=-DA CXXFLAGS=-DB CPPFLAGS=-DC LDFLAGS=-LD all |
		diff from -
	for flag in "${needed[@]}" -DA -DB -DC -LD; do
		grep -q -- " $flag " from
	done
	run ! grep -- -Werror from
	make -n -C "$root" B="$PWD/build" WERROR=1 all | grep -q -- ' -Werror '
}
