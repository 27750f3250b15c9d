#!/usr/bin/env bats
# Images and labels in the hands of other programs, and back. test/parity/fkd.py does the same with
# PyTorch itself.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}

digest() {
	fd2-look --json "$1" | jq -r .digest
}

# Labels of two epochs in batches of four, which leaves a batch of two; and the store of them.
relabel() {
	fd2-relabel -q --threads 1 -t teacher.fd2 -b 4 -e 2 --order fkd "$@" distilled.tar
}

# tiny_store: labels-fkd.fd2, store and store.json, made once.
tiny_store() {
	local made=$BATS_FILE_TMPDIR/store
	if [ ! -e "$made/store" ]; then
		mkdir -p "$made"
		relabel -o "$made/labels-fkd.fd2"
		fd2-exchange -q --to fkd --images distilled.tar \
			-o "$made/store" "$made/labels-fkd.fd2"
	fi
	cp -r "$made"/* .
}

# tensors FILE: all that a label stream holds, but for its meta.
tensors() {
	local name
	for name in {0,1}/{ids,boxes,flips,with,lambda,mix,logits}; do
		fd2-look --tensor "$name" "$1"
	done
}

fkd() {
	PYTHONDONTWRITEBYTECODE=1 "$python" "$root/test/cli/fkd.py" "$@"
}

# respell SPELLING...: the store `store`, its batches written by Python with those spellings.
respell() {
	fkd read store/*/*.tar | fkd write "$@" -- store/*/*.tar
}

nothing_left() {
	[ -z "$(find . -name '.*' ! -name . -o -name 'x*')" ]
}

# images

@test "exchange: JPEGs in the folders of CV-DD and RDED are the shard's own bytes" {
	mkdir ours
	tar xf distilled.tar -C ours
	fd2-exchange -q --to cv-dd -o cv distilled.tar
	fd2-exchange -q --to rded -o rded distilled.tar
	[ "$(cd cv && echo */*)" = "$(echo new00{0/class000,1/class001,2/class002}_id00{0,1}.jpg)" ]
	[ "$(cd rded && echo */* | cut -d' ' -f 1,6)" = \
		"00000/class00000_id00000.jpg 00002/class00002_id00001.jpg" ]
	local i=0 class
	for class in $(jq -r '.classes[]' cv/classes.json); do
		cmp "ours/$class/0001.jpg" "cv/new00$i/class00${i}_id000.jpg"
		cmp "ours/$class/0002.jpg" "rded/0000$i/class0000${i}_id00001.jpg"
		i=$((i + 1))
	done
	[ $i = 3 ]
	[ "$(jq -r .digest cv/classes.json)" = "$(digest distilled.tar)" ]
	[ "$(find cv -type f | wc -l)" = 7 ]
}

@test "exchange: there and back is the same set, in the same order" {
	local form
	for form in cv-dd rded; do
		fd2-exchange -q --to $form -o $form distilled.tar
		fd2-exchange -q --from images -o $form.tar $form
		[ "$(digest $form.tar)" = "$(digest distilled.tar)" ]
		cmp <(tar tf $form.tar | grep -v ^__) <(tar tf distilled.tar | grep -v ^__)
	done
	tar --sort=name -cf plain.tar -C cv-dd .
	fd2-exchange -q --to rded -o again plain.tar
	cmp again/00001/class00001_id00001.jpg cv-dd/new001/class001_id001.jpg
}

