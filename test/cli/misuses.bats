#!/usr/bin/env bats
# What misuses and odd inputs get: misuses.txt has the commands and their sentences.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	PATH=${FD2_BIN:-$root/build/bin}:$PATH
	need_python
	tiny_run
	odd_files
}

setup() {
	fd2_setup
	cd "$BATS_FILE_TMPDIR" || return 1
}

odd_files() {
	printf 'RIFF\44\0\0\0WEBPVP8 \30\0\0\0' >photo.webp
	echo '<!DOCTYPE html><html><head><title>404</title></head></html>' >page.html
	printf '%s\n' 'version https://git-lfs.github.com/spec/v1' 'oid sha256:0123' 'size 7' >lfs
	echo hello >text
	: >empty
	mkdir folder
	tar xf train.tar --exclude '__*__'
	cp red-spot/0001.jpg photo.jpg
	"$python" -c 'import zipfile
with zipfile.ZipFile("photos.zip", "w") as z:
    z.writestr("red-spot/0001.jpg", open("photo.jpg", "rb").read())'
	mkdir -p split/train split/val
	cp -r red-spot split/train
	cp -r red-spot split/val

	head -c 30000 train.tar >cut.tar
	head -c 20480 train.tar >cut-between.tar
	{ cat train.tar; echo behind; } >longer.tar
	head -c 10 teacher.fd2 >cut-head.fd2
	head -c 20000 teacher.fd2 >cut.fd2
	head -c -30 labels.fd2 >cut-labels.fd2
	sed 's/red-spot/red-spat/' teacher.fd2 >changed.fd2
	not_a_number teacher.fd2 nan.fd2

	local tar=(tar --sort=name -c)
	"${tar[@]}" -f two.tar blue-ring gold-bar
	"${tar[@]}" -f strange.tar --transform 's,red-spot,strange,' red-spot
	"${tar[@]}" -f no-image.tar --exclude '*.jpg' red-spot
	"${tar[@]}" -Pf absolute.tar --transform 's,^,/,' red-spot
	"${tar[@]}" -Pf upwards.tar --transform 's,^,../,' red-spot
	"${tar[@]}" -f again.tar red-spot/0001.jpg red-spot/0001.jpg
	printf '%s\n' red-spot red-spot >names-twice
	printf '%s\n' one two >names-two
	printf '%s\n' one two three >names-three
	head -c 4096 /dev/zero >zeros
	ln -s train.tar link.tar
	ln distilled.tar hard.tar
	fd2-protos -q -t other.fd2 -o other-protos.fd2
	fd2-attn -q -t teacher.fd2 -o real-attn.fd2 val.tar
	fd2-attn -q -t teacher.fd2 --features -o features.fd2 val.tar
}

# The teacher with a NaN in its classifier.
not_a_number() { # FROM TO
	py "$@" <<-'END'
		import numpy, sys
		from streams import read, write
		header, tensors = read(sys.argv[1])
		tensors["fc.bias"] = numpy.full_like(tensors["fc.bias"], numpy.nan)
		write(sys.argv[2], header, tensors)
	END
}

files() {
	find . -printf '%P %y %s %l\n' | sort
}

# A case: the tool fails with that one sentence, or pattern, and leaves no file.
fails_with() { # COMMAND SENTENCE
	local before after
	before=$(files)
	run --separate-stderr bash -c "$1" </dev/null
	after=$(files)
	if ! [[ $status == [12] && $stderr == "${1%% *}: "* && -z $output ]] ||
		! said_first "${1%% *}: $2" || [ "$before" != "$after" ] ||
		[ ${#stderr_lines[@]} != "$status" ]; then
		printf '%s\n' "$1" "status $status" "$stderr"
		diff <(echo "$before") <(echo "$after")
		return 1
	fi
}

# All cases below that heading.
cases() { # HEADING
	local line command='' n=0 here=''
	while IFS= read -r line; do
		case $line in
		"# $1") here=1 ;;
		'# '*) here= ;;
		$'\t'*) [ ! "$here" ] || { fails_with "$command" "${line#?}" && n=$((n + 1)); } ;;
		*) command=$line ;;
		esac || return 1
	done <"$root/test/cli/misuses.txt"
	echo "$n cases"
	[ "$n" -ge 10 ]
}

@test "misuses: files of another kind" {
	cases "Files of another kind"
}

@test "misuses: files that are cut, changed or odd" {
	cases "Files that are cut, changed or odd"
}

@test "misuses: files that do not belong together" {
	cases "Files that do not belong together"
}

@test "misuses: one file for two purposes" {
	cases "One file for two purposes"
}

@test "misuses: options that are unknown, and values out of range" {
	cases "Options that are unknown, and values out of range"
}

@test "misuses: options that miss something, or would be ignored" {
	cases "Options that miss something, or would be ignored"
}
