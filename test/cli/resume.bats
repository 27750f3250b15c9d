#!/usr/bin/env bats
# Runs that are killed and go on to the same bytes.
# shellcheck disable=SC2016 # conditions are evaluated later

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}

# kill_when CONDITION COMMAND...: starts it and kills it as soon as the condition holds; fails when it ends before.
kill_when() {
	local condition=$1 pid
	shift
	"$@" 3>&- &
	pid=$!
	until eval "$condition"; do
		kill -0 $pid 2>/dev/null || {
			echo "ended before: $condition"
			return 1
		}
		sleep 0.02
	done
	kill -KILL $pid
	wait $pid && return 1
	return 0
}

size() {
	stat -c %s "$1" 2>/dev/null || echo 0
}

long=(fd2-distill -q -t teacher.fd2 --ipc 4 --group 2 --batch 1 --steps 5 train.tar)
long_distill() {
	"${long[@]}" "$@"
}

@test "resume: fd2-distill killed at several moments makes the same shard" {
	long_distill -o whole.tar
	local least
	for least in 1 3000 15000; do
		kill_when "((\$(size x.tar.part) >= $least))" "${long[@]}" -o x.tar --resume
		[ ! -e x.tar ]
	done
	long_distill -o x.tar --resume
	cmp whole.tar x.tar
	[ ! -e x.tar.part ]
}

@test "resume: a part that is cut anywhere goes on to the same shard" {
	long_distill -o whole.tar
	local n
	for n in 100 7777; do
		head -c $n whole.tar >x.tar.part
		long_distill -o x.tar --resume
		cmp whole.tar x.tar
	done
}

@test "resume: another setting is refused, the part stays" {
	kill_when '(($(size x.tar.part) >= 4000))' "${long[@]}" -o x.tar --resume
	cp x.tar.part before
	run -1 --separate-stderr long_distill -o x.tar --resume --lr 0.1
	said "fd2-distill: 'x.tar.part' was begun with lr 0.25, and this is lr 0.1*; give the same settings, or remove it"
	run -1 --separate-stderr long_distill -o x.tar --resume --seed 9
	said "fd2-distill: 'x.tar.part' was begun with seed 0, and this is seed 9; *"
	run -1 --separate-stderr "${long[@]/teacher.fd2/other.fd2}" -o x.tar --resume
	said "fd2-distill: 'x.tar.part' was begun with teacher *"
	fd2-protos -q -t teacher.fd2 -o protos.fd2 train.tar
	run -1 --separate-stderr long_distill -p protos.fd2 -o x.tar --resume
	said "fd2-distill: 'x.tar.part' was begun with prototypes *"
	cmp x.tar.part before
	echo hello >x.tar.part
	run -1 --separate-stderr long_distill -o x.tar --resume
	said "fd2-distill: 'x.tar.part' was not begun by this program; remove it"
	# without --resume the part is written anew
	long_distill -o x.tar
	[ ! -e x.tar.part ]
	[ "$(fd2-look --json x.tar | jq .samples)" = 12 ]
}

@test "resume: fd2-distill --pixels f16 keeps both members of an image" {
	long_distill --ipc 2 --pixels f16 -o whole.tar
	kill_when '(($(size x.tar.part) >= 12000))' "${long[@]}" --ipc 2 --pixels f16 -o x.tar --resume
	long_distill --ipc 2 --pixels f16 -o x.tar --resume
	cmp whole.tar x.tar
	[ "$(tar tf x.tar | grep -c '\.npy$')" = 6 ]
}

@test "resume: fd2-teacher killed after an epoch makes the same teacher" {
	local again=(tiny_teacher -e 4 --val val.tar --checkpoint-every 1 --resume -o x.fd2 train.tar)
	tiny_teacher -e 4 --val val.tar -o whole.fd2 train.tar
	[ ! -e whole.fd2.ckpt ]
	kill_when '[ -e x.fd2.ckpt ]' fd2-teacher -q -s 32 -M 2 -b 12 "${again[@]:1}"
	[ ! -e x.fd2 ]
	run -1 --separate-stderr "${again[@]}" --lr 0.5
	said "fd2-teacher: cannot resume from 'x.fd2.ckpt': it was made with another --lr"
	run -1 --separate-stderr tiny_teacher -e 4 --resume -o x.fd2 val.tar
	said "fd2-teacher: cannot resume from 'x.fd2.ckpt': it was made with other training images"
	cp x.fd2.ckpt kept
	head -c 1000000 kept >x.fd2.ckpt
	run -1 --separate-stderr "${again[@]}"
	said "fd2-teacher: *'x.fd2.ckpt'*"
	mv kept x.fd2.ckpt
	"${again[@]}"
	cmp whole.fd2 x.fd2
	[ -z "$(find . -name '*.ckpt' -o -name '*.tmp' -o -name '*.part')" ]
}
