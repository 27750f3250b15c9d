# Shared by the bats files: `load helpers` at their top. A file that has its own setup calls fd2_setup in it.
# shellcheck shell=bash

root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

# build/bin comes first in PATH (FD2_BIN: another build), and each test works in its own empty folder.
fd2_setup() {
	PATH=${FD2_BIN:-$root/build/bin}:$PATH
	unset MAKEFLAGS MFLAGS MAKELEVEL
	trap 'skip "real photographs absent"' USR1
	cd "$BATS_TEST_TMPDIR" || return 1
}

setup() {
	fd2_setup
}

# real_data NAME: prints the path of a shard of real photographs, or skips the test.
real_data() {
	local folder=${FD2_DATA:-../shared/data}
	[[ $folder == /* ]] || folder=$root/$folder
	if [ -f "$folder/$1" ]; then
		echo "$folder/$1"
	else
		# `skip` would end no more than the subshell of "$(real_data ...)"; the signal reaches the test itself.
		kill -USR1 $$
	fi
}

# need_python: sets $python to one that has msgpack, msgpack_numpy and numpy, or skips the test.
need_python() {
	export python=$root/build/venv/bin/python
	[ -e "$root/build/venv/ok" ] || skip "no build/venv with Python's msgpack"
}

# tiny_run: lays a whole small run into the test's folder, made once per call of bats: train.tar val.tar teacher.fd2 other.fd2
# (another seed's teacher) protos.fd2 distilled.tar attn.fd2 labels.fd2. One thread: two fight over a busy machine.
tiny_run() {
	local tiny=$BATS_RUN_TMPDIR/tiny
	export OMP_NUM_THREADS=1
	if [ ! -e "$tiny/ok" ]; then
		mkdir -p "$tiny"
		(cd "$tiny" && make_tiny) || return 1
		touch "$tiny/ok"
	fi
	ln -s "$tiny"/*.* .
}

make_tiny() {
	fd2-draw --classes 3 --per-class 12 --size 40 -o train.tar &&
		fd2-draw --classes 3 --per-class 4 --size 40 --split val -o val.tar &&
		tiny_teacher -e 2 -o teacher.fd2 train.tar &&
		tiny_teacher -e 1 --seed 5 -o other.fd2 train.tar &&
		fd2-protos -q -t teacher.fd2 -o protos.fd2 &&
		tiny_distill -p protos.fd2 --ipc 2 -o distilled.tar &&
		fd2-attn -q -t teacher.fd2 -o attn.fd2 distilled.tar &&
		fd2-relabel -q -t teacher.fd2 -e 3 -o labels.fd2 distilled.tar
}

tiny_teacher() {
	fd2-teacher -q -s 32 -M 2 -b 12 "$@"
}

tiny_distill() {
	fd2-distill -q -t teacher.fd2 --steps 3 "$@" train.tar
}

# said SENTENCE: the tool ended with that one line on stderr, or with one that matches a pattern.
# shellcheck disable=SC2053,SC2154 # the pattern is one; `run` sets stderr
said() {
	if [ "${#stderr_lines[@]}" != 1 ] || [[ $stderr != $1 ]]; then
		printf 'wanted on stderr: %s\nbut it has: %s\n' "$1" "$stderr"
		return 1
	fi
}

# writes PID: it has an unfinished output open, which has no name where the file system can do that
writes() {
	find "/proc/$1/fd" -lname "$PWD/*.tmp" -o -lname "$PWD/* (deleted)" 2>/dev/null | grep -q .
}

# example PAGE NAME: the block that follows that comment, into the file NAME.
example() {
	awk -v name="$2" '
		$0 == ".\\\" example: " name { wanted = 1 }
		wanted && /^\.Ed/ { exit }
		inside { gsub(/\\e/, "\\"); print }
		wanted && /^\.Bd/ { inside = 1 }
	' "$root/man/$1" >"$2"
	[ -s "$2" ]
}