@test "exchange: PNGs lose nothing" {
	fd2-distill -q --threads 1 -t teacher.fd2 --steps 1 --pixels f16 -o f16.tar train.tar
	fd2-exchange -q --to fadrm -o png f16.tar
	fd2-exchange -q --from images -o back.tar png
	[ "$(tar tf back.tar | grep -c '\.npy$')" = 3 ]
	fd2-exchange -q --to fadrm -o again back.tar
	diff -r -x classes.json png again
	need_python
	# 255 times the half-precision pixels of the shard, through PNG's own filters and Python's
	# zlib
	mkdir ours
	tar xf f16.tar -C ours
	"$python" - png/new000/class000_id000.png \
		"ours/$(jq -r '.classes[0]' png/classes.json)/0001.npy" <<-'PY'
		import struct, sys, zlib
		import numpy
		data, at, idat = open(sys.argv[1], "rb").read(), 8, b""
		while at < len(data):
		    n, kind = struct.unpack(">I4s", data[at:at + 8])
		    if kind == b"IHDR":
		        w, h, depth, colour = struct.unpack(">IIBB", data[at + 8:at + 18])
		    idat += data[at + 8:at + 8 + n] if kind == b"IDAT" else b""
		    at += n + 12
		assert (w, h, depth, colour) == (32, 32, 8, 2)
		rows = numpy.frombuffer(zlib.decompress(idat), "u1").reshape(h, 1 + 3 * w)
		out = numpy.zeros((h + 1, 3 * w + 3), int)
		for y in range(h):
		    for x in range(3, 3 * w + 3):
		        a, b, c = out[y + 1, x - 3], out[y, x], out[y, x - 3]
		        p = a + b - c
		        paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
		        guess = [0, a, b, (a + b) // 2, paeth][rows[y, 0]]
		        out[y + 1, x] = (rows[y, x - 2] + guess) % 256
		want = numpy.rint(255 * numpy.load(sys.argv[2]).astype("f8").clip(0, 1))
		assert (out[1:, 3:].reshape(h, w, 3).transpose(2, 0, 1) == want).all()
	PY
	"$python" - ours/red-spot/0001.npy <<-'PY'
		import sys, numpy
		x = numpy.load(sys.argv[1])
		x[2, 7, 9] = numpy.nan
		numpy.save(sys.argv[1], x)
	PY
	run -1 --separate-stderr fd2-exchange -q --to fadrm -o nan ours
	said "fd2-exchange: 'ours': member 'red-spot/0001.npy' holds a NaN"
	[ ! -e nan ]
}

@test "exchange: names of classes from a file, or of the folders" {
	fd2-exchange -q --to cv-dd -o cv distilled.tar
	printf 'wren\nrobin\r\nowl\n' >names
	fd2-exchange -q --from images --classes names -o named.tar cv
	[ "$(fd2-look --json named.tar | jq -c '.meta.classes')" = '["wren","robin","owl"]' ]
	tar tf named.tar | grep -x robin/class001_id000.jpg
	rm cv/classes.json
	run -0 --separate-stderr fd2-exchange --from images -o bare.tar cv
	said_first "fd2-exchange: the classes are called 'new000' ... 'new002' after their" \
		"folders; give their names with --classes"
	fd2-look --json bare.tar | jq -e '.meta.classes == ["new000", "new001", "new002"]'
	run -1 --separate-stderr fd2-exchange --from images --classes <(echo wren) -o x cv
	said "fd2-exchange: '/dev/fd/*' names 1 class, and 'cv' holds 3 folders"
	run -1 --separate-stderr fd2-exchange --from images --classes <(printf 'a\na\nb\n') -o x cv
	said "fd2-exchange: '/dev/fd/*' names class 'a' twice"
	run -1 --separate-stderr fd2-exchange --from images \
		--classes <(printf 'a\n../b\nc\n') -o x cv
	said "fd2-exchange: '/dev/fd/*' has a class '../b', which is not a valid folder name"
	nothing_left
}

@test "exchange: names of classes from a shard that is packed" {
	fd2-draw --classes 2 --per-class 1 --size 32 -o d.tar
	fd2-exchange -q --to rded -o folders d.tar
	rm folders/classes.json
	gzip -k d.tar
	printf '%s\n' BZhou LZIP | fd2-exchange -q --from images --classes - -o text.tar folders
	[ "$(fd2-look --json text.tar | jq -c '.classes | keys')" = '["BZhou","LZIP"]' ]
	for shard in d.tar d.tar.gz; do
		fd2-exchange -q --from images --classes $shard -o $shard.back folders
	done
	cmp d.tar.back d.tar.gz.back
	[ "$(fd2-look --json d.tar.back | jq -c '.classes | keys')" = '["gold-bar","red-spot"]' ]
}

@test "exchange: names have the spelling that shards have" {
	fd2-draw --classes 2 --per-class 1 --size 32 | tar -x
	# decomposed as macOS writes it, in Latin-1, and an id
	mkdir -p im/$'cafe\xcc\x81' im/$'th\xe9' im/z
	cp gold-bar/0001.jpg im/cafe*
	cp gold-bar/0001.jpg im/th*
	cp red-spot/0001.jpg im/z/$'e\xcc\x81.jpg'
	fd2-exchange -q --from images -o a.tar im
	fd2-look --check a.tar
	[ "$(tar --quoting-style=literal -tf a.tar | grep jpg | paste -sd' ')" = \
		$'caf\xc3\xa9/0001.jpg th%E9/0001.jpg z/\xc3\xa9.jpg' ]
	[ "$(tar -xOf a.tar __fd2__ | jq -c .classes)" = $'["caf\xc3\xa9","th%E9","z"]' ]
}

@test "exchange: images of one id are told apart" {
	mkdir -p e/x e/y
	fd2-draw --classes 2 --per-class 5 --size 32 | tar -xf - --wildcards '*.jpg'
	set -- */*.jpg
	cp "$1" e/x/a.b.jpg
	cp "$2" e/x/a_b.jpg
	cp "$3" e/x/1.JPG
	cp "$4" e/x/1.jpg
	cp "$5" e/y/1.jpg
	fd2-exchange -q --from images -o e.tar e
	[ "$(tar -tf e.tar | grep jpg | sort | paste -sd ' ')" = \
		"x/1-2.jpg x/1.jpg x/a_b-2.jpg x/a_b.jpg y/1.jpg" ]
	fd2-look e.tar
}

@test "exchange: PNGs that lose transparency or 16 bits are counted" {
	tar xf distilled.tar
	mkdir -p im/a
	cp "$(printf '%s\n' */0001.jpg | head -1)" im/a/x.jpg
	python3 - <<-'PY'
		import struct, zlib

		def chunk(name, data):
		    crc = struct.pack(">I", zlib.crc32(name + data))
		    return struct.pack(">I", len(data)) + name + data + crc

		for file, depth, colour in ("alpha", 8, 6), ("both", 16, 6), ("plain", 8, 2):
		    row = bytes(1 + 8 * (depth // 8) * (4 if colour == 6 else 3))
		    open(f"im/a/{file}.png", "wb").write(b"\x89PNG\r\n\x1a\n" +
		        chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, depth, colour, 0, 0, 0)) +
		        chunk(b"IDAT", zlib.compress(row * 8)) + chunk(b"IEND", b""))
	PY
	run -0 --separate-stderr fd2-exchange --from images -o a.tar im
	[ "${stderr_lines[1]}" = "fd2-exchange: 2 lost their transparency, 1 their 16 bits" ]
}

