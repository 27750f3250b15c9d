#!/usr/bin/env bats
# Runs that are killed and go on to the same bytes.
# shellcheck disable=SC2016 # conditions are evaluated later

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}

# kill_when CONDITION COMMAND...: starts it and kills it as soon as the condition holds; fails when
# it ends before.
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
	said "fd2-distill: 'x.tar.part' was made with --lr 0.02, not with --lr 0.1; give the same" \
		"settings, or remove it"
	run -1 --separate-stderr long_distill -o x.tar --resume --seed 9
	said "fd2-distill: 'x.tar.part' was made with --seed 0, not with --seed 9; *"
	run -1 --separate-stderr "${long[@]/teacher.fd2/other.fd2}" -o x.tar --resume
	said "fd2-distill: 'x.tar.part' was made with teacher *"
	fd2-protos -q -t teacher.fd2 -o protos.fd2 train.tar
	run -1 --separate-stderr long_distill -p protos.fd2 -o x.tar --resume
	said "fd2-distill: 'x.tar.part' was made with prototypes *"
	cmp x.tar.part before
	printf X | dd of=x.tar.part bs=1 seek=150 conv=notrunc status=none # in the first header
	run -1 --separate-stderr long_distill -o x.tar --resume
	said "fd2-distill: 'x.tar.part' is damaged; remove it"
	echo hello >x.tar.part
	run -1 --separate-stderr long_distill -o x.tar --resume
	said "fd2-distill: 'x.tar.part' was not started by this program; remove it"
	run -1 --separate-stderr long_distill -o x.tar
	said "fd2-distill: 'x.tar.part' was not started by this program; remove it"
}

@test "resume: an earlier version's run goes on; an option that it lacks has its default" {
	# record FROM TO: FILE.part as another version begins it; its length stays the same
	record() {
		sed "1,/__start__/!b; s/$1/$2/" before >x.tar.part
		[ "$(size before)" = "$(size x.tar.part)" ]
		run cmp -s before x.tar.part
		[ "$status" = 1 ]
	}
	long_distill -o whole.tar
	head -c 7777 whole.tar >before
	record '"quality":95,' '             '
	run -1 --separate-stderr long_distill -o x.tar --resume --quality 90
	said "fd2-distill: 'x.tar.part' was made with no --quality, not with --quality 90; *"
	long_distill -o x.tar --resume
	cmp <(tar xOf whole.tar --wildcards '*.jpg') <(tar xOf x.tar --wildcards '*.jpg')
	rm x.tar
	record '"quality"' '"qualitz"'
	run -1 --separate-stderr long_distill -o x.tar --resume
	said "fd2-distill: 'x.tar.part' was made with --qualitz 95, which this fd2-distill does" \
		"not have; *"
	record '"version":"...' '"version":"9.8'
	long_distill -o x.tar --resume
	tar xOf x.tar __fd2__ | jq -e '.version | startswith("9.8")'
}

@test "resume: what an interrupted run has made is thrown away by nobody but the user" {
	kill_when '(($(size x.tar.part) >= 4000))' "${long[@]}" -o x.tar
	cp x.tar.part before
	run -1 --separate-stderr long_distill -o x.tar
	said "fd2-distill: 'x.tar.part' holds * images of an interrupted run: go on with" \
		"--resume, or remove it"
	cmp x.tar.part before
	rm x.tar.part
	long_distill -o x.tar
	[ ! -e x.tar.part ]
	[ "$(fd2-look --json x.tar | jq .samples)" = 12 ]

	kill_when '[ -e x.fd2.ckpt ]' fd2-teacher -a "$tiny_arch" -q "${tiny_options[@]}" -e 9 \
		--checkpoint-every 1 -o x.fd2 train.tar
	run -1 --separate-stderr tiny_teacher -e 9 -o x.fd2 train.tar
	said "fd2-teacher: 'x.fd2.ckpt' is the state of an interrupted run: go on with --resume," \
		"or remove it"
	[ -e x.fd2.ckpt ]
	local tool
	for tool in fd2-teacher 'fd2-distill -t teacher.fd2'; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr $tool --resume train.tar
		[[ ${stderr_lines[0]} == *": --resume "*" a file to go on with: give it with -o" ]]
	done
}

