#!/usr/bin/env bats
# Real photographs: grey ones, odd sizes, classes with long names.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	export OMP_NUM_THREADS=1
}

# few SHARD N CLASS...: the first N photographs of each of these classes.
few() {
	local shard=$1 n=$2 class
	shift 2
	for class; do
		tar tf "$shard" | grep -E "^$class/.*\.(jpg|JPEG)$" | head -n "$n"
	done >list
	tar xf "$shard" -T list
	cut -d/ -f1 list | uniq | tar --sort=name -cf few.tar -T -
}

@test "photos: all of cars40's held-out photographs decode" {
	shard=$(real_data cars40-val.tar)
	[ "$(fd2-look --json "$shard" | jq -c '[.samples, (.classes | length)]')" = '[393,40]' ]
	fd2-look --check "$shard"
	[ "$(fd2-look --json <"$shard" | jq -r .digest)" = "$(fd2-look --json "$shard" |
		jq -r .digest)" ]
}

@test "photos: a teacher, distilled images and heatmaps of two classes" {
	shard=$(real_data nette-val.tar)
	# shellcheck disable=SC2046 # class names without spaces
	few "$shard" 20 $(fd2-look --json "$shard" | jq -r '.classes | keys[:2][]')
	run -0 --separate-stderr fd2-teacher -a "$tiny_arch" -s 32 -M 2 -b 20 -e 1 -o t.fd2 few.tar
	[[ $stderr == "fd2-teacher: epoch   1  loss "* ]]
	[ "$(fd2-look --json few.tar | jq .samples)" = 40 ]
	fd2-distill -t t.fd2 --steps 1 -o d.tar few.tar
	[ "$(fd2-look --json d.tar | jq -c '[.samples, .width]')" = '[2,[32,32]]' ]
	fd2-attn -t t.fd2 --heatmap -o h.tar few.tar
	fd2-look --check h.tar
	[ "$(fd2-look --json h.tar | jq -c '[.samples, .height]')" = '[40,[32,32]]' ]
}

@test "photos: photographs of odd sizes, squashed and not" {
	shard=$(real_data cars40-train.tar)
	# shellcheck disable=SC2046
	few "$shard" 6 $(fd2-look --json "$shard" | jq -r '.classes | keys[:2][]')
	for fit in short squash; do
		fd2-teacher -a "$tiny_arch" -q -s 40 -M 2 -b 6 -e 1 --fit $fit -o $fit.fd2 few.tar
		fd2-protos -t $fit.fd2 few.tar | fd2-look --tensor prototypes >$fit
	done
	run ! cmp -s short squash
}
