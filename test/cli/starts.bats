#!/usr/bin/env bats
# What distilled images start as: whole photographs, crops, and shares of both.
# shellcheck disable=SC2154 # `run` sets stderr

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}

start() {
	fd2-distill -q -t teacher.fd2 --steps 0 "$@"
}

# image FILE ID [CLASS]
image() {
	tar xOf "$1" "${3:-red-spot}/000$2.jpg"
}

# samples FILE: what is in it but its provenance, to compare
samples() {
	fd2-look --json "$1" | jq -r .digest
}

all_different() {
	tar xf "$1" --exclude '__*__' --to-command=md5sum --wildcards '*.jpg' | sort -u | wc -l
}

@test "starts: whole photographs are those of fd2-select, in its order" {
	local how
	for how in random herding; do
		fd2-select -q --method $how -t teacher.fd2 --seed 3 -n 4 -o chosen.tar train.tar
		start --init-images chosen.tar -n 4 -o want.tar </dev/null
		start --init $how --seed 3 -n 4 -o $how.tar train.tar
		[ "$(samples $how.tar)" = "$(samples want.tar)" ]
		tar xOf $how.tar __fd2__ | jq -e --arg how $how '.options |
			.init == $how and .["init-share"] == 1 and .["init-rest"] == null'
	done
	# other seeds choose others
	start --init random -n 4 -o other.tar train.tar
	[ "$(samples random.tar)" != "$(samples other.tar)" ]
}

@test "starts: a photograph is seen as by the teacher: squashed, or its central square" {
	local class fit
	fd2-draw --classes 3 --per-class 2 --size 40 -o drawn.tar
	for class in $(fd2-look --json drawn.tar | jq -r '.classes | keys[]'); do
		mkdir -p "$class" "wide/$class"
		tar xf drawn.tar -C "$class" "$class/0001.jpg" "$class/0002.jpg"
		# two images side by side
		fd2-look -q --sheet "wide/$class/0001.jpg" --columns 2 --per-class 2 --cell 40 \
			"$class" >/dev/null
	done
	tar --sort=name -cf wide.tar -C wide .
	for fit in squash short; do
		tiny_teacher -e 1 --fit $fit -o $fit.fd2 train.tar
		fd2-distill -q -t $fit.fd2 --steps 0 --init random -o $fit.tar wide.tar
		fd2-distill -q -t $fit.fd2 --steps 0 --init-images wide.tar -o given.tar </dev/null
		[ "$(samples $fit.tar)" = "$(samples given.tar)" ]
	done
	[ "$(samples squash.tar)" != "$(samples short.tar)" ]
}

@test "starts: by confidence, each photograph once, and the first of a larger choice" {
	local id
	start --init confidence -n 8 -o all.tar train.tar
	[ "$(all_different all.tar)" = 24 ]
	start --init confidence -n 2 -o two.tar train.tar
	start --init herding -n 8 -o herding.tar train.tar
	for id in 1 2; do
		cmp <(image all.tar $id) <(image two.tar $id)
	done
	[ "$(samples all.tar)" != "$(samples herding.tar)" ]
}

@test "starts: shares alternate, each with its own start" {
	local mixed=(-n 5 --init herding --init-share 0.4)
	start -n 2 --init herding -o photographs.tar train.tar
	start -n 3 --init tiles -o tiles.tar train.tar
	start -n 3 --init mosaic -o mosaics.tar train.tar
	start "${mixed[@]}" --init-rest tiles -o with-tiles.tar train.tar
	start "${mixed[@]}" -o with-mosaics.tar train.tar
	for name in tiles mosaics; do
		cmp <(image with-$name.tar 1) <(image photographs.tar 1)
		cmp <(image with-$name.tar 2) <(image $name.tar 1)
		cmp <(image with-$name.tar 3) <(image photographs.tar 2)
		cmp <(image with-$name.tar 4) <(image $name.tar 2)
		cmp <(image with-$name.tar 5) <(image $name.tar 3)
		[ "$(all_different with-$name.tar)" = 15 ]
	done
	run ! cmp -s <(image tiles.tar 1) <(image mosaics.tar 1)
	tar xOf with-mosaics.tar __fd2__ | jq -e '.options |
		.init == "herding" and .["init-share"] == 0.4 and .["init-rest"] == "mosaic"'
}

@test "starts: shards of work, resumed ones and other packings are the one run" {
	local k id whole=(-t teacher.fd2 -q --steps 2 --batch 1 --no-ls --ipc 3 --group 3)
	whole+=(--init confidence --init-share 0.6 --init-rest tiles)
	fd2-distill "${whole[@]}" -o whole.tar train.tar
	for k in 0 1 2; do
		fd2-distill "${whole[@]}" --classes $k -o $k.tar train.tar
	done
	for id in 1 2 3; do
		cmp <(image whole.tar $id) <(image 2.tar $id)
		cmp <(image whole.tar $id gold-bar) <(image 1.tar $id gold-bar)
		fd2-distill "${whole[@]}" --id $id -o part.tar train.tar
		cmp <(image whole.tar $id) <(image part.tar $id)
	done
	head -c 7777 whole.tar >x.tar.part
	fd2-distill "${whole[@]}" --resume -o x.tar train.tar
	cmp whole.tar x.tar
	# photographs in another order, and decoded again each time
	tar xf train.tar --exclude '__*__' --one-top-level=real
	(cd real && printf '%s\n' */*.jpg | sort -r | tar cf ../reversed.tar -T -)
	start --init herding -n 3 --cache 1 -o reversed-starts.tar reversed.tar
	start --init herding -n 3 -o starts.tar train.tar
	[ "$(samples starts.tar)" = "$(samples reversed-starts.tar)" ]
}

@test "starts: what cannot start is refused" {
	run -1 --separate-stderr start --init random -n 13 -o x.tar train.tar
	said "fd2-distill: class 'blue-ring' has 12 of the 13 photographs that its images start" \
		"as; give a smaller --ipc, or --init mosaic, which uses some more than once"
	start --init random --init-share 0.9 -n 13 -o x.tar train.tar
	[ "$(fd2-look --json x.tar | jq .samples)" = 39 ]
	rm x.tar
	run -2 --separate-stderr start --init tiles --init-share 0.5 -o x.tar train.tar
	[ "${stderr_lines[0]}" = "fd2-distill: --init-share needs a start of whole photographs: \
give --init random, herding or confidence" ]
	run -2 --separate-stderr start --init herding --init-rest tiles -o x.tar train.tar
	[ "${stderr_lines[0]}" = "fd2-distill: --init-rest needs --init-share below 1: now there \
are no other images" ]
	[ ! -e x.tar ]
	# before the images of other classes are made, which no shard with more classes could go on
	tar xf train.tar blue-ring gold-bar
	tar --sort=name -cf two.tar blue-ring gold-bar
	run -1 --separate-stderr start --init mosaic -b 1 -o x.tar two.tar
	said "fd2-distill: class 'red-spot' has no image"
	[ -z "$(find . -name 'x.tar*')" ]
}