@test "resume: what is made is not made again" {
	local made=(fd2-distill -t teacher.fd2 --ipc 2 --steps 2 --resume -o x.tar --log log) before
	"${made[@]}" train.tar
	before=$(stat -c %i x.tar)
	touch -d yesterday x.tar
	run -0 --separate-stderr "${made[@]}" train.tar
	said "fd2-distill: 'x.tar' is up to date"
	[ "$(stat -c %i x.tar)" = "$before" ]
	[ x.tar -nt train.tar ]
	run -1 --separate-stderr "${made[@]}" --seed 3 train.tar
	said "fd2-distill: 'x.tar' was made with --seed 0, not with --seed 3; remove it, or leave" \
		"--resume out"
	run -1 --separate-stderr "${made[@]/teacher.fd2/other.fd2}" train.tar
	said "fd2-distill: 'x.tar' was made with teacher ????????????..., not ????????????...;" \
		"remove it, or leave --resume out"
	[ "$(stat -c %i x.tar)" = "$before" ]
	head -c 3000 x.tar >cut.tar
	run -1 --separate-stderr "${made[@]/x.tar/cut.tar}" train.tar
	said "fd2-distill: 'cut.tar' *; remove it, or leave --resume out"

	tiny_teacher -e 2 --resume -o x.fd2 train.tar
	before=$(stat -c %i x.fd2)
	run -0 --separate-stderr \
		fd2-teacher -a "$tiny_arch" "${tiny_options[@]}" -e 2 --resume -o x.fd2 train.tar
	said "fd2-teacher: 'x.fd2' is up to date"
	[ "$(stat -c %i x.fd2)" = "$before" ]
}

@test "resume: a finished teacher is not trained again with other settings; --extend goes on" {
	local tiny=(fd2-teacher -a convnet3 -s 32 -M 2 -b 12 --threads 1 -o x.fd2)
	"${tiny[@]}" -q -e 2 train.tar
	cp x.fd2 before
	run -1 --separate-stderr "${tiny[@]}" -e 3 --resume train.tar
	said "fd2-teacher: 'x.fd2' was made with --epochs 2, not with --epochs 3; use --extend" \
		"to train it further, *"
	run -1 --separate-stderr "${tiny[@]}" -e 2 --nesterov --resume train.tar
	said "fd2-teacher: 'x.fd2' was made with no --nesterov, not with --nesterov; *"
	run -1 --separate-stderr "${tiny[@]}" -e 2 --resume val.tar
	said "fd2-teacher: 'x.fd2' was made from other training images; *"
	run -1 --separate-stderr "${tiny[@]}" -e 2 --val val.tar --resume train.tar
	said "fd2-teacher: 'x.fd2' was made without --val; *"
	cmp x.fd2 before

	"${tiny[@]}" -q --extend 3 train.tar
	fd2-look --json x.fd2 | jq -e '.meta | [.epoch, .extended.epoch] == [5, 2]'
	cp x.fd2 extended
	run -0 --separate-stderr "${tiny[@]}" --extend 3 --resume train.tar
	said "fd2-teacher: 'x.fd2' is up to date"
	cp before x.fd2
	kill_when '[ -e x.fd2.ckpt ]' "${tiny[@]}" -q --extend 3 --checkpoint-every 1 train.tar
	cmp x.fd2 before
	cp x.fd2.ckpt kept
	"${tiny[@]}" -q --extend 3 --resume train.tar
	cmp x.fd2 extended
	cp before x.fd2
	mv kept x.fd2.ckpt
	"${tiny[@]}" -q -e 3 --resume train.tar
	cmp x.fd2 extended
	run -1 --separate-stderr "${tiny[@]}" -M 3 --extend 1 train.tar
	said "fd2-teacher: 'x.fd2' was made with --maps 2, not with --maps 3"
}

# signal_when SIGNAL CONDITION COMMAND...: as kill_when, with any signal; the status is that of the
# signal.
signal_when() {
	local signal=$1 condition=$2 pid
	shift 2
	"$@" 3>&- &
	pid=$!
	until eval "$condition"; do
		kill -0 $pid || return 1
		sleep 0.02
	done
	kill -"$signal" $pid
	wait $pid || [ $? = $((128 + $(kill -l "$signal"))) ]
}

@test "resume: a signal ends fd2-teacher at a step, says how to go on, and loses nothing" {
	local tiny=(fd2-teacher -a convnet3 -s 32 -M 2 -b 5 --threads 1 --val val.tar --best) signal
	"${tiny[@]}" wholebest.fd2 -q -e 9 -o whole.fd2 train.tar
	for signal in TERM USR1; do
		rm -f x.fd2 best.fd2
		signal_when "$signal" 'grep -q "epoch  *1 " err' \
			"${tiny[@]}" best.fd2 -e 9 -o x.fd2 train.tar 2>err
		tail -n 1 err | grep "stopped by SIG$signal: 'x.fd2.ckpt' has the state after \
epoch . and . of 7 steps; go on with --resume"
		[ ! -e x.fd2 ]
		"${tiny[@]}" best.fd2 -q -e 9 -o x.fd2 --resume train.tar
		cmp x.fd2 whole.fd2
		cmp best.fd2 wholebest.fd2
		[ -z "$(find . -name '*.ckpt' -o -name '.*.tmp')" ]
	done
}

