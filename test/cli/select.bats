#!/usr/bin/env bats
# Selection baselines: what is chosen, by which rule, from shards in any packing; and what takes it.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}

methods="random herding k-center rded"

# choose METHOD [OPTION...] SHARD...
choose() {
	local method=$1
	shift
	fd2-select -q --method "$method" -t teacher.fd2 "$@"
}

# images [SHARD]: what is in it but its provenance, to compare.
images() {
	fd2-look --json "$@" | jq -r .digest
}

# four_parts: train.tar as 0.tar to 3.tar, each with some images of every class, later names first.
four_parts() {
	tar xf train.tar --exclude '__*__' --one-top-level=real
	local part
	for part in 0 1 2 3; do
		(cd real && printf '%s\n' */*.jpg | awk -v part=$part 'NR % 4 == 3 - part' |
			sort -r | tar cf ../$part.tar -T -)
	done
}

@test "select: every method writes as many as asked, and where they are from" {
	local method digest
	digest=$(fd2-look --json teacher.fd2 | jq -r .digest)
	for method in $methods; do
		choose "$method" -n 3 -o "$method.tar" train.tar
		fd2-look --check "$method.tar"
		fd2-look --json "$method.tar" |
			jq -e '[.samples, (.classes | map(.) | unique)] == [9,[3]]'
		tar xOf "$method.tar" __fd2__ | jq -e --arg m "$method" --arg t "$digest" \
			'.tool == "fd2-select" and .count == 9 and .options.method == $m and
			.inputs.teacher == $t and (.classes | length) == 3'
		[ "$(tar tf "$method.tar" | head -4 | xargs)" = "blue-ring/0001.jpg \
blue-ring/0001.cls blue-ring/0001.json gold-bar/0001.jpg" ]
	done
	[ "$(for m in $methods; do images "$m.tar"; done | sort -u | wc -l)" = 4 ]
}

@test "select: photographs differ, keep their bytes, and are the first of a larger choice" {
	tar xf train.tar --one-top-level=real
	local method image from
	for method in random herding k-center; do
		mkdir $method
		choose "$method" -n 5 train.tar | tar xC $method
		choose "$method" -n 2 train.tar | tar x --one-top-level=$method.two
		[ "$(cat $method/*/*.json | jq -r .from | sort -u | wc -l)" = 15 ]
		for image in "$method"/*/*.jpg; do
			from=$(jq -r .from "${image%.jpg}.json")
			[ "${from%/*}" = "$(basename "$(dirname "$image")")" ]
			cmp "$image" "real/$from.jpg"
		done
		for image in "$method.two"/*/*.jpg; do
			cmp "$image" "$method/${image#*/}"
		done
	done
}

@test "select: the same images again, from four shards in another order, and by two threads" {
	four_parts
	local method
	for method in $methods; do
		choose "$method" -n 3 -o one.tar train.tar
		choose "$method" -n 3 -o again.tar train.tar
		cmp one.tar again.tar
		choose "$method" -n 3 -o parts.tar 3.tar 1.tar 0.tar 2.tar
		[ "$(images parts.tar)" = "$(images one.tar)" ]
		OMP_NUM_THREADS='' choose "$method" --threads 2 -n 3 -o threads.tar '{0..3}.tar'
		[ "$(images threads.tar)" = "$(images one.tar)" ]
		[ "$method" = herding ] || [ "$method" = k-center ] ||
			run ! cmp -s <(choose "$method" --seed 1 -n 3 train.tar | images) \
				<(images one.tar)
	done
}

@test "select: shards of classes are the one run" {
	local method k
	for method in random herding rded; do
		choose "$method" -n 2 -o whole.tar train.tar
		tar xf whole.tar --exclude '__*__' --one-top-level="$method/whole"
		for k in 0 1-; do
			choose "$method" -n 2 --classes $k train.tar |
				tar x --exclude '__*__' --one-top-level="$method/parts"
		done
		diff -r "$method"/whole "$method"/parts
	done
	run -1 --separate-stderr choose random --classes 3 train.tar
	said "fd2-select: --classes starts at 3, but there are 3 classes (0-2)"
}

