#!/usr/bin/env bats
# The base methods, with and without FD2 on top: their settings, several teachers, initial images.
# shellcheck disable=SC2154 # the helpers set $python, and `run` stderr

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	export tiny_arch=resnet18 # whose images tell more of a few steps
	tiny_run
}

# settings FILE: what a distilled shard says of how it was made
settings() {
	tar xOf "$1" __fd2__
}

image() {
	tar xOf "$1" "red-spot/000$2.jpg"
}

# second FILTER LOG: the steps of each class's second image
second() {
	jq -sc "map(select(.event == \"step\" and .image == 2) | $1)" "$2"
}

# different N NAME...: how many different images N there are in NAME.tar ...
different() {
	local id=$1 name
	shift
	for name; do image "$name.tar" "$id" | md5sum; done | sort -u | wc -l
}

# all_different FILE: how many different images a shard has
all_different() {
	tar xf "$1" --exclude '__*__' --to-command=md5sum --wildcards '*.jpg' | sort -u | wc -l
}

both=(-t teacher.fd2 -t other.fd2)
plus() {
	fd2-distill -q --method fadrm+ --steps 5 "$@" train.tar
}

# layers NAME: NAME-layers.fd2, what the layers of NAME.fd2 get of the photographs
layers() {
	fd2-protos -q -t "$1.fd2" --statistics all -o "$1-layers.fd2" train.tar
}

@test "methods: each runs with and without FD2, and no two make the same image" {
	local method plain n=0
	layers teacher
	for method in $(fd2-distill --list-options | sed -n 's/^--method\t//p' | tr '|' ' '); do
		for plain in '' --plain; do
			# shellcheck disable=SC2086 # empty or one word
			tiny_distill --method $method $plain --statistics teacher-layers.fd2 \
				-o "$method$plain.tar"
			image "$method$plain.tar" 1 >"$method$plain.jpg"
			file "$method$plain.jpg" | grep -q '32x32'
		done
		n=$((n + 1))
	done
	# with one teacher FADRM+ is FADRM
	cmp fadrm.jpg fadrm+.jpg
	[ "$(md5sum ./*.jpg | cut -c -32 | sort -u | wc -l)" = $((2 * (n - 1))) ]
}

@test "methods: what is not given is the method's, and is recorded" {
	tiny_distill --method sre2l --steps 0 -o a.tar
	settings a.tar | jq -e '.options | .init == "noise" and .sizes == [32] and .lr == 0.25 and
		.["r-bn"] == 0.01 and .steps == 0 and .residual == 0'
	tiny_distill --method fadrm --steps 0 -o b.tar
	settings b.tar | jq -e '.options | .init == "real" and .sizes == [28,32,28,32] and
		.lr == 0.25 and .residual == 0.5'
	tiny_distill --method fadrm --steps 0 --sizes 24,31 --residual 0 --lr 0.1 --r-bn 2 \
		--init noise -o c.tar
	settings c.tar | jq -e '.options | .init == "noise" and .sizes == [24,31] and .lr == 0.1 and
		.["r-bn"] == 2 and .residual == 0'
	tiny_distill --method sre2l++ --steps 0 -o d.tar
	settings d.tar | jq -e '.options | .init == "mosaic" and .sizes == [32] and .lr == 0.25 and
		.["bn-form"] == "literal"'
	# the other methods' numbers of steps, which would take long, as --resume names them
	head -c 4096 distilled.tar >x.tar.part
	run -1 --separate-stderr fd2-distill -q -t teacher.fd2 --ipc 2 --resume -o x.tar train.tar
	said "fd2-distill: 'x.tar.part' was made with --steps 3, not with --steps 200; *"
	run -1 --separate-stderr fd2-distill -q -t teacher.fd2 --method sre2l++ --init herding \
		--lr 0.05 --ipc 2 --resume -o x.tar train.tar
	said "fd2-distill: 'x.tar.part' was made with --steps 3, not with --steps 4000; *"
	head -c 4096 b.tar >x.tar.part
	run -1 --separate-stderr \
		fd2-distill -q -t teacher.fd2 --method fadrm --resume -o x.tar train.tar
	said "fd2-distill: 'x.tar.part' was made with --steps 0, not with --steps 2000; *"
}

