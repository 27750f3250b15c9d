#!/usr/bin/env bats
# What fd2-relabel writes, read by numpy; and how fd2-eval goes on when labels are few, mixed in
# other ways, or wrong.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}

relabel() {
	fd2-relabel -q --dtype f32 -b 4 "$@" distilled.tar
}

@test "labels: students can minimise squares, and the cross-entropy of the images' classes" {
	# loss OPTION...: of the first epoch, of a student that does not move
	loss() {
		fd2-eval -q -l labels.fd2 -a "$tiny_arch" --lr 0 --val-every 0 --val val.tar \
			--log log -o x.json "$@" distilled.tar
		jq -s 'map(select(.event == "epoch"))[0].loss[]' log
		rm log x.json
	}
	local square with more
	square=$(loss --soft-loss mse)
	with=$(loss --soft-loss mse --ce-weight 1)
	more=$(loss --soft-loss mse --ce-weight 3)
	# of three classes, about ln 3 in a student that knows nothing
	jq -en "($with - $square) as \$ce | \$ce > 0.7 and \$ce < 1.7 and
		($more - $square - 3 * \$ce | fabs) < 1e-5"
	jq -en "$(loss --ce-weight 1) - $(loss) - ($with - $square) | fabs < 1e-5"
	run ! [ "$square" = "$(loss)" ]
	# at high temperatures KL falls with the square of T
	jq -en "$(loss -T 40) / $(loss -T 80) | . > 3.9 and . < 4.1"
}