@test "exchange: sorted folders are in the order of the classes, however many" {
	tar xf distilled.tar
	local images=(*/0001.jpg)
	mkdir -p many/c{1000..2000}
	tee many/c{1000..2000}/a.jpg <"${images[0]}" >/dev/null
	fd2-exchange -q --to cv-dd -o cv many
	[ -e cv/new0000/class0000_id000.jpg ]
	local folders=(cv/new*)
	[ "${#folders[@]} ${folders[1000]}" = "1001 cv/new1000" ]
	[ "$(jq -r '.classes[1000]' cv/classes.json)" = c2000 ]
	[ -e cv/new1000/class1000_id000.jpg ]
}

@test "exchange: folders that are not as they should be" {
	fd2-exchange -q --to cv-dd -o cv distilled.tar
	run -1 --separate-stderr fd2-exchange --to cv-dd -o cv distilled.tar
	said "fd2-exchange: 'cv' already exists; remove it, or name another folder"
	echo no image >cv/new001/class001_id001.jpg
	run -1 --separate-stderr fd2-exchange --from images -o x cv
	said "fd2-exchange: 'cv/new001/class001_id001.jpg': not a JPEG"
	rm cv/new001/class001_id001.jpg
	run -1 --separate-stderr fd2-exchange --from images -o x cv
	said "fd2-exchange: 'cv' holds 5 images, and its classes.json lists 6; remove that list" \
		"if the images are others"
	mkfifo cv/new001/class001_id001.jpg
	run -1 --separate-stderr fd2-exchange --from images -o x cv
	said "fd2-exchange: 'cv/new001/class001_id001.jpg' is not a regular file"
	rm cv/new001/*
	run -1 --separate-stderr fd2-exchange --from images -o x cv
	said "fd2-exchange: 'cv/new001' holds no image"
	echo '{"classes": 7}' >cv/classes.json
	echo no image >cv/new001/a.png
	run -1 --separate-stderr fd2-exchange --from images -o x cv
	said "fd2-exchange: 'cv/classes.json' has classes that are not a list of names"
	rm cv/classes.json
	run -1 --separate-stderr fd2-exchange -q --from images -o x cv
	said "fd2-exchange: 'cv/new001/a.png': not a PNG*"
	mv cv/new001/a.{png,webp}
	run -1 --separate-stderr fd2-exchange -q --from images -o x cv
	said "fd2-exchange: 'cv/new001/a.webp' is neither a JPEG nor a PNG"
	run -1 --separate-stderr fd2-exchange -q --from images -o x nowhere
	said "fd2-exchange: cannot open 'nowhere': No such file or directory"
	nothing_left
}

@test "exchange: a class without an image would shift the numbers" {
	mkdir part
	tar xf distilled.tar -C part
	rm -r "part/$(jq -r '.classes[1]' part/__fd2__)"
	run -1 --separate-stderr fd2-exchange --to rded -o x part
	said "fd2-exchange: class 1, '*', has no image: programs that number classes by their" \
		"folders would count past it"
	run -1 --separate-stderr fd2-relabel -t teacher.fd2 -e 1 --order fkd -o x part
	[[ ${stderr_lines[-1]} == \
		"fd2-relabel: class '"*"' has no image: programs that number classes "* ]]
	nothing_left
}

# labels

@test "exchange: fd2-relabel --order fkd goes through the images as torch's sampler does" {
	need_python
	local seed epoch
	for seed in 42 7; do
		relabel --fkd-seed $seed -o labels-fkd.fd2
		# the six images class after class; the shard has them by their numbers,
		# 0 3, 1 4, 2 5
		fkd order 6 2 $seed | tr ' ' '\n' | awk '{ print int($1 / 2) + 3 * ($1 % 2) }' >want
		for epoch in 0 1; do fd2-look --tensor $epoch/ids labels-fkd.fd2; done |
			tr -s ' ' '\n' | grep . >got
		cmp want got
	done
}

@test "exchange: a store is what the stream says" {
	need_python
	tiny_store
	[ "$(cd store && echo */*)" = "$(echo epoch_{0,1}/batch_{0,1}.tar)" ]
	[ "$(jq -r '.inputs.images' store.json)" = "$(digest distilled.tar)" ]
	"$python" - <(fkd read store/*/*) labels-fkd.fd2 <<-'PY'
		import json, sys
		import msgpack, msgpack_numpy, numpy
		labels = msgpack.Unpacker(open(sys.argv[2], "rb"), object_hook=msgpack_numpy.decode)
		t = {o["name"]: o["value"] for o in labels if "name" in o}
		for i, line in enumerate(open(sys.argv[1])):
		    e, rows = str(i // 2), slice(0, 4) if i % 2 == 0 else slice(4, 6)
		    coords, flips, mix, lam, box, logits = json.loads(line)
		    n = rows.stop - rows.start
		    assert [(v["dtype"], v["shape"]) for v in (coords, flips, mix, logits)] == \
		        [("<f4", [n, 4]), ("|b1", [n]), ("<i8", [n]), ("<f2", [n, 3])]
		    x, y, w, h = t[e + "/boxes"][rows].T
		    crops = numpy.array(coords["data"], "f4").reshape(n, 4)
		    assert (crops.T == numpy.array([y / 32, x / 32, h / 32, w / 32], "f4")).all()
		    assert flips["data"] == t[e + "/flips"][rows].tolist()
		    assert mix["data"] == t[e + "/with"][rows].tolist()
		    assert lam == float(t[e + "/lambda"][i % 2])
		    left, top, right, bottom = t[e + "/mix"][i % 2].tolist()
		    assert box == [top, left, bottom, right]
		    assert logits["data"] == t[e + "/logits"][rows].reshape(-1).tolist()
		assert i == 3
	PY
}

@test "exchange: a store there and back is the same labels, whoever wrote it" {
	tiny_store
	fd2-exchange -q --from fkd --images distilled.tar -o back.fd2 store
	cmp <(tensors labels-fkd.fd2) <(tensors back.fd2)
	local file
	for file in labels-fkd back; do
		fd2-look --json $file.fd2 | jq -S '.meta | del(.tool, .options)' >$file.meta
		fd2-eval -a "$tiny_arch" -q --threads 1 --val val.tar -l $file.fd2 distilled.tar \
			>$file.json
	done
	cmp labels-fkd.meta back.meta
	cmp <(jq 'del(.made_from)' labels-fkd.json) <(jq 'del(.made_from)' back.json)
	need_python
	local spelling
	respell plain new old
	for spelling in plain new old; do
		fd2-exchange -q --from fkd --size 32 --images distilled.tar \
			-o $spelling.fd2 $spelling
		cmp <(tensors labels-fkd.fd2) <(tensors $spelling.fd2)
	done
	fd2-look --json old.fd2 |
		jq -e '.meta | [.size, .batch, .epochs, .halves] == [32, 4, 2, true]
			and .mean[0] == 0.485'
	fd2-exchange -q --from fkd --size 32 --bn eval --images distilled.tar plain |
		fd2-look --json - | jq -e '.meta.halves == false'
}

@test "exchange: the store of FD2's authors has the labels of two branches" {
	need_python
	tiny_store
	fd2-exchange -q --to fkd --two-branches --images distilled.tar -o two labels-fkd.fd2
	fkd read two/epoch_0/batch_0.tar | jq -e '.[5] | .shape == [2, 4, 3] and .dtype == "<f2"'
	# the second is the backbone's, the first NaN
	cmp <(fkd read store/*/*.tar | jq -c '.[5].data[]') \
		<(fkd read two/*/*.tar | jq -c '.[5] | .data[(.data | length) / 2:][]')
	fkd read two/*/*.tar | jq -e '.[5] | [.data[:(.data | length) / 2][] | isnan] | all'
	fd2-exchange -q --from fkd --images distilled.tar -o back.fd2 two
	cmp <(tensors labels-fkd.fd2) <(tensors back.fd2)
	run -1 --separate-stderr fd2-exchange --from fkd --branch cal --images distilled.tar \
		-o x two
	said "fd2-exchange: 'two/epoch_0/batch_0.tar' has labels of CAL that are not finite"

	# as theirs writes it: CAL's are other numbers, and NumPy's mix the rest
	fkd read two/*/*.tar |
		jq -c '.[5] |= (.data |= [.[length / 2:][] | . / 2] + .[length / 2:])' |
		fkd write new -- two/*/*.tar
	fd2-exchange -q --from fkd -s 32 --images distilled.tar -o back.fd2 new
	cmp <(tensors labels-fkd.fd2) <(tensors back.fd2)
	fd2-exchange -q --from fkd -s 32 --branch cal --images distilled.tar -o cal.fd2 new
	paste -d ' ' <(fd2-look --tensor 0/logits labels-fkd.fd2 | tr -s ' ' '\n' | grep .) \
		<(fd2-look --tensor 0/logits cal.fd2 | tr -s ' ' '\n' | grep .) |
		awk '{ n++; bad += ($1 / 2 - $2) ^ 2 > 1e-6 } END { exit bad || n != 18 }'
	run -1 --separate-stderr fd2-exchange --from fkd --branch cal --images distilled.tar \
		-o x store
	said "fd2-exchange: 'store/epoch_0/batch_0.tar' has labels of one network, and none of CAL"
	cp new/epoch_0/batch_0.tar store/epoch_1/batch_1.tar
	run -1 --separate-stderr fd2-exchange --from fkd --images distilled.tar -o x store
	said "fd2-exchange: 'store/epoch_1/batch_1.tar' has *"
}