@test "methods: FADRM goes through its sizes, the rate falls over all of them" {
	tiny_distill --method fadrm --steps 8 --min-scale 0.9 --log log --log-every 1 -o x.tar
	jq -es 'map(select(.event == "step")) | length == 8 and
		all(.[]; (.step / 8 * 3.141592653589793 | cos) as $c |
			(.lr - 0.125 * (1 + $c) | fabs) < 1e-9)' log
	# a crop of nine tenths tells the size of what it was cut from
	jq -s 'map(select(.event == "step") | .view[2:4] | max | . > 28)' log |
		jq -ce '(.[0:2] + .[4:6] | any | not) and (.[2:4] + .[6:8] | any)'
}

@test "methods: CDA goes from whole images to small crops" {
	# shares FILTER OPTION...: what is true of the shares that the crops of 24 steps have
	shares() {
		rm -f log
		tiny_distill --steps 24 --log log --log-every 1 -o x.tar "${@:2}"
		jq -s 'map(select(.event == "step") | .view[2] * .view[3] / 1024)' log |
			jq -ce "$1"
	}
	settings distilled.tar | jq -e '.options | .["min-scale"] == 0.08 and
		.["crop-curriculum"] == "none"'
	shares '(.[:3] | min > 0.9) and .[12:] != [] and (.[12:] | min < 0.5)' --method cda
	settings x.tar | jq -e '.options | .["crop-curriculum"] == "cosine" and
		.["crop-milestone"] == 1 and .["min-scale"] == 0.08 and .init == "noise"'
	shares '(.[:12] | min == 1) and (.[12:] | min < 0.9)' --crop-curriculum step \
		--crop-milestone 0.5 --min-scale 0.5
	shares 'to_entries | all(.[]; .value > 0.5 + 0.5 * (1 - .key / 24) - 0.05)' \
		--crop-curriculum linear --min-scale 0.5
	shares '.[:6] | min < 0.9' --method cda --crop-curriculum none
}

# terms FILE: the loss terms of the first step that a log has
terms() {
	jq -sc 'map(select(.event == "step"))[0].loss' "$1"
}

@test "methods: statistics of photographs, by layer and class" {
	need_python
	# photographs of one colour: every crop shows it, in all layers
	fd2-look --json teacher.fd2 | jq -r '.meta.classes[]' >classes
	"$python" - <<-'PYTHON'
		import os, PIL.Image
		for k, (name, n) in enumerate(zip(open("classes").read().split(), (2, 3, 1))):
		    os.makedirs("plain/" + name)
		    for i in range(n):
		        PIL.Image.new("RGB", (40, 40), (40 * k + 60 * i,) * 3).save(
		            f"plain/{name}/{i}.jpg", quality=100)
	PYTHON
	fd2-protos -q -t teacher.fd2 --statistics all -b 4 -o all.fd2 plain
	fd2-protos -q -t teacher.fd2 --statistics bn -o bn.fd2 plain
	fd2-protos -q -t teacher.fd2 --statistics bn --seed 1 -o other-crops.fd2 train.tar
	fd2-protos -q -t teacher.fd2 --statistics bn -o crops.fd2 train.tar
	run ! cmp -s crops.fd2 other-crops.fd2
	"$python" "$BATS_TEST_DIRNAME/statistics.py" teacher.fd2 all.fd2 bn.fd2
	run -2 --separate-stderr fd2-protos -t teacher.fd2 --statistics bn
	said_first "fd2-protos: --statistics needs the shards of the training images"
	run -2 --separate-stderr fd2-protos -t teacher.fd2 --statistics bn --unit train.tar
	said_first "fd2-protos: --unit is for prototypes, and --statistics writes none"
	rm -r "plain/$(head -1 classes)"
	run -1 --separate-stderr fd2-protos -q -t teacher.fd2 --statistics bn plain
	said "fd2-protos: class '$(head -1 classes)' has no image"
	run -1 --separate-stderr fd2-protos -q -t teacher.fd2 --statistics bn -o /nowhere/x plain
	said "fd2-protos: cannot write '/nowhere/x': *"
}