@test "resume: --val and --best that come later choose among the epochs that they measure" {
	local tiny=(fd2-teacher -a convnet3 -s 32 -M 2 -b 5 --threads 1 -e 6 -o x.fd2)
	signal_when TERM 'grep -q "epoch  *1 " err' "${tiny[@]}" train.tar 2>err
	run -0 --separate-stderr "${tiny[@]}" --val val.tar --best best.fd2 --resume train.tar
	[[ $stderr == *"the best epoch is chosen from epoch "*" on: the earlier ones were not \
measured with --val"* ]]
	fd2-look --json best.fd2 | jq -e '.meta.epoch >= 2'
	run -1 --separate-stderr "${tiny[@]}" --val val.tar --best missing.fd2 --resume train.tar
	said "fd2-teacher: 'x.fd2' is finished, and 'missing.fd2' was not kept; *"
}

@test "resume: one run at a time writes a teacher" {
	fd2-teacher -q -a convnet3 -s 32 -M 2 -b 5 -e 9999 --threads 1 -o x.fd2 train.tar 3>&- &
	local pid=$! tool claim # of a file in this folder
	claim=$(printf 'fd2 output %s %x ' "$(stat -c %D .)" "$(stat -c %i .)")
	until grep -q "$claim" /proc/net/unix; do sleep 0.02; done
	for tool in "fd2-teacher -a convnet3 -s 32 -M 2" "fd2-protos -t teacher.fd2"; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr $tool -q -o ./x.fd2 train.tar
		[[ $stderr == *": './x.fd2' is being written by another run" ]]
	done
	kill -KILL $pid
	wait $pid || true
	fd2-protos -q -t teacher.fd2 -o x.fd2 train.tar
	[ -z "$(find . -name '.x.fd2*')" ]
}

@test "resume: two runs do not write one shard" {
	"${long[@]}" --steps 400 -o x.tar 3>&- &
	local pid=$!
	until [ -s x.tar.part ]; do sleep 0.02; done
	run -1 --separate-stderr long_distill --seed 5 -o x.tar
	said "fd2-distill: 'x.tar' is being written by another run"
	run -1 --separate-stderr long_distill --steps 400 -o x.tar --resume
	said "fd2-distill: 'x.tar' is being written by another run"
	kill -KILL $pid
	wait $pid || true
}

@test "resume: what is whole is not cut off where the disk cannot be read" {
	kill_when '(($(size x.tar.part) >= 8000))' "${long[@]}" -o x.tar
	cp x.tar.part before
	cat >bad.c <<-'END'
		#define _GNU_SOURCE
		#include <errno.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		ssize_t pread64(int fd, void *to, size_t n, off_t at)
		{
			errno = EIO;
			return n > 1000 ? -1 : syscall(SYS_pread64, fd, to, n, at);
		}
		ssize_t pread(int fd, void *to, size_t n, off_t at)
		{
			return pread64(fd, to, n, at);
		}
	END
	cc -shared -fPIC -o bad.so bad.c
	LD_PRELOAD=$PWD/bad.so run -1 --separate-stderr "${long[@]}" --resume -o x.tar
	said "fd2-distill: cannot read 'x.tar.part': Input/output error"
	cmp x.tar.part before
	"${long[@]}" --resume -o x.tar
	"${long[@]}" -o whole.tar
	cmp x.tar whole.tar
}

@test "resume: two tools do not write one file, whether it is kept or not" {
	"${long[@]}" --steps 400 -o x.tar 3>&- &
	local pid=$!
	until [ -s x.tar.part ]; do sleep 0.02; done
	run -1 --separate-stderr fd2-select -q --method random -o x.tar train.tar
	said "fd2-select: 'x.tar' is being written by another run"
	kill -KILL $pid
	wait $pid || true
}

# What --dtype auto is on this CPU, by fd2(7)
auto_dtype() {
	awk '/^vendor_id/ { intel = /GenuineIntel/ }
		/^flags/ { amx = / amx_bf16/; avx = / avx512_bf16/ }
		END { print amx || avx && !intel ? "bf16" : "f32" }' /proc/cpuinfo
}