@test "exchange: labels that are not mixed" {
	need_python
	relabel --mix none -o labels-fkd.fd2
	fd2-exchange -q --to fkd --images distilled.tar -o store labels-fkd.fd2
	fkd read store/epoch_0/batch_0.tar |
		jq -e '.[2].data == [0, 1, 2, 3] and .[3] == 1 and .[4] == [0, 0, 0, 0]'
	respell none
	fd2-exchange -q --from fkd --images distilled.tar -o none.fd2 none
	cmp <(tensors labels-fkd.fd2) <(tensors none.fd2)
}

@test "exchange: labels that are mixed by MixUp" {
	need_python
	relabel --mix mixup -o labels-fkd.fd2
	fd2-exchange -q --to fkd --images distilled.tar -o store labels-fkd.fd2
	fkd read store/epoch_0/batch_0.tar | jq -e '.[4] == null and .[3] > 0 and .[3] < 1'
	respell old
	fd2-exchange -q --from fkd --images distilled.tar -o old.fd2 old
	cmp <(tensors labels-fkd.fd2) <(tensors old.fd2)
	[ "$(fd2-look --json old.fd2 | jq -r .meta.mix)" = mixup ]
	relabel -e 1 -o labels-cut.fd2
	fd2-exchange -q --to fkd --images distilled.tar -o cut labels-cut.fd2
	cp cut/epoch_0/batch_1.tar old/epoch_0/
	run -1 --separate-stderr fd2-exchange --from fkd --images distilled.tar -o x old
	said "fd2-exchange: 'old/epoch_0/batch_1.tar' is mixed differently from the first batch"
	nothing_left
}