@test "methods: LPLD, G-VBSM and EDC compare with statistics of photographs" {
	local with=(--statistics teacher-layers.fd2) one
	layers teacher
	layers other
	tiny_distill --plain --log-every 1 --log base -o base.tar
	# the same by another way: the batch's statistics with the running ones alone
	tiny_distill --plain --log-every 1 --log way --bn-classes mean --class-share 0 -o way.tar
	jq -s '.[0].bn / .[1].bn | . > 0.9999 and . < 1.0001' <(terms base) <(terms way) | grep true
	tiny_distill --plain --log-every 1 --log each --bn-classes each "${with[@]}" -o each.tar
	tiny_distill --plain --log-every 1 --log mean --bn-classes mean "${with[@]}" -o mean.tar
	tiny_distill --plain --log-every 1 --log half --bn-classes mean --class-share 0.5 \
		"${with[@]}" -o half.tar
	[ "$(different 1 base each mean half)" = 4 ]
	jq -se '.[2].bn - (.[0].bn + .[1].bn) / 2 | fabs < 0.001' \
		<(terms base) <(terms mean) <(terms half)
	# the images of a class are compared together, and again all where one is missing
	local lpld=(fd2-distill -q -t teacher.fd2 --method lpld --plain --ipc 2 --steps 2
		"${with[@]}")
	"${lpld[@]}" --log-every 1 --log log -o lpld.tar </dev/null
	jq -se 'map(select(.event == "step") | .images) == [[1,2],[1,2]]' log
	rm log
	"${lpld[@]}" --indices-per-pass 1 -o single.tar </dev/null
	run ! cmp -s <(image lpld.tar 1) <(image single.tar 1)
	head -c 9000 lpld.tar >x.tar.part
	[[ $(tar tf x.tar.part 2>/dev/null | grep -c 'jpg$') == [1-5] ]]
	"${lpld[@]}" --resume -o x.tar </dev/null
	cmp lpld.tar x.tar
	settings lpld.tar | jq -e '.options | .["bn-classes"] == "each" and
		.["indices-per-pass"] == 2 and .["class-share"] == 1 and .init == "noise" and
		.["statistics-momentum"] == 0 and .layers == "bn"'
	settings lpld.tar | jq -e --arg digest "$(fd2-look --json teacher-layers.fd2 |
		jq -r .digest)" '.inputs.statistics == [$digest]'
	tiny_distill --method g-vbsm "${both[@]:2}" "${with[@]}" --statistics other-layers.fd2 \
		--plain --log-every 1 --log log -o two.tar
	jq -se 'map(select(.event == "step")) | map(.teacher) == [0,1,0] and
		all(.[]; .loss.conv > 0 and .loss.bn > 0 and (.loss | has("flat") | not))' log
	settings two.tar | jq -e '.options | .layers == "all" and .lr == 0.1 and
		.["statistics-momentum"] == 0.4 and .["bn-classes"] == "none"'
	tiny_distill --method edc "${with[@]}" --flatness 1 --plain --log flat --log-every 1 \
		-o e.tar
	settings e.tar | jq -e '.options | .["bn-classes"] == "mean" and .["class-share"] == 0.5 and
		.["min-scale"] == 0.5 and .roll == 0 and .init == "mosaic" and .flatness == 1'
	# the average begins as the images, and all rolls are 0
	jq -se 'map(select(.event == "step")) | (.[0].loss.flat | fabs < 1e-6) and
		.[2].loss.flat > 0 and all(.[]; .view[5:] == [0,0])' flat
}