@test "select: herding and k-center choose what NumPy does of the features" {
	need_python
	cat >choose.py <<-'END'
		import os, sys, msgpack, msgpack_numpy, numpy as np
		method, path, ipc = sys.argv[1], sys.argv[2], int(sys.argv[3])
		stream = msgpack.Unpacker(
		    open(path, "rb"), max_buffer_size=0, object_hook=msgpack_numpy.decode)
		head = next(stream)
		assert head["kind"] == "features", head
		f = {o["name"]: o["value"].astype("f8") for o in stream if "name" in o}
		for k in sorted({name.split("/")[0] for name in f}):
		    names = sorted(n for n in f if n.split("/")[0] == k)
		    x = np.stack([f[n] for n in names])
		    assert x.shape == (12, int(os.environ["tiny_channels"])) and x.std() > 0
		    mu, chosen = x.mean(0), []
		    for i in range(ipc):
		        if method == "herding":
		            cost = np.linalg.norm((i + 1) * mu - x[chosen].sum(0) - x, axis=1)
		        elif i == 0:
		            cost = np.linalg.norm(x - mu, axis=1)
		        else:
		            cost = -np.linalg.norm(x[:, None] - x[chosen], axis=2).min(1)
		        cost[chosen] = np.inf
		        chosen.append(int(cost.argmin()))
		    for i, j in enumerate(chosen):
		        print(f"{k}/{i + 1:04d} {names[j]}")
	END
	local method json
	for method in herding k-center; do
		choose "$method" -n 6 --features $method.fd2 train.tar |
			tar x --one-top-level=$method
		fd2-look --check $method.fd2
		for json in "$method"/*/*.json; do
			json=${json#*/}
			echo "${json%.json} $(jq -r .from $method/"$json")"
		done >$method.txt
		diff <("$python" choose.py $method $method.fd2 6) $method.txt
	done
	run ! cmp -s herding.txt k-center.txt
	cmp <(fd2-look --tensor red-spot/0007 herding.fd2) \
		<(fd2-look --tensor red-spot/0007 k-center.fd2)
}

@test "select: rded cuts four photographs an image, or one, and fewer make do with more crops" {
	choose rded -n 2 -o r.tar train.tar
	[ "$(fd2-look --json r.tar | jq -c '[.width, .height]')" = '[[32,32],[32,32]]' ]
	tar xf r.tar
	[ "$(cat red-spot/*.json | jq -r '.patches[].from' | sort -u | wc -l)" = 8 ]
	jq -se 'map(.patches[].box) | length == 24 and all(.[2] == .[3] and .[2] >= 11 and
		.[0] + .[2] <= 40 and .[1] + .[3] <= 40)' ./*/*.json
	choose rded -n 2 --factor 1 train.tar | tar x --one-top-level=one
	jq -se 'map(.patches | length == 1) | length == 6 and all' one/*/*.json
	# 12 photographs for 16 places, then 4 photographs
	choose rded -n 4 train.tar | tar x --one-top-level=four
	[ "$(cat four/red-spot/*.json | jq -r '.patches[].from' | sort | uniq -c |
		awk '{ print $1 }' | sort | uniq -c | xargs)" = "8 1 4 2" ]
	choose rded -n 1 --images 4 --crops 2 train.tar | tar x --one-top-level=few
	[ "$(jq -r '.patches[].from' few/red-spot/0001.json | sort -u | wc -l)" = 4 ]
}

@test "select: what is chosen is labelled, trains a student, and is beyond --cache the same" {
	local method
	for method in herding rded; do
		choose "$method" -n 2 -o "$method.tar" train.tar
		run -0 --separate-stderr bash -c "set -o pipefail
			fd2-relabel -t teacher.fd2 -e 2 $method.tar |
			fd2-eval -a $tiny_arch --data $method --val val.tar $method.tar"
		jq -e --arg m "$method" <<<"$output" \
			'[.data, .labels, .images, .classes] == [$m, "soft", 6, 3]'
		[ -z "$stderr" ]
	done
	fd2-draw --classes 3 --per-class 4 --size 260 >large.tar
	for method in herding rded; do
		cmp <(choose "$method" -n 2 --cache 1 large.tar) <(choose "$method" -n 2 large.tar)
	done
	fd2-select --method random -n 2 train.tar |
		fd2-eval -a "$tiny_arch" --hard -s 32 -e 1 --val val.tar - | jq -e '.images == 6'
}

@test "select: random without a teacher, and shards with numbers for classes" {
	fd2-select -q -n 2 -o without.tar train.tar
	[ "$(images without.tar)" = "$(choose random -n 2 train.tar | images)" ]
	tar xOf without.tar __fd2__ | jq -e '.inputs.teacher == null and .inputs.real != null'
	tar xf train.tar --exclude '__*__' --one-top-level=real
	mkdir flat
	local class image
	for class in blue-ring gold-bar red-spot; do
		for image in real/"$class"/*.jpg; do
			cp "$image" "flat/$class-${image##*/}"
			cp "${image%.jpg}.cls" "flat/$class-$(basename "$image" .jpg).cls"
		done
	done
	tar --sort=name -C flat -cf flat.tar .
	fd2-select -q -n 2 -o numbers.tar flat.tar
	[ "$(tar tf numbers.tar | grep jpg | xargs)" = \
		"0-0001.jpg 1-0001.jpg 2-0001.jpg 0-0002.jpg 1-0002.jpg 2-0002.jpg" ]
	[ "$(fd2-look --json numbers.tar | jq -c '[.samples, (.classes | length)]')" = '[6,3]' ]
	# the teacher knows the names
	[ "$(choose herding -n 1 flat.tar | tar t | grep jpg | xargs)" = \
		"blue-ring/0001.jpg gold-bar/0001.jpg red-spot/0001.jpg" ]
}

