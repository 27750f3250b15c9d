#!/usr/bin/env bats
# Held-out figures: the pixels are Pillow's, and a trained network is measured without training.

bats_require_minimum_version 1.5.0
load helpers

held_out() {
	"$python" "$root/test/cli/held_out.py" "$@"
}

@test "evaluate: held-out images are Pillow's, to the byte" {
	need_python
	held_out draw odd.tar
	fd2-draw --classes 2 --per-class 2 --size 150 -o drawn.tar
	local fit size shard
	for shard in odd drawn; do
		while read -r size fit; do
			"$root/build/test/held-out" $shard.tar "$size" "$fit" |
				held_out check $shard.tar "$size" "$fit"
		done <<-'END'
			32 short
			112 short
			57 squash
			48 whole
		END
	done
}

# same FILE FIGURES: the figures of a training run's line.
same() {
	jq -e --slurpfile was "$2" '[.top1, .top5, .nll, .ece, .val_images] ==
		($was[0] | [.top1, .top5, .nll, .ece, .val_images])' "$1"
}

@test "evaluate: a saved student has the figures of its training" {
	need_python
	tiny_run
	local kind
	for kind in fd2 safetensors; do
		fd2-eval -q -a "$tiny_arch" -l labels.fd2 --val val.tar --save s.$kind \
			--report was.report distilled.tar >was.json
		fd2-eval -q --evaluate s.$kind --val val.tar --report now.report \
			--predictions predictions >now.json
		same now.json was.json
	done
	jq -e '.val_dtype == "f32" and .val_decoding == "full"' now.json
	fd2-look --json s.fd2 | jq -e --slurpfile of <(fd2-look --json labels.fd2) \
		'.meta.measured_on == "val" and .meta.labels == $of[0].meta'
	jq -ces '.[0].confusion == .[1].confusion and .[0].calibration == .[1].calibration' \
		now.report was.report
	"$python" "$root/test/cli/schemas.py" "$root/formats/schemas.json" evaluation <now.json
	"$python" "$root/test/cli/schemas.py" "$root/formats/schemas.json" report <now.report

	# the predictions are those that were counted, in the shard's order
	[ "$(head -n 1 predictions)" = $'sample\tclass\tpredicted\tp' ]
	diff <(tail -n +2 predictions | cut -f 1) \
		<(tar tf val.tar | sed -n 's/\.jpg$//p')
	tail -n +2 predictions | awk -F '\t' -v top1="$(jq .top1 now.json)" '
		{ right += $2 == $3; bad += !($4 > 0.33 && $4 <= 1) || index($1, $2 "/") != 1 }
		END { exit bad || (right / NR - top1) ^ 2 > 1e-9 }'
}

# bare FILE: safetensors without their metadata
bare() {
	"$python" - "$1" <<-'END'
		import json, sys
		data = open(sys.argv[1], "rb").read()
		end = 8 + int.from_bytes(data[:8], "little")
		header = json.loads(data[8:end])
		del header["__metadata__"]
		text = json.dumps(header).encode()
		sys.stdout.buffer.write(len(text).to_bytes(8, "little") + text + data[end:])
	END
}

# says KEY VALUE: the safetensors on standard input with that in their meta
says() {
	"$python" - "$@" 3<&0 <<-'END'
		import json, sys
		data = open(3, "rb").read()
		end = 8 + int.from_bytes(data[:8], "little")
		header = json.loads(data[8:end])
		meta = json.loads(header["__metadata__"]["fd2"])
		meta[sys.argv[1]] = json.loads(sys.argv[2])
		header["__metadata__"]["fd2"] = json.dumps(meta)
		text = json.dumps(header).encode()
		sys.stdout.buffer.write(len(text).to_bytes(8, "little") + text + data[end:])
	END
}

@test "evaluate: what a file says of itself is checked" {
	need_python
	tiny_run
	fd2-look --export named.safetensors teacher.fd2
	local claim
	for claim in "last_stride 3" "last_stride 0" "size 7" "std [1,0,1]"; do
		# shellcheck disable=SC2086 # key and value
		says $claim <named.safetensors >odd.safetensors
		run -1 --separate-stderr fd2-eval --evaluate odd.safetensors --val val.tar
		said "fd2-eval: the meta of 'odd.safetensors' holds a value out of range"
	done
}