@test "methods: statistics that are missing or of another teacher are refused" {
	layers other
	run -1 --separate-stderr tiny_distill --method lpld -o x.tar
	said "fd2-distill: lpld needs statistics of photographs: make them with fd2-protos" \
		"--statistics bn and give them with --statistics"
	run -1 --separate-stderr tiny_distill --layers all -o x.tar
	said "fd2-distill: sre2l++ needs statistics of photographs: make them with" \
		"fd2-protos --statistics all and give them with --statistics"
	run -1 --separate-stderr tiny_distill --method lpld --statistics other-layers.fd2 -o x.tar
	said "fd2-distill: 'other-layers.fd2' holds statistics of another teacher (*) than" \
		"'teacher.fd2' (*)"
	run -1 --separate-stderr tiny_distill --method lpld --statistics protos.fd2 -o x.tar
	said "fd2-distill: 'protos.fd2' is a tensor stream of kind protos, expected kind statistics"
	fd2-protos -q -t teacher.fd2 --statistics bn -o bn.fd2 train.tar
	run -1 --separate-stderr tiny_distill --method edc --statistics bn.fd2 -o x.tar
	said "fd2-distill: 'bn.fd2' lacks mean of 'conv1*' in this $tiny_arch; make it with" \
		"fd2-protos --statistics all"
	run -1 --separate-stderr tiny_distill --method g-vbsm --statistics bn.fd2 --sizes 40 \
		-o x.tar
	said "fd2-distill: --layers all needs images as large as the photographs whose patches it" \
		"compares: give --sizes 32 instead of 40"
	run -2 --separate-stderr tiny_distill --method g-vbsm "${both[@]:2}" --statistics bn.fd2 \
		-o x.tar
	said_first "fd2-distill: -t is given 2 times and --statistics 1; give it once for each" \
		"-t, in the same order"
	run -0 --separate-stderr fd2-distill -t teacher.fd2 --steps 0 --statistics bn.fd2 \
		-o x.tar train.tar
	said "fd2-distill: 'bn.fd2' is not read: sre2l++ compares with the teacher's running" \
		"statistics"
}

@test "methods: between phases the initial image is mixed in, and Adam starts again" {
	need_python
	local run=(tiny_distill --method fadrm --pixels f16)
	"${run[@]}" --steps 0 -o start.tar
	"${run[@]}" --steps 4 --lr 0 -o mixed.tar
	"${run[@]}" --steps 3 --lr 0 --sizes 20,36,24 --residual 0.3 -o other.tar
	"${run[@]}" --steps 2 --lr 0.1 --sizes 32,32 --residual 0 --min-scale 0.9 -o adam.tar
	"${run[@]}" --steps 0 --image-size 48 -o large-start.tar
	"${run[@]}" --steps 3 --lr 0 --sizes 16,32,20 --image-size 48 -o large.tar
	for name in start mixed other adam large-start large; do
		tar xOf $name.tar red-spot/0001.npy >$name.npy
		settings $name.tar >$name.json
	done
	"$python" "$BATS_TEST_DIRNAME/fadrm.py" residual start.npy mixed.npy mixed.json
	"$python" "$BATS_TEST_DIRNAME/fadrm.py" residual start.npy other.npy other.json
	"$python" "$BATS_TEST_DIRNAME/fadrm.py" residual large-start.npy large.npy large.json 32
	"$python" "$BATS_TEST_DIRNAME/fadrm.py" adam start.npy adam.npy adam.json
}

