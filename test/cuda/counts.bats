#!/usr/bin/env bats
# What runs ask of the device, as the emulated one counts it: test/run emulated.

bats_require_minimum_version 1.5.0
load ../cli/helpers

setup() {
	fd2_setup
	export tiny_arch=resnet18
	tiny_run
	gpu=(--device cuda --dtype f32)
}

# counted NAME COMMAND...: what the command's process counted under that name
counted() {
	local name=$1
	shift
	rm -f counts
	FD2_EMULATED_COUNTS=$PWD/counts "$@" >counted.log 2>&1 || { cat counted.log >&2; return 1; }
	jq ".$name" counts
}

# waits_in EPOCHS BATCH COMMAND...
waits_in() {
	local epochs=$1 batch=$2
	shift 2
	counted waits "$@" "${gpu[@]}" -e "$epochs" -b "$batch"
}

# Two epochs more cost two waits more, not one a batch.
# waits_an_epoch COMMAND...
waits_an_epoch() {
	local one three
	one=$(waits_in 1 6 "$@")
	three=$(waits_in 3 6 "$@")
	echo "$one waits in an epoch, $three in three"
	[ $((three - one)) = 2 ]
}

@test "counts: a teacher waits for the device once an epoch" {
	waits_an_epoch fd2-teacher -a "$tiny_arch" -q -s 32 -M 2 --clip 1 -o out.fd2 train.tar
}

@test "counts: labelling waits for the device once an epoch" {
	waits_an_epoch fd2-relabel -q -t teacher.fd2 -o out.fd2 train.tar
}

@test "counts: students wait for the device once an epoch" {
	waits_an_epoch fd2-eval -a "$tiny_arch" -q --hard --size 32 --seeds 1-2 --val val.tar \
		--val-every 0 -o out.json train.tar
}

@test "counts: the graphs of later index batches reserve no more memory than those of the first" {
	local one four
	local distil=(counted reserved tiny_distill "${gpu[@]}" --steps 6 -p protos.fd2 --plain)
	one=$("${distil[@]}" --ipc 1 -o one.tar)
	four=$("${distil[@]}" --ipc 4 --indices-per-pass 1 -o four.tar)
	echo "$one bytes for one index batch, $four for four"
	[ "$one" -gt 0 ]
	[ "$four" = "$one" ]
}