@test "exchange: labels for which a store has no place" {
	relabel --label-fraction 0.5 -o some.fd2
	run -1 --separate-stderr fd2-exchange --to fkd --images distilled.tar -o x some.fd2
	said "fd2-exchange: the labels lack batches (fd2-relabel --label-fraction), which FKD's" \
		"stores must have"
	relabel --shuffle-patches -o quarters.fd2
	run -1 --separate-stderr fd2-exchange --to fkd --images distilled.tar -o x quarters.fd2
	said "fd2-exchange: the labels are of images with shuffled quarters, for which FKD's" \
		"stores have no place"
	nothing_left
}

@test "exchange: labels in another order, or of another set" {
	run -1 --separate-stderr fd2-exchange --to fkd --images distilled.tar -o x labels.fd2
	said "fd2-exchange: epoch 0 of the labels goes through the images in another order than" \
		"FKD's sampler with seed 42; make labels with fd2-relabel --order fkd --fkd-seed 42"
	tiny_store
	run -1 --separate-stderr fd2-exchange --to fkd --fkd-seed 1 --images distilled.tar \
		-o x labels-fkd.fd2
	said "fd2-exchange: epoch 0 *with fd2-relabel --order fkd --fkd-seed 1"
	run -1 --separate-stderr fd2-exchange --to fkd --images val.tar -o x labels-fkd.fd2
	said "fd2-exchange: the labels were made for another distilled set (*) than this one (*)"
	run -1 --separate-stderr fd2-exchange --to fkd --images distilled.tar -o x teacher.fd2
	said "fd2-exchange: 'teacher.fd2' is a tensor stream of kind teacher, expected kind labels"
	run -1 --separate-stderr fd2-exchange --to fkd --images distilled.tar \
		-o x <(head -c 1500 labels-fkd.fd2)
	[ ! -e x ]
	[ ! -e x.json ]
	run -1 --separate-stderr fd2-exchange --from fkd -s 4 --images distilled.tar -o x store
	said "fd2-exchange: --size is 4, and networks take 8 to 4096 pixels"
	run -1 --separate-stderr fd2-exchange --to fkd --images distilled.tar \
		-o store labels-fkd.fd2
	said "fd2-exchange: 'store.json' already exists; remove it, or name another folder"
	run -1 --separate-stderr fd2-exchange --from fkd --images val.tar -o x store
	said "fd2-exchange: 'store' is for another distilled set (*) than this one (*)"
	echo '{}' >store.json
	run -1 --separate-stderr fd2-exchange --from fkd --images distilled.tar -o x store/
	said "fd2-exchange: 'store.json' does not say which images 'store/' is for"
	nothing_left
}