@test "evaluate: a teacher's backbone, and networks that do not say what they are" {
	need_python
	tiny_run
	fd2-eval -q --evaluate teacher.fd2 --val val.tar >teacher.json
	jq -e --arg arch "$tiny_arch" '.arch == $arch and .size == 32' teacher.json
	fd2-look --export named.safetensors teacher.fd2
	fd2-eval -q --evaluate named.safetensors --val val.tar >named.json
	same named.json teacher.json
	# as other programs write them
	bare named.safetensors >bare.safetensors
	run -1 --separate-stderr fd2-eval --evaluate bare.safetensors --classes-from val.tar \
		--val val.tar
	said "fd2-eval: 'bare.safetensors' does not name its backbone; give it with --arch"
	run -1 --separate-stderr fd2-eval --evaluate bare.safetensors -a "$tiny_arch" --val val.tar
	said "fd2-eval: 'bare.safetensors' does not name at least two classes;" \
		"give them with --classes-from"
	fd2-eval -q --evaluate bare.safetensors -a "$tiny_arch" -s 32 --classes-from val.tar \
		--val val.tar >bare.json
	same bare.json teacher.json
	# the pixels' scale and the size count
	fd2-eval -q --evaluate bare.safetensors -a "$tiny_arch" -s 40 --classes-from val.tar \
		--mean 0.5,0.5,0.5 --std 0.25,0.25,0.25 --val val.tar >other.json
	jq -e '.size == 40 and .mean == [0.5, 0.5, 0.5] and .std == [0.25, 0.25, 0.25]' other.json
	[ "$(jq .nll other.json)" != "$(jq .nll bare.json)" ]
	printf '%s\n' one two >names
	run -1 --separate-stderr fd2-eval --evaluate bare.safetensors -a "$tiny_arch" \
		--classes-from names --val val.tar
	said "fd2-eval: 'bare.safetensors' classifies 3 classes, not 2"
	run -1 --separate-stderr fd2-eval --evaluate bare.safetensors -a convnet3 \
		--classes-from val.tar --val val.tar
	said "fd2-eval: 'bare.safetensors' *"
}

@test "evaluate: --fast-val takes training's shortcuts, and says so" {
	tiny_run
	fd2-draw -q --classes 3 --per-class 6 --size 150 --split val -o large.tar
	fd2-eval -q --evaluate teacher.fd2 --val large.tar >exact.json
	fd2-eval -q --evaluate teacher.fd2 --fast-val --dtype bf16 --val large.tar >fast.json
	jq -e '.val_dtype == "bf16" and .val_decoding == "reduced"' fast.json
	[ "$(jq -c '[.ece, .nll]' exact.json)" != "$(jq -c '[.ece, .nll]' fast.json)" ]
	fd2-eval -q -a "$tiny_arch" --hard -s 32 -e 1 --fast-val --dtype bf16 --val large.tar \
		--save s.fd2 distilled.tar | jq -e '.val_dtype == "bf16"'
	# what was measured exactly does not depend on --dtype
	fd2-eval -q --evaluate s.fd2 --dtype bf16 --val large.tar >a.json
	fd2-eval -q --evaluate s.fd2 --dtype f32 --val large.tar | cmp - a.json
	tiny_teacher -e 1 --val val.tar -o t.fd2 train.tar
	fd2-look --json t.fd2 | jq -e '.meta.val | .dtype == "f32" and .decoding == "full"'
	tiny_teacher -e 1 --val val.tar --fast-val --dtype bf16 -o t.fd2 train.tar
	fd2-look --json t.fd2 | jq -e '.meta.val | .dtype == "bf16" and .decoding == "reduced"'
}

@test "evaluate: the loss is of the samples that were learned from" {
	tiny_run
	local batch eval=(fd2-eval -q -a convnet3 --hard --no-augment -s 32 --lr 0 --val val.tar)
	for batch in 6 5; do # a last batch of one image is left out
		"${eval[@]}" -e 1 -b $batch distilled.tar >$batch.json
	done
	jq -es '.[1].loss / .[0].loss - 1 | fabs < 0.1' 6.json 5.json
}

@test "evaluate: a name of the set that is not UTF-8" {
	tiny_run
	fd2-eval -q -a convnet3 --hard -s 32 -e 1 --val val.tar --data $'caf\xe9' distilled.tar |
		jq -e '.data == "caf%E9"'
}

@test "evaluate: command lines that do not fit together" {
	local sentence options
	touch s
	while IFS='|' read -r sentence options; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr fd2-eval $options
		[ "${stderr_lines[0]}" = "fd2-eval: $sentence" ]
	done <<-'LINES'
		no held-out images; give them with --val|--evaluate s
		--evaluate trains nothing: remove the shards|--evaluate s --val v d.tar
		--evaluate trains nothing: remove --epochs|--evaluate s --val v -e 3
		--evaluate trains nothing: remove --lr|--evaluate s --val v --lr 0.1
		--evaluate trains nothing: remove --data|--evaluate s --val v --data real
		--evaluate measures one network, not 2|--evaluate s --val v -a resnet18 -a convnet3
		--mean expects 3 numbers|--evaluate s --val v --mean 0.5
		--std expects 3 numbers|--evaluate s --val v --std 0.5,0.5
		--evaluate reads its file twice, and so cannot take a pipe|--evaluate - --val v
		--zeta is for --schedule cosine|--hard --val v --schedule step --zeta 1 d.tar
		--temperature is for --soft-loss kl|-l l --val v --soft-loss mse -T 4 d.tar
		--predictions is for --evaluate|--hard --val v --predictions p d.tar
		--std is for --evaluate|--hard --val v --std 1,1,1 d.tar
	LINES
}