@test "methods: Adam's betas are 0.5 and 0.9" {
	need_python
	local two=(tiny_distill --plain --init random --pixels f16 --lr 0.1 --roll 0
		--min-scale 0.2)
	"${two[@]}" --steps 0 -o start.tar
	"${two[@]}" --steps 2 --log log --log-every 1 -o two.tar
	for name in start two; do tar xOf $name.tar red-spot/0001.npy >$name.npy; done
	jq -sc 'map(select(.event == "step").view[:4])' log >views
	# A pixel that only the first of two steps sees goes on by its momentum: after one unit,
	# half of one (the cosine's) times b1 / (1 + b1) / sqrt(b2 / (1 + b2)).
	"$python" - <<-'END'
		import json, numpy
		first, second = json.load(open("views"))
		def seen(view):
		    x, y, w, h = view
		    mask = numpy.zeros((32, 32), bool)
		    mask[y:y + h, x:x + w] = True
		    return mask
		start, two = (numpy.load(f + ".npy").astype("f8") for f in ("start", "two"))
		unit = 0.1 * numpy.array([0.229, 0.224, 0.225]).reshape(3, 1, 1)
		once = (seen(first) & ~seen(second)) & (two > 0.01) & (two < 0.99)
		moved = (abs(two - start) / unit)[once]
		assert len(moved) > 100, (len(moved), first, second)
		want = 1 + 0.5 * (0.5 / 1.5) / (0.9 / 1.9) ** 0.5
		assert abs(numpy.median(moved) / want - 1) < 0.02, (numpy.median(moved), want)
	END
}

@test "methods: several teachers take turns" {
	plus "${both[@]}" --ipc 2 --log log --log-every 1 -o x.tar
	[ "$(second .teacher log)" = '[0,1,0,1,0]' ]
	second '.loss.S != null and .loss.F != null' log | jq -e all
	diff <(settings x.tar | jq -r '.inputs.teachers[]') \
		<(fd2-look --json teacher.fd2 other.fd2 | jq -r .digest)
	# the second teacher and its prototypes count, and so does the order
	plus -t teacher.fd2 --ipc 2 -o one.tar
	plus -t other.fd2 -t teacher.fd2 --ipc 2 -o swapped.tar
	fd2-protos -q -t other.fd2 -o theirs.fd2 train.tar
	plus "${both[@]}" -p protos.fd2 -p theirs.fd2 --ipc 2 -o exact.tar
	[ "$(different 2 x one swapped exact)" = 4 ]
	# L_S every second step of each teacher
	plus "${both[@]}" --ipc 2 --ls-view plain --ls-every 2 --log every --log-every 1 -o y.tar
	[ "$(second '.loss.S != null' every)" = '[true,true,false,false,true]' ]
}

@test "methods: FADRM+ makes the same bytes in parts, resumed and in a chain" {
	local k id view
	plus "${both[@]}" --ipc 2 --batch 2 -o whole.tar
	for k in 0-1 2-2; do
		plus "${both[@]}" --ipc 2 --batch 2 --classes $k -o $k.tar
		tar xf $k.tar --exclude '__*__' --one-top-level=parts
	done
	tar xf whole.tar --exclude '__*__' --one-top-level=whole
	diff -r whole parts
	head -c 9000 whole.tar >x.tar.part
	plus "${both[@]}" --ipc 2 --batch 2 -o x.tar --resume
	cmp whole.tar x.tar
	head -c 9000 whole.tar >x.tar.part
	run -1 --separate-stderr \
		plus -t other.fd2 -t teacher.fd2 --ipc 2 --batch 2 -o x.tar --resume
	said "fd2-distill: 'x.tar.part' was made with teachers *"
	local plain=("${both[@]}" --ls-view plain)
	plus "${plain[@]}" --ipc 2 -o pair.tar
	plus "${plain[@]}" --ipc 2 --id 1 -o 1.tar
	fd2-attn -q -t teacher.fd2 -o 1a.attn 1.tar
	fd2-attn -q -t other.fd2 -o 1b.attn 1.tar
	plus "${plain[@]}" --ipc 2 --id 2 --attn 1b.attn --attn 1a.attn -o 2.tar
	for id in 1 2; do
		cmp <(image pair.tar $id) <(image $id.tar $id)
	done
	run -1 --separate-stderr plus "${plain[@]}" --ipc 2 --id 2 --attn 1a.attn -o y.tar
	said "fd2-distill: cannot start image 2: image 1 of class 'blue-ring' is needed for L_S; \
*, by each teacher"
	for view in same once literal; do
		plus "${plain[@]}" --ipc 2 --ls-view $view -o $view.tar
	done
	[ "$(different 2 pair same once literal)" = 4 ]
}