@test "resume: an unfinished shard can be looked at, and goes on with more threads" {
	kill_when '(($(size x.tar.part) >= 8000))' "${long[@]}" -o x.tar
	run -0 --separate-stderr fd2-look --sheet sheet.jpg x.tar.part
	[[ $stderr == "fd2-look: 'x.tar.part' "* ]]
	[ -s sheet.jpg ]
	run -0 --separate-stderr fd2-look x.tar.part
	[[ ${lines[0]} =~ ^"image shard, "([0-9]+)" images of " ]]
	local seen=${BASH_REMATCH[1]}
	run -1 --separate-stderr fd2-look --check x.tar.part
	run -1 --separate-stderr "${long[@]}" -o x.tar
	said "fd2-distill: 'x.tar.part' holds $seen images of an interrupted run: *"
	long_distill --resume --threads 2 -o x.tar
	tar xOf x.tar __fd2__ | jq -e --arg dtype "$(auto_dtype)" '.options |
		[.threads, ."indices-per-pass", .classes, .dtype] == [1, 1, [0, 2], $dtype]'
}

@test "resume: fd2-distill --pixels f16 keeps both members of an image" {
	long_distill --ipc 2 --pixels f16 -o whole.tar
	kill_when '(($(size x.tar.part) >= 12000))' \
		"${long[@]}" --ipc 2 --pixels f16 -o x.tar --resume
	long_distill --ipc 2 --pixels f16 -o x.tar --resume
	cmp whole.tar x.tar
	[ "$(tar tf x.tar | grep -c '\.npy$')" = 6 ]
}

@test "resume: fd2-teacher killed after an epoch makes the same teacher" {
	local again=(tiny_teacher -e 4 --val val.tar --checkpoint-every 1 --resume \
		-o x.fd2 train.tar)
	tiny_teacher -e 4 --val val.tar -o whole.fd2 train.tar
	[ ! -e whole.fd2.ckpt ]
	kill_when '[ -e x.fd2.ckpt ]' fd2-teacher -a "$tiny_arch" -q "${tiny_options[@]}" \
		"${again[@]:1}"
	[ ! -e x.fd2 ]
	run -1 --separate-stderr "${again[@]}" --lr 0.5
	said "fd2-teacher: cannot resume: 'x.fd2.ckpt' was made with --lr 0.01, not with --lr 0.5"
	run -1 --separate-stderr tiny_teacher -e 4 --resume -o x.fd2 val.tar
	said "fd2-teacher: cannot resume: 'x.fd2.ckpt' was made from other inputs (train)"
	cp x.fd2.ckpt kept
	head -c 1000000 kept >x.fd2.ckpt
	run -1 --separate-stderr "${again[@]}"
	said "fd2-teacher: cannot resume: 'x.fd2.ckpt' is cut short*"
	mv kept x.fd2.ckpt
	"${again[@]}"
	cmp whole.fd2 x.fd2
	[ -z "$(find . -name '*.ckpt' -o -name '*.tmp' -o -name '*.part')" ]
}

@test "resume: an input that is left out is refused as another one is" {
	local distill=(fd2-distill -q --threads 1 -t teacher.fd2 --method sre2l --steps 400)
	signal_when KILL '[ -e x.tar.ckpt ]' \
		"${distill[@]}" -p protos.fd2 --checkpoint-every 5 -o x.tar
	run -1 --separate-stderr "${distill[@]}" --resume -o x.tar
	said "fd2-distill: cannot resume: 'x.tar.ckpt' was made from other inputs (prototypes)"
	local eval=(fd2-eval -q --threads 1 -a convnet3 --hard -s 32 -e 100 --val val.tar)
	fd2-eval -q --threads 1 -a convnet3 --hard -s 32 -e 1 --val val.tar --save student.fd2 \
		distilled.tar >line
	signal_when KILL '[ -e x.json.ckpt ]' \
		"${eval[@]}" --init student.fd2 --checkpoint-every 1 -o x.json distilled.tar
	run -1 --separate-stderr "${eval[@]}" --resume -o x.json distilled.tar
	said "fd2-eval: cannot resume: 'x.json.ckpt' was made from other inputs (init)"
}

