#!/usr/bin/env bats
# What runs ask of the device, as the emulated one counts it: test/run emulated.

bats_require_minimum_version 1.5.0
load ../cli/helpers

setup() {
	fd2_setup
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

@test "counts: graphs of one block after another reserve no more memory than those of the first" {
	local one four
	one=$(counted reserved tiny_distill "${gpu[@]}" --steps 6 -p protos.fd2 --ipc 1 --plain -o one.tar)
	four=$(counted reserved tiny_distill "${gpu[@]}" --steps 6 -p protos.fd2 --ipc 4 --plain --together 1 -o four.tar)
	echo "$one bytes for one block, $four for four"
	[ "$one" -gt 0 ]
	[ "$four" = "$one" ]
}