@test "methods: teachers that do not belong together are refused" {
	run -1 --separate-stderr tiny_distill -t other.fd2 -o x.tar
	said "fd2-distill: sre2l++ has one teacher, and 2 were given; several are for g-vbsm, edc, \
fadrm+"
	run -2 --separate-stderr plus "${both[@]}" -p protos.fd2 -o x.tar
	[ "${stderr_lines[0]}" = "fd2-distill: -t is given 2 times and -p 1; give -p once for each \
-t, in the same order, or not at all" ]
	cp protos.fd2 again.fd2
	run -1 --separate-stderr plus "${both[@]}" -p protos.fd2 -p again.fd2 -o x.tar
	said "fd2-distill: 'again.fd2' holds prototypes of another teacher (*) than 'other.fd2' *"
	fd2-teacher -q -s 40 -M 2 -b 12 -e 1 -a convnet3 -o large.fd2 train.tar
	run -1 --separate-stderr plus -t teacher.fd2 -t large.fd2 -o x.tar
	said "fd2-distill: 'teacher.fd2' sees images of 32 pixels and 'large.fd2' of 40: \
teachers must agree"
	run -1 --separate-stderr plus -t large.fd2 -o x.tar
	said "fd2-distill: convnet3 takes images of its own size only: \
give --sizes 40, for each phase, instead of 36"
	plus -t large.fd2 --sizes 40,40 -o x.tar
	rm x.tar
	tiny_teacher -e 1 --mean 0.5,0.5,0.5 -o grey.fd2 train.tar
	run -1 --separate-stderr plus -t teacher.fd2 -t grey.fd2 -o x.tar
	said "fd2-distill: 'teacher.fd2' and 'grey.fd2' normalise images with another mean or \
deviation: teachers must agree"
	fd2-draw --classes 2 --per-class 12 --size 40 -o two.tar
	tiny_teacher -e 1 -o two.fd2 two.tar
	run -1 --separate-stderr plus -t teacher.fd2 -t two.fd2 -o x.tar
	said "fd2-distill: classes differ: *"
	run -1 --separate-stderr tiny_distill --residual 0.5 -o x.tar
	said "fd2-distill: --residual is not for sre2l++, which does not mix in the initial image \
between phases"
	run -1 --separate-stderr tiny_distill --method fadrm --sizes 32 --residual 0.5 -o x.tar
	said "fd2-distill: --residual is mixed in between phases, and there is one; \
give several with --sizes"
	[ ! -e x.tar ]
}

@test "methods: noise needs no real images, and is another for every image" {
	fd2-distill -q -t teacher.fd2 --method sre2l --steps 0 --ipc 2 -o a.tar </dev/null
	settings a.tar | jq -e '.inputs | has("real") | not'
	[ "$(all_different a.tar)" = 6 ]
	fd2-distill -q -t teacher.fd2 --method sre2l --steps 0 --ipc 2 --batch 1 --classes 2 \
		-o c.tar </dev/null
	cmp <(image a.tar 2) <(image c.tar 2)
	fd2-distill -q -t teacher.fd2 --method sre2l --steps 0 --ipc 2 --seed 1 -o b.tar </dev/null
	run ! cmp -s <(image a.tar 2) <(image b.tar 2)
}

