#!/usr/bin/env bats
# Distilled images that are larger than what the teacher sees.
# shellcheck disable=SC2154 # the helpers set $python, and `run` stderr

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}

# image FILE ID
image() {
	tar xOf "$1" "red-spot/000$2.jpg"
}

samples() {
	fd2-look --json "$1" | jq -r .digest
}

# sides FILE: the sizes of its images, each once
sides() {
	tar xf "$1" --exclude '__*__' --to-command='file -' --wildcards '*.jpg' |
		grep -o '[0-9]*x[0-9]*, comp' | sort -u
}

@test "image size: the teacher's own is the default" {
	tiny_distill -p protos.fd2 --ipc 2 --image-size 32 -o x.tar
	[ "$(samples x.tar)" = "$(samples distilled.tar)" ]
	tar xOf distilled.tar __fd2__ | jq -e '.options["image-size"] == 32 and .size == 32'
}

@test "image size: every view of L_S, every method, and other than whole multiples" {
	local view
	for view in plain same once literal; do
		tiny_distill --ipc 2 --image-size 64 --ls-view $view --ls-weight 5 \
			--log $view.log --log-every 1 -o $view.tar
		[ "$(sides $view.tar)" = "64x64, comp" ]
		# all learn the first image alike, and compare the second one in their own ways
		cmp <(image plain.tar 1) <(image $view.tar 1)
		jq -es 'map(select(.event == "step" and .image == 2)) |
			length == 3 and all(.loss.S > 0 and .loss.S <= 1)' $view.log
	done
	[ "$(for view in plain same once literal; do image $view.tar 2 | md5sum; done |
		sort -u | wc -l)" = 4 ]
	# crops are of the larger image
	jq -es 'map(select(.event == "step") | .view[2:4] | max) | max > 32 and max <= 64' plain.log
	tiny_distill --method fadrm --steps 4 --image-size 51 -o fadrm.tar
	[ "$(sides fadrm.tar)" = "51x51, comp" ]
	tar xOf fadrm.tar __fd2__ |
		jq -e '.size == 51 and .options.sizes == [28,32,28,32]'
	run -1 --separate-stderr tiny_distill --sizes 32,8 --image-size 8 -o x.tar
	said "fd2-distill: with --image-size 8, images are of 2 pixels where the teacher sees 8" \
		"of --sizes; the least is 8"
	tiny_distill --method sre2l --image-size 24 --pixels f16 -o small.tar
	[ "$(sides small.tar)" = "24x24, comp" ]
}

@test "image size: starts have it, and photographs are chosen as the teacher sees them" {
	fd2-select -q --method herding -t teacher.fd2 -n 3 -o chosen.tar train.tar
	tiny_distill --steps 0 -n 3 --image-size 80 --init-images chosen.tar -o want.tar
	tiny_distill --steps 0 -n 3 --image-size 80 --init herding -o herding.tar
	[ "$(samples herding.tar)" = "$(samples want.tar)" ]
	[ "$(sides herding.tar)" = "80x80, comp" ]
	local how
	for how in mosaic tiles real noise random confidence; do
		tiny_distill --steps 0 -n 2 --image-size 80 --init $how -o $how.tar
		[ "$(sides $how.tar)" = "80x80, comp" ]
	done
}

@test "image size: shards of work, chains of processes and resumed runs are the one run" {
	local id run=(tiny_distill -p protos.fd2 --ipc 2 --image-size 48)
	"${run[@]}" --ls-view plain -o plain.tar
	"${run[@]}" --ls-view plain --id 1 -o 1.tar
	fd2-attn -q -t teacher.fd2 -o 1.attn 1.tar
	"${run[@]}" --ls-view plain --id 2 --attn 1.attn -o 2.tar
	for id in 1 2; do
		cmp <(image plain.tar $id) <(image $id.tar $id)
	done
	"${run[@]}" -o whole.tar
	"${run[@]}" --id 2 --previous 1.tar -o 2.tar
	cmp <(image whole.tar 2) <(image 2.tar 2)
	head -c 9000 whole.tar >x.tar.part
	"${run[@]}" --resume -o x.tar
	cmp whole.tar x.tar
	# within an image, with its state of that size
	local long=(fd2-distill -q -t teacher.fd2 --plain --image-size 48 --steps 30 train.tar)
	"${long[@]}" -o whole.tar
	"${long[@]}" --checkpoint-every 1 -o y.tar 3>&- &
	until [ -e y.tar.ckpt ]; do
		kill -0 $!
		sleep 0.02
	done
	kill -KILL $!
	run ! wait $!
	"${long[@]}" --resume -o y.tar
	cmp whole.tar y.tar
}

@test "image size: labels crop the larger image to the teacher's size; students take both" {
	need_python
	tiny_distill --ipc 2 --image-size 64 -o large.tar
	fd2-relabel -q -t teacher.fd2 -e 3 -o large.fd2 large.tar
	fd2-look --json large.fd2 | jq -e '.meta.size == 32'
	"$python" - large.fd2 <<-'END'
		import sys, msgpack, msgpack_numpy
		read = msgpack.Unpacker(open(sys.argv[1], "rb"), object_hook=msgpack_numpy.decode)
		boxes = [o["value"] for o in read if o.get("name", "").endswith("/boxes")]
		assert len(boxes) == 3
		assert max(b[:, 2:].max() for b in boxes) > 32
		assert all(((b[:, :2] + b[:, 2:]) <= 64).all() for b in boxes)
	END
	fd2-eval -q -a "$tiny_arch" -l large.fd2 --val val.tar large.tar | jq -e '.top1 >= 0'
}

@test "image size: --dry-run counts the larger images" {
	tiny_distill --ipc 2 --image-size 96 -o large.tar
	run -0 --separate-stderr fd2-distill --dry-run -t teacher.fd2 --ipc 2 --steps 3 \
		--image-size 96 train.tar
	local unit size
	read -r _ _ size unit <<<"${lines[-1]}"
	[ "$unit" = kB ]
	awk -v said="$size" -v is="$(stat -Lc %s large.tar)" \
		'BEGIN { said *= 1e3; exit !(said > 0.8 * is && said < 1.2 * is) }'
}