# broken EPOCH PATTERN: that epoch, alone in a store, is refused with that sentence.
broken() {
	rm -rf bad
	mkdir bad
	mv "broken/$1" bad/epoch_0
	run -1 --separate-stderr fd2-exchange --from fkd --size 32 --images distilled.tar -o x bad
	said "fd2-exchange: 'bad/epoch_0/batch_0.tar' $2"
}

@test "exchange: stores that are not as they should be" {
	need_python
	tiny_store
	# a changed batch a line
	fkd read store/epoch_0/batch_0.tar | jq -c '
		(.[0].data[3] = 1.5), (.[0].data[2] = -1), (.[2].data[1] = 4), (.[4][2] = 33),
		(.[3] = null), (.[4] = [1, 2, 3]), (.[3] = 2), (.[5].dtype = "<f4"),
		(.[5].shape = [3, 4]), (.[5].shape = [4, 2] | .[5].data |= .[:8]), (.[0] = 7),
		.[:5]' |
		fkd write broken -- epoch_{0..11}/batch_0.tar
	broken epoch_0 "crops outside of image '*'"
	broken epoch_1 "crops outside of image '*'"
	broken epoch_2 "mixes with sample 4 of 4"
	broken epoch_3 "mixes outside of 32 x 32 pixels; give the network's input with --size"
	broken epoch_4 "has a mix_lam that is not a number, or a mix_bbox that is not four numbers"
	broken epoch_5 "has a mix_lam that is not a number, or a mix_bbox that is not four numbers"
	broken epoch_6 "has a mix_lam outside [[]0, 1]"
	broken epoch_7 \
		"has a soft_label of more than 16 bits; labels are read as --use-fp16 saves them"
	broken epoch_8 "has a soft_label of the wrong shape"
	broken epoch_9 "has labels of 2 classes, and the images have 3"
	broken epoch_10 "has a coords of another type or rank than expected"
	broken epoch_11 "is not a batch of soft labels: expected a list of 6 objects"
	cp store/epoch_0/* bad/epoch_0/
	cp store/epoch_0/batch_1.tar bad/epoch_0/batch_2.tar
	run -1 --separate-stderr fd2-exchange --from fkd --size 32 --images distilled.tar -o x bad
	said "fd2-exchange: 'bad/epoch_0/batch_2.tar' is one more than 6 images" \
		"in batches of 4 fill"
	rm bad/epoch_0/batch_[12].tar
	run -1 --separate-stderr fd2-exchange --from fkd --size 32 --images distilled.tar -o x bad
	said "fd2-exchange: cannot open 'bad/epoch_0/batch_1.tar': No such file or directory"
	mkfifo bad/epoch_0/batch_1.tar
	run -1 --separate-stderr fd2-exchange --from fkd --size 32 --images distilled.tar -o x bad
	said "fd2-exchange: 'bad/epoch_0/batch_1.tar' is not a file"
	cp distilled.tar bad/epoch_0/batch_0.tar
	run -1 --separate-stderr fd2-exchange --from fkd --size 32 --images distilled.tar -o x bad
	said "fd2-exchange: *'bad/epoch_0/batch_0.tar'*"
	touch bad/notes
	run -1 --separate-stderr fd2-exchange --from fkd --size 32 --images distilled.tar -o x bad
	said "fd2-exchange: 'bad' contains 'notes', which is not an epoch of labels"
	mkdir none
	run -1 --separate-stderr fd2-exchange --from fkd --size 32 --images distilled.tar -o x none
	said "fd2-exchange: 'none' contains no epoch of labels"
	nothing_left
}

# the command line and the end

@test "exchange: command lines that do not fit together" {
	local sentence
	while IFS='|' read -r sentence options; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr fd2-exchange $options
		[ "${stderr_lines[0]}" = "fd2-exchange: $sentence" ]
	done <<-'LINES'
		give one of --to and --from|distilled.tar
		give one of --to and --from|--to rded --from images x
		no input; name a shard, a label stream or a folder|--to rded -o x
		--from takes one input, not 2|--from images a b
		name the folder to write with -o|--to rded distilled.tar
		name the shard that the labels belong to with --images|--to fkd -o x labels.fd2
		--classes goes with --from images|--to rded -o x --classes names distilled.tar
		--size goes with --from fkd|--to rded -o x --size 32 distilled.tar
		--branch goes with --from fkd|--to rded -o x --branch cal distilled.tar
		--two-branches goes with --to fkd|--to rded -o x --two-branches distilled.tar
		--bn goes with --from fkd|--from images --bn eval cv
		shards are read twice, and so cannot come through a pipe|--to rded -o x -
	LINES
	run -2 --separate-stderr fd2-exchange --to rded -o x --images distilled.tar distilled.tar
	said_first "fd2-exchange: --images goes with labels; images themselves are named without it"
}

@test "exchange: a signal leaves nothing behind" {
	mkfifo labels-pipe
	fd2-exchange --to fkd --images distilled.tar -o x labels-pipe 3>&- &
	local tool=$!
	tiny_store
	exec 4>labels-pipe
	# all but the end record: the first epochs are written, and the tool waits
	head -c -60 labels-fkd.fd2 >&4
	until [ -e .x.$tool.tmp/epoch_0/batch_0.tar ]; do
		kill -0 $tool
		sleep 0.02
	done
	kill -TERM $tool
	exec 4>&-
	local status=0
	wait $tool || status=$?
	[ $status = 143 ]
	nothing_left
}