@test "methods: images that were given" {
	local begin=(fd2-distill -q -t teacher.fd2 --steps 0 --ipc 2)
	"${begin[@]}" --init-images distilled.tar -o a.tar </dev/null
	settings a.tar | jq -e --arg digest "$(fd2-look --json distilled.tar | jq -r .digest)" \
		'.inputs.initial == $digest and .options.init == null'
	# by number, in whatever order they lie; if numbers are missing, by order
	tar xf distilled.tar --exclude '__*__' --one-top-level=swapped
	for class in swapped/*/; do
		rm "$class"/*.cls
		mv "$class/0001.jpg" "$class/x"
		mv "$class/0002.jpg" "$class/0001.jpg"
		mv "$class/x" "$class/0002.jpg"
	done
	"${begin[@]}" --init-images swapped -o b.tar </dev/null
	cmp <(image a.tar 1) <(image b.tar 2)
	cmp <(image a.tar 2) <(image b.tar 1)
	for class in swapped/*/; do
		mv "$class/0001.jpg" "$class/0003.jpg"
	done
	"${begin[@]}" --init-images swapped -o c.tar </dev/null
	cmp <(image a.tar 1) <(image c.tar 1)
	cmp <(image a.tar 2) <(image c.tar 2)
	run ! cmp -s <(image a.tar 1) <(image a.tar 2)
	run -1 --separate-stderr "${begin[@]}" --ipc 3 --init-images distilled.tar -o x.tar
	said "fd2-distill: 'distilled.tar' has 2 images of class 'blue-ring', but --ipc needs 3"
	run -2 --separate-stderr "${begin[@]}" --init real --init-images distilled.tar -o x.tar
	[ "${stderr_lines[0]}" = "fd2-distill: --init and --init-images cannot be used together" ]
	[ ! -e x.tar ]
}

@test "methods: a class with few photographs is warned of, and its images still differ" {
	local real=(fd2-distill -t teacher.fd2 --method fadrm --steps 0)
	run -0 --separate-stderr "${real[@]}" --ipc 13 -o x.tar train.tar
	said "fd2-distill: 3 of 3 classes have fewer photographs than the 13 starting crops they \
need (fewest: 'blue-ring', 12); some are used more than once"
	[ "$(all_different x.tar)" = 39 ]
	run -0 --separate-stderr "${real[@]}" --ipc 12 -o x.tar train.tar
	[ -z "$stderr" ]
}

@test "methods: the forms of the BN loss" {
	tiny_distill --plain --log literal --log-every 1 -o a.tar
	tiny_distill --plain --bn-form normalised --log normalised --log-every 1 -o b.tar
	run ! cmp -s <(image a.tar 1) <(image b.tar 1)
	# the first step sees the same images: another number, but of the same scale for a ResNet-18
	jq -es 'map(select(.event == "step" and .step == 0) | .loss.bn) |
		.[0] != .[1] and .[1] / .[0] > 0.3 and .[1] / .[0] < 3' literal normalised
}

@test "methods: what has no effect is told" {
	local one=(fd2-distill -t teacher.fd2 --steps 1)
	run -0 --separate-stderr "${one[@]}" --init noise -o x.tar train.tar
	said "fd2-distill: 'train.tar' is not read: images start as noise"
	run -0 --separate-stderr "${one[@]}" --init-images distilled.tar -o x.tar train.tar
	said "fd2-distill: 'train.tar' is not read: images start as those of --init-images"
	tiny_teacher -a convnet3 -e 1 -o conv.fd2 train.tar
	run -0 --separate-stderr fd2-distill -t conv.fd2 --steps 1 -o x.tar train.tar
	said "fd2-distill: convnet3 has no BatchNorm, so its images have no BN term"
}

@test "methods: a loss that is not finite ends the run" {
	need_python
	example fd2-stream.5 filter.py
	sed -i 's|/ 2$|* 1e38|; s|elif .*logits.*|elif o["name"] == "conv1.weight":|' filter.py
	"$python" filter.py <teacher.fd2 >broken.fd2
	run -1 --separate-stderr fd2-distill -q -t broken.fd2 --init random --steps 3 -o x.tar \
		train.tar
	said "fd2-distill: the loss is not finite at step 0 of image 1, classes 0-2; \
try a smaller --lr or --r-bn"
	[ ! -e x.tar ]
}