@test "select: what does not go together is refused" {
	run -2 --separate-stderr fd2-select --method herding train.tar
	[ "${stderr_lines[0]}" = "fd2-select: --method herding, k-center and rded need a teacher; \
give one with -t" ]
	run -2 --separate-stderr choose rded --features f.fd2 train.tar
	[ "${stderr_lines[0]}" = "fd2-select: --features is for --method herding and k-center" ]
	run -2 --separate-stderr choose herding --features - train.tar
	[ "${stderr_lines[0]}" = "fd2-select: --features and --output are both '-'" ]
	run -2 --separate-stderr choose herding --crops 3 train.tar
	[ "${stderr_lines[0]}" = "fd2-select: --images, --crops, --factor and --quality are for \
--method rded: the other methods write photographs as they are" ]
	run -1 --separate-stderr choose herding -n 13 -o x.tar --features x.fd2 train.tar
	said "fd2-select: class 'blue-ring' has 12 images, but --ipc needs 13"
	tar xf train.tar red-spot
	tar --sort=name -cf red.tar red-spot
	run -1 --separate-stderr choose random -o x.tar red.tar
	said "fd2-select: class 'blue-ring' has 0 images, but --ipc needs 1"
	run -1 --separate-stderr choose rded -o x.tar red.tar
	said "fd2-select: class 'blue-ring' has no image"
	run -1 --separate-stderr choose herding -o x.tar --features /nowhere/x train.tar
	said "fd2-select: cannot write '/nowhere/x': *"
	[ -z "$(find . -name 'x*' -o -name '.*' ! -name .)" ]
}

@test "select: corrupt photographs are skipped and counted, with --strict they stop" {
	tar xf train.tar --exclude '__*__' --one-top-level=real
	local method
	for image in 0001 0004 0009; do
		head -c 400 real/red-spot/$image.jpg >short
		mv short real/red-spot/$image.jpg
	done
	tar --sort=name -C real -cf cut.tar .
	for method in $methods; do
		run -0 --separate-stderr \
			fd2-select --method "$method" -t teacher.fd2 -n 9 -o "$method.tar" cut.tar
		[ "${#stderr_lines[@]}" = 4 ]
		[[ ${stderr_lines[0]} == "fd2-select: skipped member 'red-spot/0001' of 'cut.tar': \
"* ]]
		[ "${stderr_lines[3]}" = "fd2-select: skipped 3 of 36 images" ]
		fd2-look --check "$method.tar"
	done
	run -1 --separate-stderr fd2-select --strict -o x.tar cut.tar
	said "fd2-select: cannot read 'cut.tar': member 'red-spot/0001': *"
	[ ! -e x.tar ]
	run -1 --separate-stderr fd2-select -q -n 10 -o x.tar cut.tar
	said "fd2-select: class 'red-spot' has 9 images, but --ipc needs 10"
}
