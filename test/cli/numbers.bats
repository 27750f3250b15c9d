#!/usr/bin/env bats
# Values that are not finite, and settings under which nothing is learned.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}

# poison STREAM TENSOR OUT [VALUE]: a copy of the stream whose tensor ends in a NaN, or has only
# that value.
poison() {
	py "$@" <<-'END'
		import sys
		from streams import read, write
		path, tensor, out = sys.argv[1:4]
		header, tensors = read(path)
		value = tensors[tensor] = tensors[tensor].copy()
		value.flat[-1:] = float("nan")
		if len(sys.argv) > 4:
		    value.flat[:] = float(sys.argv[4])
		write(out, header, tensors)
	END
}

@test "numbers: training that diverges ends at that step, and names epoch, step and tensor" {
	local diverges=(fd2-teacher -q -a convnet3 -s 32 -M 2 -b 6 --lr 100 --cal-lr 1 -e 50 \
		-o teacher.fd2) before
	cp --remove-destination teacher.fd2 kept && cp --remove-destination kept teacher.fd2
	before=$(sha256sum <teacher.fd2)
	run -1 --separate-stderr "${diverges[@]}" --checkpoint-every 1 train.tar
	said "fd2-teacher: the loss and tensor '*' are not finite in epoch *, step * of 6;" \
		"try a smaller --lr, or --clip*"
	[ "$(sha256sum <teacher.fd2)" = "$before" ]
	[ -z "$(find . -name '.*.tmp')" ]
	poison teacher.fd2 fc.weight big.fd2 3e38
	run -1 --separate-stderr fd2-eval -q -a "$tiny_arch" --init big.fd2 -l labels.fd2 \
		--val val.tar distilled.tar
	said "fd2-eval: the loss of $tiny_arch, seed 0, and tensor '*' are not finite in epoch" \
		"1, batch *; try a smaller --lr"
}

@test "numbers: no stage takes an input that is not finite" {
	poison teacher.fd2 cal.fc.weight bad.fd2
	local stage
	for stage in fd2-protos "fd2-select --method rded -n 1" fd2-attn fd2-relabel fd2-distill; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr $stage -q -t bad.fd2 -o x train.tar
		said "${stage%% *}: cannot use 'bad.fd2' as a teacher: tensor 'cal.fc.weight' is" \
			"not finite"
	done
	poison teacher.fd2 fc.weight bad.fd2
	run -1 --separate-stderr fd2-teacher -q -a "$tiny_arch" -s 32 --init bad.fd2 -o x train.tar
	said "fd2-teacher: cannot start from 'bad.fd2': tensor 'fc.weight' is not finite"
	poison protos.fd2 prototypes bad.fd2
	run -1 --separate-stderr fd2-distill -q -t teacher.fd2 -p bad.fd2 -o x train.tar
	said "fd2-distill: 'bad.fd2': tensor 'prototypes' is not finite"
	poison labels.fd2 1/logits bad.fd2
	run -1 --separate-stderr fd2-eval -q -l bad.fd2 --val val.tar distilled.tar
	said "fd2-eval: tensor '1/logits' of the labels is not finite"
	poison attn.fd2 "$(fd2-look attn.fd2 | awk '$2 == "f32" { print $1; exit }')" bad.fd2
	run -1 --separate-stderr fd2-stat bad.fd2
	[[ $stderr == "fd2-stat: cannot read 'bad.fd2': tensor '"*"' is not finite" ]]
	# finite as they are computed, and not as they are stored
	poison teacher.fd2 fc.weight large.fd2 1e5
	run -1 --separate-stderr fd2-relabel -q --dtype f32 -t large.fd2 -e 1 -o x distilled.tar
	said "fd2-relabel: the logits of batch 1 are not finite in f16"
	[ ! -e x ]
}

@test "numbers: a setting under which no step is taken is an error" {
	local batch
	run -1 --separate-stderr fd2-eval -q --hard -b 1 -s 32 -a convnet3 --val val.tar train.tar
	said "fd2-eval: no step can be taken: BatchNorm needs two images in a batch, and batches" \
		"have 1"
	for batch in 2 3; do
		fd2-relabel -q -t teacher.fd2 -b $batch -e 1 -o few.fd2 distilled.tar
		run -1 --separate-stderr fd2-eval -q -l few.fd2 --val val.tar distilled.tar
		said "fd2-eval: no step can be taken: BatchNorm needs two images in each half of" \
			"a batch, and batches have $batch"
	done
	run -2 --separate-stderr fd2-teacher -q -b 1 train.tar
}

@test "numbers: pixels stay between black and white, whatever the rate" {
	# they are bounded after every step; images that were clipped at the end alone would have a
	# BatchNorm loss in the thousands
	fd2-distill -q -t teacher.fd2 --plain --steps 4 --lr 100 --log-every 1 --log log -o x.tar \
		train.tar
	jq -es 'map(select(.event == "step") | .loss.bn) |
		length == 4 and all(.[] / .[0]; . > 0.5 and . < 2)' log
}