@test "resume: fd2-eval stopped or killed ends in the same lines, students and reports" {
	local eval=(fd2-eval -q --threads 1 -a convnet3 --val val.tar --val-every 2 -l many.fd2) how
	fd2-relabel -q -t teacher.fd2 -b 5 -e 30 -o many.fd2 distilled.tar
	"${eval[@]}" --test train.tar --save whole.fd2 --report whole.report -o whole.json \
		distilled.tar
	eval+=(--test train.tar --save x.fd2 --report x.report -o x.json)
	for how in TERM KILL; do
		rm -f x.*
		signal_when $how 'grep -q "\"epoch\":3," log' \
			"${eval[@]}" --log log --checkpoint-every 1 distilled.tar 2>err
		[ -e x.json.ckpt ]
		[ ! -e x.json ]
		run -1 --separate-stderr "${eval[@]}" distilled.tar
		said "fd2-eval: 'x.json.ckpt' is the state of an interrupted run: go on with" \
			"--resume, or remove it"
		run -1 --separate-stderr "${eval[@]}" -T 4 --resume distilled.tar
		said "fd2-eval: cannot resume: 'x.json.ckpt' was made with --temperature 20.0," \
			"not with --temperature 4.0"
		"${eval[@]}" --resume distilled.tar
		cmp x.json whole.json
		cmp x.fd2 whole.fd2
		cmp x.report whole.report
		[ ! -e x.json.ckpt ]
		rm log
	done
	run -0 --separate-stderr "${eval[@]/-q/-v}" --resume distilled.tar
	said "fd2-eval: 'x.json' is up to date"
	local kept
	for kept in x.report x.fd2; do
		rm $kept
		run -1 --separate-stderr "${eval[@]}" --resume distilled.tar
		said "fd2-eval: 'x.json' is finished, and '$kept' was not kept; remove it, or" \
			"leave --resume out"
		cp whole.${kept#x.} $kept
	done
	run -1 --separate-stderr "${eval[@]}" --resume -T 4 distilled.tar
	said "fd2-eval: 'x.json' was made with other options, labels or images; *"
	fd2-relabel -q -t teacher.fd2 -b 5 -e 30 --seed 3 -o other-labels.fd2 distilled.tar
	run -1 --separate-stderr "${eval[@]}" --resume -l other-labels.fd2 distilled.tar
	said "fd2-eval: 'x.json' was made with other options, labels or images; *"
	run -1 --separate-stderr "${eval[@]}" --resume -e 2 distilled.tar
	said "fd2-eval: 'x.json' was made with epochs 30, not 2; remove it, or leave --resume out"
	run -1 --separate-stderr "${eval[@]/val.tar/distilled.tar}" --resume distilled.tar
	said "fd2-eval: 'x.json' was made with val_images 12, not 6; *"
	run -1 --separate-stderr "${eval[@]}" --lr 0.1 --resume distilled.tar
	said "fd2-eval: 'x.json' was made with lr 0.001, not 0.1; *"
	echo none >x.json
	run -1 --separate-stderr "${eval[@]}" --resume distilled.tar
	said "fd2-eval: 'x.json' holds no results of fd2-eval; *"
}

@test "resume: a student whose labels come through a pipe is stopped while it waits, and goes on" {
	local eval=(fd2-eval -q --threads 1 -a convnet3 --val val.tar --resume)
	fd2-relabel -q -t teacher.fd2 -b 5 -e 9 -o many.fd2 distilled.tar
	"${eval[@]}" -l many.fd2 -o whole.json distilled.tar
	mkfifo pipe
	exec 7<>pipe # never at its end
	head -c $(($(size many.fd2) * 2 / 3)) many.fd2 >pipe
	signal_when TERM 'grep -q "\"epoch\":3," log' \
		"${eval[@]}" --log log -l pipe -o x.json distilled.tar 2>err
	exec 7>&-
	grep "stopped by SIGTERM: 'x.json.ckpt' has the state after epoch . and . batches;" err
	"${eval[@]}" -o x.json distilled.tar <many.fd2
	cmp x.json whole.json
}

@test "resume: a student that is stopped after its last epoch is measured when it goes on" {
	local eval=(fd2-eval --threads 1 -a convnet3 --val val.tar --resume) pid
	"${eval[@]}" -q -l labels.fd2 -o whole.json distilled.tar
	mkfifo pipe
	# On the core of this shell and after it: the pipe has ended when the signal is seen.
	taskset -cp "$(taskset -cp $BASHPID | sed 's/.*: *\([0-9]*\).*/\1/')" $BASHPID
	nice -n 19 "${eval[@]}" -v --log log -l pipe -o x.json distilled.tar 2>err 3>&- &
	pid=$!
	exec 7>pipe
	head -c -1 labels.fd2 >&7
	until grep -q '"epoch":3,' log; do sleep 0.02; done
	kill -TERM $pid
	exec 7>&-
	wait $pid || [ $? = 143 ]
	grep "stopped by SIGTERM: 'x.json.ckpt' has the state after epoch 3 and 0 batches;" err
	grep "'pipe' is cut short: its end record is missing" err
	"${eval[@]}" -q -l labels.fd2 -o x.json distilled.tar
	cmp x.json whole.json
}

# within NAME: fd2-distill is stopped and killed within an index batch of NAME's settings.
within() {
	local distill=(fd2-distill -q --batch 2 --steps 40 --threads 1 "$@") signal
	rm -f whole.tar
	"${distill[@]}" -o whole.tar train.tar
	for signal in TERM KILL; do
		rm -f x.tar*
		signal_when $signal '[ -e x.tar.ckpt ]' \
			"${distill[@]}" --checkpoint-every 17 -o x.tar train.tar 2>err
		[ $signal = KILL ] ||
			grep "'x.tar.ckpt' has image . of classes 0-1 after .* of 40 steps" err
		run -1 --separate-stderr "${distill[@]}" -o x.tar train.tar
		[[ $stderr == *" of an interrupted run: go on with --resume, or remove it" ]]
		run -1 --separate-stderr "${distill[@]}" --lr 0.1 --resume -o x.tar train.tar
		[[ $stderr == *"was made with "*"lr "* ]]
		"${distill[@]}" --resume --log log -o x.tar train.tar
		cmp x.tar whole.tar
		[ -z "$(find . -name 'x.tar.*')" ]
		jq -se 'any(.event == "resume" and .step >= 17 and .first_class == 0)' log
		rm log
	done
}

@test "resume: fd2-distill goes on within an index batch, whose history is read from the part" {
	within -t teacher.fd2 -n 2
}

@test "resume: fd2-distill goes on within a phase of FADRM+ with two teachers" {
	within -t teacher.fd2 -t other.fd2 --method fadrm+ --sizes 32,24,32 --ls-view once -n 2
}

@test "resume: fd2-distill goes on with averages of statistics and of the images" {
	local t
	for t in teacher other; do
		fd2-protos -q -t $t.fd2 --statistics all -o $t-layers.fd2 train.tar
	done
	within -t teacher.fd2 -t other.fd2 --method edc --flatness 1 -n 2 --plain \
		--statistics teacher-layers.fd2 --statistics other-layers.fd2
}

@test "resume: fd2-relabel stopped within an epoch keeps its batches" {
	local relabel=(fd2-relabel -q -t teacher.fd2 -b 3 -e 8 --threads 1)
	"${relabel[@]}" -o whole.fd2 train.tar
	until [ -e x.fd2.ckpt ]; do # or stopped between two epochs
		rm -f x.fd2* log
		signal_when TERM 'grep -q "\"epoch\":1" log' \
			"${relabel[@]}" --log log -o x.fd2 train.tar 2>err
	done
	grep "'x.fd2.part' has the labels of . of 8 epochs, and 'x.fd2.ckpt' those of .* of 12" err
	run -1 --separate-stderr "${relabel[@]}" --seed 3 --resume -o x.fd2 train.tar
	said "fd2-relabel: cannot resume: *--seed 0, not with --seed 3"
	mv x.fd2.part part
	run -1 --separate-stderr "${relabel[@]}" -o x.fd2 train.tar
	said "fd2-relabel: 'x.fd2.ckpt' is the state of an interrupted run: go on with --resume," \
		"or remove it"
	mv part x.fd2.part
	cp x.fd2.ckpt kept
	run -0 --separate-stderr fd2-relabel "${relabel[@]:2}" --resume -o x.fd2 train.tar
	[[ $stderr == *"resumed in epoch "*", after "*" of 12 batches"* ]]
	cmp x.fd2 whole.fd2
	[ ! -e x.fd2.ckpt ]
	# killed when the part has the last epoch, and its state is still there
	rm x.fd2
	mv kept x.fd2.ckpt
	head -c -1 whole.fd2 >x.fd2.part
	"${relabel[@]}" --resume -o x.fd2 train.tar
	cmp x.fd2 whole.fd2
	[ ! -e x.fd2.ckpt ]
}

@test "resume: fd2-relabel stopped or killed goes on with the epochs that are whole" {
	local signal relabel
	relabel=(fd2-relabel -q -t teacher.fd2 -b 5 -e 40 --label-fraction 0.5 --order fkd)
	"${relabel[@]}" -o whole.fd2 distilled.tar
	for signal in TERM KILL; do
		rm -f x.fd2*
		signal_when $signal 'grep -q "\"epoch\":3," log' \
			"${relabel[@]}" --log log -o x.fd2 distilled.tar 2>err
		[ $signal = KILL ] ||
			grep "'x.fd2.part' has the labels of .* of 40 epochs.*; go on" err
		run -1 --separate-stderr "${relabel[@]}" -o x.fd2 distilled.tar
		said "fd2-relabel: 'x.fd2.part' holds labels of an interrupted run: go on with" \
			"--resume, or remove it"
		run -1 --separate-stderr "${relabel[@]}" --mix mixup --resume -o x.fd2 distilled.tar
		said "fd2-relabel: cannot resume: 'x.fd2.part' was made with --mix cutmix, not" \
			"with" \
			"--mix mixup"
		"${relabel[@]}" --resume --log log -o x.fd2 distilled.tar
		cmp x.fd2 whole.fd2
		[ ! -e x.fd2.part ]
		jq -se 'any(.event == "resume" and .epoch >= 3)' log
		rm log
	done
	run -0 --separate-stderr "${relabel[@]/-q/-v}" --resume -o x.fd2 distilled.tar
	[ "$stderr" = "fd2-relabel: 'x.fd2' is up to date" ]
	run -1 --separate-stderr "${relabel[@]}" --seed 2 --resume -o x.fd2 distilled.tar
	said "fd2-relabel: 'x.fd2' was made with --seed 0, not with --seed 2; remove it, or leave" \
		"--resume out"
	mkfifo pipe
	for out in - pipe /dev/null; do
		run -2 --separate-stderr "${relabel[@]}" --resume -o $out distilled.tar
		said_first "fd2-relabel: --resume needs a file to go on with: give it with -o"
	done
}

@test "resume: labels that are cut or damaged are made again from there on" {
	local relabel=(fd2-relabel -q -t teacher.fd2 -b 5 -e 8) bytes n field byte
	"${relabel[@]}" -o whole.fd2 distilled.tar
	bytes=$(size whole.fd2)
	for n in 700 $((bytes / 2)) $((bytes - 1)) "$bytes"; do
		head -c "$n" whole.fd2 >x.fd2.part
		"${relabel[@]}" --resume -o x.fd2 distilled.tar
		cmp x.fd2 whole.fd2
		rm x.fd2
	done
	# another flip or share is as valid, but is not what this run draws; the data begin 47 bytes
	# after the name
	for field in flips lambda; do
		rm -f x.fd2
		n=$(($(grep -abo 5/$field whole.fd2 | cut -d: -f1) + 2 + ${#field} + 47))
		cp whole.fd2 x.fd2.part
		byte=$(($(od -An -tu1 -j $n -N 1 whole.fd2) ^ 1))
		printf '%b' "\\x$(printf %x $byte)" |
			dd of=x.fd2.part bs=1 seek=$n conv=notrunc status=none
		run -0 --separate-stderr "${relabel[@]/-q/-v}" --resume -o x.fd2 distilled.tar
		[[ $stderr == *"'x.fd2.part' is damaged in epoch 6: it is labelled again from \
there on"* ]]
		[[ $stderr == *"resumed after epoch 5 of 8"* ]]
		cmp x.fd2 whole.fd2
	done
	echo hello >y.fd2.part
	run -1 --separate-stderr "${relabel[@]}" --resume -o y.fd2 distilled.tar
	said "fd2-relabel: 'y.fd2.part' *; remove it"
	LC_ALL=C sed 's/\xa7version\x02/\xa7version\x01/' whole.fd2 | head -c -1 >x.fd2.part
	run -1 --separate-stderr "${relabel[@]}" --resume -o x.fd2 distilled.tar
	said "fd2-relabel: cannot continue 'x.fd2': its partial file has format version 1, and" \
		"this program writes version 2; remove it"
}

@test "resume: a run that was stopped early goes on next to what an earlier one made" {
	local distill=(fd2-distill -q -t teacher.fd2 --ipc 1 --steps 40 --threads 1) relabel
	"${distill[@]}" -o whole.tar train.tar
	"${distill[@]}" --seed 3 -o x.tar train.tar
	signal_when TERM '[ -e x.tar.ckpt ]' \
		"${distill[@]}" --checkpoint-every 5 -o x.tar train.tar 2>err
	[ ! -e x.tar.part ]
	"${distill[@]}" --resume -o x.tar train.tar
	cmp x.tar whole.tar

	relabel=(fd2-relabel -q -t teacher.fd2 -b 2 -e 9 --threads 1)
	"${relabel[@]}" -o whole.fd2 train.tar
	"${relabel[@]}" --seed 3 -o x.fd2 distilled.tar
	until [ -e x.fd2.ckpt ] && [ ! -e x.fd2.part ]; do # or stopped before a batch, or later
		rm -f x.fd2.*
		signal_when TERM '[ -s x.fd2.part ] && sleep 0.$((RANDOM % 3))' \
			"${relabel[@]}" -o x.fd2 train.tar 2>err
	done
	"${relabel[@]}" --resume -o x.fd2 train.tar
	cmp x.fd2 whole.fd2
}

@test "resume: a finished file that was cut later is not up to date" {
	local relabel=(fd2-relabel -t teacher.fd2 -b 5 -e 3 --threads 1 --resume)
	"${relabel[@]}" -q -o x.fd2 distilled.tar
	head -c -9 x.fd2 >cut.fd2
	run -1 --separate-stderr "${relabel[@]}" -o cut.fd2 distilled.tar
	said "fd2-relabel: 'cut.fd2' is cut short*; remove it, or leave --resume out"
	local tiny=(fd2-teacher -a convnet3 -s 32 -M 2 -b 12 -e 1 --threads 1 --resume)
	"${tiny[@]}" -q -o t.fd2 train.tar
	head -c 100000 t.fd2 >cut.fd2
	run -1 --separate-stderr "${tiny[@]}" -o cut.fd2 train.tar
	said "fd2-teacher: 'cut.fd2' is cut short*; leave out --resume to replace it"
}

@test "resume: a state is saved from time to time, unasked" {
	# each look at the clock is a minute later than the one before
	cat >clock.c <<-'END'
		#define _GNU_SOURCE
		#include <sys/syscall.h>
		#include <time.h>
		#include <unistd.h>
		int clock_gettime(clockid_t clock, struct timespec *now)
		{
			static _Atomic long looks;
			long err = syscall(SYS_clock_gettime, clock, now);
			now->tv_sec += 60 * ++looks;
			return (int)err;
		}
	END
	cc -shared -fPIC -o clock.so clock.c
	local stage command
	while read -r stage command; do
		# shellcheck disable=SC2206 # words
		command=(fd2-$stage -q --threads 1 ${command[0]})
		echo "${command[*]}"
		"${command[@]}" -o whole
		kill_when '[ -e x.ckpt ]' env LD_PRELOAD="$PWD/clock.so" "${command[@]}" -o x
		[ ! -e x ]
		"${command[@]}" --resume --log log -o x
		grep '"event":"resume"' log
		cmp whole x
		rm whole x log
	done <<-'END'
		teacher -a convnet3 -s 16 -M 2 -b 5 -e 4 train.tar
		distill -t teacher.fd2 --steps 12 train.tar
		relabel -t teacher.fd2 -b 3 -e 3 train.tar
		eval -a convnet3 -s 16 --hard -b 5 -e 6 --val val.tar train.tar
		expert -s 16 -n 1 -e 5 -b 6 train.tar
		match -s 16 --iterations 10 train.tar
	END
}

@test "resume: a run whose messages nobody reads any more keeps its state" {
	local tiny=(fd2-teacher -a convnet3 -s 32 -M 2 -b 12 --threads 1 -e 6) pid
	"${tiny[@]}" -q -o whole.fd2 train.tar
	mkfifo messages
	"${tiny[@]}" -o x.fd2 train.tar 2>messages 3>&- &
	pid=$!
	head -n 2 messages
	wait $pid || [ $? = 141 ]
	[ ! -e x.fd2 ]
	"${tiny[@]}" --resume -o x.fd2 train.tar 2>err
	grep "resumed after epoch [1-5] and . of 3 steps" err
	cmp x.fd2 whole.fd2
}

@test "resume: a run whose output is a link goes on by the name that it leads to" {
	local tiny=(fd2-teacher -q -a convnet3 -s 32 -M 2 -b 12 --threads 1 -e 6)
	"${tiny[@]}" -o whole.fd2 train.tar
	mkdir folder
	ln -s folder/x.fd2 link.fd2
	kill_when '[ -e folder/x.fd2.ckpt ]' \
		"${tiny[@]}" --checkpoint-every 1 -o link.fd2 train.tar
	"${tiny[@]}" --resume --log log -o folder/x.fd2 train.tar
	grep '"event":"resume"' log
	cmp link.fd2 whole.fd2
	[ -z "$(find . -name '*.ckpt')" ]
}

@test "resume: every stage, interrupted at a random moment" {
	SIGNALS='TERM KILL' "$root/test/kills" 1
}