@test "labels: a half of a batch is labelled with its own statistics" {
	need_python
	local set
	tar xf distilled.tar --exclude '__*__' --exclude '*.cls' --one-top-level=one
	tar xf val.tar gold-bar/0001.jpg
	rm one/{gold-bar,red-spot}/0002.jpg
	cp -r one other
	cp gold-bar/0001.jpg other/gold-bar
	for set in one other; do
		fd2-relabel -q --dtype f32 --mix none -b 4 -e 2 -t teacher.fd2 -o $set.fd2 $set
	done
	# the image that differs is seen by its half of two, and by the others' not at all
	py <<-'END'
		from streams import read
		(h, one), (_, other) = read("one.fd2"), read("other.fd2")
		place = h["meta"]["images"] - 2 # blue-ring/1, blue-ring/2, gold-bar/1, red-spot/1
		for e in "0", "1":
		    ids, a, b = one[e + "/ids"], one[e + "/logits"], other[e + "/logits"]
		    assert sorted(ids) == [0, 1, 2, 3] and (ids == other[e + "/ids"]).all()
		    half = ids.tolist().index(place) // 2
		    for i in range(4):
		        assert (a[i] == b[i]).all() == (i // 2 != half), (e, i)
	END
}

@test "labels: what a student learns of a batch in halves, by SGD, and its other options" {
	local learn=(fd2-eval -q -a convnet3 --dtype f32 --val val.tar --val-every 0) option
	relabel -t teacher.fd2 -b 6 -e 1 -o halves.fd2
	# A network without statistics of batches takes a step that does not depend on halves.
	py <<-'END'
		from streams import read, write
		h, t = read("halves.fd2")
		assert h["meta"]["halves"] is True
		write("whole.fd2", {**h, "meta": {**h["meta"], "halves": False}}, t)
	END
	local sgd=("${learn[@]}" --optimizer sgd --lr 0.0001) name
	for name in halves whole; do
		"${sgd[@]}" -l $name.fd2 --save $name-net.fd2 distilled.tar >x.json
	done
	# With the same images in each step, gradients are the same for so small a rate: of two
	# epochs the second has a tenth of the rate, of four the last two.
	sgd+=(--hard --no-augment -s 32 -b 6 --schedule step)
	"${sgd[@]}" --lr 0 -e 1 --save 0.fd2 distilled.tar >x.json
	for name in 2 4; do
		"${sgd[@]}" -e $name --save $name.fd2 distilled.tar >x.json
	done
	py <<-'END'
		import numpy
		from streams import read
		start = read("0.fd2")[1]
		def moved(name):
		    t = read(name + ".fd2")[1]
		    return numpy.concatenate([(t[k].astype("f8") - start[k]).ravel() for k in t])
		a, b = moved("halves-net"), moved("whole-net")
		assert numpy.linalg.norm(a - b) < 1e-2 * numpy.linalg.norm(b) > 0
		# with a momentum of 0.9: (1 + 1.9 + 0.271 + 0.3439) / (1 + 0.19)
		ratio = moved("4") @ moved("2") / (moved("2") @ moved("2"))
		assert abs(ratio / 2.9537 - 1) < 0.02, ratio
	END
	# made OPTION...: what the tensors of a student are after three epochs
	made() {
		"${learn[@]}" --save x.fd2 "$@" distilled.tar >x.json
		fd2-look --json x.fd2 | jq -c '[.tensors[] | [.min, .max]]'
	}
	made -l labels.fd2 >base
	for option in '-T 2' '--weight-decay 1' '--zeta 1' '--schedule step'; do
		# shellcheck disable=SC2086 # words
		run ! cmp -s base <(made -l labels.fd2 $option)
	done
	made --hard -s 16 -e 2 >base
	for option in '--label-smoothing 0.3' '--min-scale 0.9' '--siamese'; do
		# shellcheck disable=SC2086 # words
		run ! cmp -s base <(made --hard -s 16 -e 2 $option)
	done
}

@test "labels: those of two teachers are the mean of their logits, or the weighted mean" {
	relabel -t teacher.fd2 -e 2 -o a.fd2
	relabel -t other.fd2 -e 2 -o b.fd2
	relabel -t teacher.fd2 -t other.fd2 -e 2 -o mean.fd2
	relabel -t teacher.fd2 -t other.fd2 --teacher-weights 3,1 -e 2 -o weighted.fd2
	py <<-'END'
		import numpy
		from streams import read
		(ha, a), (hb, b) = read("a.fd2"), read("b.fd2")
		for path, w in ("mean.fd2", 0.5), ("weighted.fd2", 0.75):
		    h, got = read(path)
		    both = [x["meta"]["inputs"]["teacher"] for x in (ha, hb)]
		    assert h["meta"]["inputs"]["teachers"] == both
		    assert h["meta"]["weights"] == [w, 1 - w]
		    assert got.keys() == a.keys() and len(got) == 14
		    for name, value in got.items():
		        x, y = a[name].astype("f8"), b[name].astype("f8")
		        if name.endswith("/logits"):
		            want = w * x + (1 - w) * y
		            # three roundings to f16
		            bound = 2.0**-11 * (w * abs(x) + (1 - w) * abs(y) + abs(want)) + 1e-6
		            assert (abs(value.astype("f8") - want) <= bound).all()
		            assert abs(x - y).max() > 0.01
		        else:
		            assert (x == y).all() and (value == a[name]).all()
	END
	run -1 --separate-stderr fd2-relabel -t teacher.fd2 -t other.fd2 --teacher-weights 0,0 \
		-o x distilled.tar
	said "fd2-relabel: all teachers have weight 0"
}

@test "labels: teachers that do not belong together" {
	py <<-'END'
		from streams import read, write
		h, tensors = read("teacher.fd2")
		classes = ["blue-ring", "gold-bar", "green"]
		for key, value in ("size", 40), ("std", [0.2, 0.2, 0.3]), ("classes", classes):
		    write(key + ".fd2", {**h, "meta": {**h["meta"], key: value}}, tensors)
	END
	run -1 --separate-stderr fd2-relabel -t teacher.fd2 -t size.fd2 -o x distilled.tar
	said "fd2-relabel: 'teacher.fd2' sees images of 32 pixels and 'size.fd2' of 40: teachers" \
		"must agree"
	run -1 --separate-stderr fd2-relabel -t teacher.fd2 -t std.fd2 -o x distilled.tar
	said "fd2-relabel: 'teacher.fd2' and 'std.fd2' normalise images with another mean or" \
		"deviation: teachers must agree"
	run -1 --separate-stderr fd2-relabel -t teacher.fd2 -t classes.fd2 -o x distilled.tar
	said "fd2-relabel: classes differ: class 2 is 'red-spot' in teacher.fd2 and 'green' in" \
		"classes.fd2"
	[ ! -e x ]
}

@test "labels: --mix and --shuffle-patches are written down, and students follow them" {
	local mix
	for mix in none mixup cutmix; do
		relabel -t teacher.fd2 -e 3 --mix $mix -o $mix.fd2
		fd2-eval -a "$tiny_arch" -q --val val.tar -l $mix.fd2 distilled.tar >$mix.json
	done
	relabel -t teacher.fd2 -e 3 --shuffle-patches --min-scale 0.5 --bn eval -o rded.fd2
	fd2-eval -a "$tiny_arch" -q --val val.tar -l rded.fd2 distilled.tar >rded.json
	jq -es 'map(.loss) | unique | length == 4' {none,mixup,cutmix,rded}.json
	py <<-'END'
		import numpy
		from streams import read
		for mix in "none", "mixup", "cutmix":
		    h, t = read(mix + ".fd2")
		    assert h["meta"]["mix"] == mix and "quarters" not in h["meta"] and len(t) == 21
		    share = numpy.concatenate([t["%d/lambda" % e] for e in range(3)])
		    box = numpy.concatenate([t["%d/mix" % e] for e in range(3)])
		    assert share.shape == (6,) and box.shape == (6, 4)
		    if mix == "none":
		        assert (share == 1).all() and (t["0/with"] == [0, 1, 2, 3, 0, 1]).all()
		    else:
		        assert ((share >= 0) & (share < 1)).all() and len(set(share)) == 6
		        assert sorted(t["0/with"][:4]) == [0, 1, 2, 3]
		        assert sorted(t["0/with"][4:]) == [0, 1]
		    assert (box != 0).any() == (mix == "cutmix")
		h, t = read("rded.fd2")
		assert h["meta"]["quarters"] is True and h["meta"]["halves"] is False
		assert len(t) == 24
		q = numpy.concatenate([t["%d/quarters" % e] for e in range(3)])
		assert q.dtype == numpy.uint8 and (numpy.sort(q, 1) == [0, 1, 2, 3]).all()
		assert len({tuple(r) for r in q}) > 5
		assert (t["0/boxes"][:, 2] * t["0/boxes"][:, 3] > 0.4 * 32 * 32).all()
	END
}

@test "labels: --label-fraction labels a share of the batches, the same as in the whole stream" {
	relabel -t teacher.fd2 -e 10 -o whole.fd2
	relabel -t teacher.fd2 -e 10 --label-fraction 1 -o one.fd2
	cmp whole.fd2 one.fd2
	relabel -t teacher.fd2 -e 10 --label-fraction 0.35 -o some.fd2
	relabel -t teacher.fd2 -e 10 --keep 0.35 -o again.fd2 # its old name
	relabel -t teacher.fd2 -e 10 --label-fraction 0.35 --seed 1 -o seed.fd2
	cmp some.fd2 again.fd2
	[ "$(fd2-relabel --help | grep -c -e --keep)$(fd2-relabel --list-options |
		grep -c -e --keep)" = 00 ]
	py <<-'END'
		import numpy
		from streams import read
		rowwise = ("ids", "boxes", "flips", "with", "logits")
		batchwise = ("lambda", "mix")
		def batches(path):
		    h, t = read(path)
		    assert h["meta"]["epochs"] == 10 and h["meta"]["batch"] == 4
		    found = []
		    for e in range(10):
		        if "%d/ids" % e not in t:
		            assert not [k for k in t if k.startswith("%d/" % e)]
		            continue
		        part = {k: t["%d/%s" % (e, k)] for k in rowwise + batchwise}
		        n = len(part["ids"])
		        assert n in (2, 4, 6) and len(part["lambda"]) == (n + 3) // 4
		        for b in range(len(part["lambda"])):
		            rows = slice(4 * b, min(4 * b + 4, n))
		            found.append((e,) + tuple(part[k][rows].tobytes() for k in rowwise)
		                         + tuple(part[k][b].tobytes() for k in batchwise))
		    assert h["meta"]["batches"] == len(found)
		    return found
		whole, some, seed = batches("whole.fd2"), batches("some.fd2"), batches("seed.fd2")
		counts = (len(whole), len(some), len(seed))
		assert counts == (20, 7, 7), counts
		assert set(some) < set(whole) and len(set(some)) == 7
		# other batches with another seed
		place = lambda of: [(b[0], len(b[1])) for b in of]
		assert place(some) != place(seed)
	END
	run -1 --separate-stderr fd2-relabel -t teacher.fd2 -e 10 -b 4 --label-fraction 0.01 -o x \
		distilled.tar
	said "fd2-relabel: --label-fraction 0.01 of 20 batches is less than one"
}

@test "labels: used again only when asked to, for as many steps as all would give" {
	relabel -t teacher.fd2 -e 4 -o whole.fd2
	relabel -t teacher.fd2 -e 4 --label-fraction 0.375 -o some.fd2
	run -1 --separate-stderr fd2-eval --val val.tar -l some.fd2 distilled.tar
	said "fd2-eval: the labels hold 3 of the 8 batches of their 4 epochs; --reuse-labels" \
		"uses them again"
	run -1 --separate-stderr fd2-eval --val val.tar -l whole.fd2 -e 5 distilled.tar
	said "fd2-eval: --epochs 5, but the labels hold 4; --reuse-labels goes through them again"
	# whole labels, gone through once, are what they are without the option
	fd2-eval -a "$tiny_arch" -q --val val.tar -l whole.fd2 distilled.tar >plain.json
	fd2-eval -a "$tiny_arch" -q --val val.tar -l whole.fd2 --reuse-labels distilled.tar \
		>pool.json
	cmp <(jq 'del(.made_from)' plain.json) <(jq 'del(.made_from)' pool.json)
	fd2-eval -a "$tiny_arch" -q --val val.tar -l whole.fd2 --reuse-labels -e 3 distilled.tar \
		>fewer.json
	fd2-eval -a "$tiny_arch" -q --val val.tar -l whole.fd2 -e 3 distilled.tar >three.json
	cmp <(jq 'del(.made_from)' fewer.json) <(jq 'del(.made_from)' three.json)
	fd2-eval -a "$tiny_arch" -q --val val.tar -l whole.fd2 --reuse-labels -e 6 --log log \
		distilled.tar >more.json
	fd2-eval -a "$tiny_arch" -q --val val.tar -l some.fd2 --reuse-labels distilled.tar \
		>some.json
	[ "$(jq -s -c 'map(.epochs)' plain.json fewer.json more.json some.json)" = '[4,3,6,4]' ]
	# a row has K = 3 logits and 25 bytes of its view, a batch 20: 6 rows and 2 batches an epoch
	[ "$(jq -s -c 'map(.label_bytes)' plain.json fewer.json more.json)" = '[904,678,904]' ]
	jq -e '.label_bytes > 0 and .label_bytes < 500' some.json
	# the loss is a mean over the samples of an epoch's steps, in the log too
	jq -es --argjson loss "$(jq .loss more.json)" '[.[] | select(.event == "epoch")] |
		last.loss.kl / $loss - 1 | fabs < 1e-5' log
	# through a pipe
	relabel -t teacher.fd2 -e 4 --label-fraction 0.375 |
		fd2-eval -a "$tiny_arch" -q --val val.tar --reuse-labels distilled.tar |
		cmp - some.json
	# their order is that of --seed, also for students of other seeds
	local reuse=(fd2-eval -a "$tiny_arch" -q --val val.tar -l whole.fd2 --reuse-labels -e 6
		--seeds 0-0 --resume -o seeds.json)
	"${reuse[@]}" distilled.tar
	run -1 --separate-stderr "${reuse[@]}" --seed 7 distilled.tar
	said "fd2-eval: 'seeds.json' was made with other options, labels or images; remove it, or" \
		"leave --resume out"
	rm seeds.json
	"${reuse[@]}" --seed 7 distilled.tar
	run ! cmp -s <(jq .loss seeds.json) <(jq .loss more.json)
}

@test "labels: of last batches alone there is no student" {
	fd2-draw --classes 3 --per-class 3 --size 32 -o nine.tar
	relabel() { fd2-relabel -q -t teacher.fd2 -b 8 -e 1 --label-fraction 0.5 "$@" nine.tar; }
	local seed=0
	until relabel --seed $seed -o one.fd2 && fd2-look --json one.fd2 |
		jq -e 'any(.tensors[]; .name == "0/ids" and .shape == [1])'; do
		seed=$((seed + 1))
		[ $seed -lt 20 ]
	done
	run -1 --separate-stderr fd2-eval -q -a "$tiny_arch" --reuse-labels --val val.tar \
		-l one.fd2 nine.tar
	said "fd2-eval: no step was taken: BatchNorm needs two images in each half of a batch," \
		"and no batch of the labels has them"
}

@test "labels: teachers that fit images differently are told" {
	tiny_teacher -e 1 --fit squash -o squash.fd2 train.tar
	run -0 --separate-stderr fd2-relabel -t teacher.fd2 -t squash.fd2 -e 1 -o l.fd2 \
		distilled.tar
	[[ $stderr == *"'squash.fd2' was trained with --fit squash, and "* ]]
}

@test "labels: their bytes are told and logged" {
	run -0 --separate-stderr fd2-relabel -v -t teacher.fd2 -b 4 -e 4 --log log -o l.fd2 \
		distilled.tar
	local images
	images=$(tar xOf distilled.tar --wildcards '*.jpg' | wc -c)
	[ "${stderr_lines[-1]}" = \
		"fd2-relabel: 6 images ($images bytes in all), 8 batches of labels (904 bytes)" ]
	[ "$(jq -c 'select(.event == "labels") | [.batches, .image_bytes, .label_bytes]' \
		log)" = "[8,$images,904]" ]
	[ "$(fd2-eval -a "$tiny_arch" -q --val val.tar -l l.fd2 distilled.tar |
		jq -c '[.image_bytes, .label_bytes]')" = "[$images,904]" ]
	[ "$(fd2-eval -a "$tiny_arch" -q --hard -s 32 -e 1 --val val.tar distilled.tar |
		jq .label_bytes)" = 0 ]
}

@test "labels: another program's need no mix, quarters or batches" {
	relabel -t teacher.fd2 -e 2 -o l.fd2
	py <<-'END'
		from streams import read, write
		h, t = read("l.fd2")
		for key in "mix", "batches":
		    del h["meta"][key]
		write("theirs.fd2", h, t)
	END
	fd2-eval -a "$tiny_arch" -q --val val.tar -l l.fd2 distilled.tar >ours.json
	fd2-eval -a "$tiny_arch" -q --val val.tar -l theirs.fd2 distilled.tar >theirs.json
	cmp <(jq 'del(.made_from)' ours.json) <(jq 'del(.made_from)' theirs.json)
}

@test "hostile: labels whose fields are out of range" {
	relabel -t teacher.fd2 -e 2 --shuffle-patches -o l.fd2
	py <<-'END'
		import copy, numpy
		from streams import read, write
		h, t = read("l.fd2")
		def wrong(name, meta={}, **tensors):
		    changed = {k: v.copy() for k, v in t.items()}
		    for k, change in tensors.items():
		        change(changed["1/" + k])
		    write(name + ".fd2", {**h, "meta": {**h["meta"], **meta}}, changed)
		def put(*values):
		    def change(a):
		        a.reshape(-1)[:len(values)] = values
		    return change
		h0 = h["meta"]["size"]
		wrong("right", boxes=put(1, 0, h0, h0))
		wrong("below", boxes=put(0, 1, h0, h0))
		wrong("left", boxes=put(-1, 0, 9, 9))
		wrong("empty", boxes=put(0, 0, 9, 0))
		wrong("image", ids=put(len(t["1/ids"])))
		wrong("before", ids=put(-1))
		wrong("partner", **{"with": put(4)})
		wrong("wide", mix=put(0, 0, h0 + 1, h0))
		wrong("high", mix=put(0, 0, h0, h0 + 1))
		wrong("turned", mix=put(0, 9, 9, 8))
		wrong("infinite", logits=put(numpy.inf))
		wrong("four", quarters=put(0, 1, 2, 4))
		wrong("twice", quarters=put(0, 1, 1, 3))
		wrong("nan", **{"lambda": put(numpy.nan)})
		wrong("two", **{"lambda": put(2)})
		wrong("minus", **{"lambda": put(-0.5)})
		wrong("blend", {"mix": "blend"})
		wrong("number", {"mix": 3})
		wrong("none", {"batches": 0})
		wrong("much", {"batches": 5})
		wrong("less", {"batches": 3})
		wrong("flat", {"quarters": False})
		t = {k: v[:3] if k == "1/ids" else v for k, v in t.items()}
		wrong("rows")
		t = {k: v for k, v in t.items() if not k.startswith("0/")}
		wrong("late", {"batches": 2})
	END
	refused() { # NAME SENTENCE OPTION...
		run -1 --separate-stderr fd2-eval -l "$1.fd2" --val val.tar -o x "${@:3}" \
			distilled.tar
		said "fd2-eval: $2"
		[ ! -e x ]
	}
	local name
	for name in right below left empty; do
		refused $name "epoch 1 of the labels crops outside of image '*'"
	done
	refused image "epoch 1 of the labels names image 6 of 6"
	refused before "epoch 1 of the labels names image -1 of 6" --reuse-labels
	refused partner "epoch 1 of the labels mixes with sample 4 of its batch"
	for name in wide high turned; do
		refused $name "epoch 1 of the labels mixes outside of the image"
	done
	refused infinite "tensor '1/logits' of the labels is not finite"
	refused four "epoch 1 of the labels has an invalid quarter order for image '*'"
	refused twice "epoch 1 of the labels has an invalid quarter order for image '*'" \
		--reuse-labels
	refused nan "epoch 1 of the labels has mix lambda *nan, which is outside [[]0, 1]"
	refused two "epoch 1 of the labels has mix lambda 2, which is outside [[]0, 1]" \
		--reuse-labels
	refused minus "epoch 1 of the labels has mix lambda -0.5, which is outside [[]0, 1]"
	refused blend "the labels' meta has mix 'blend', expected one of none|cutmix|mixup"
	refused number "the labels' meta is invalid: *"
	refused none "the labels' meta holds a value out of range" --reuse-labels
	refused much "the labels' meta holds a value out of range"
	refused flat "the labels have tensor '0/quarters' where '0/logits' is expected"
	refused less \
		"the labels hold 3 of the 4 batches of their 2 epochs; \
--reuse-labels uses them again"
	refused less "the labels hold at least 4 batches, not the 3 that their meta promises" \
		--reuse-labels
	refused rows \
		"tensor '1/ids' of the labels has another type or shape than \
this distilled set asks for"
	refused rows \
		"the labels have tensor '1/ids' where whole batches of epoch 1 or a later one are \
expected" --reuse-labels
	refused late \
		"the labels have tensor '1/ids' where whole batches of epoch 0 or a later one are \
expected" --reuse-labels
}
