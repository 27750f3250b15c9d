#!/usr/bin/env bats
# Photographs of one's own: their formats, and fd2-import folder.

bats_require_minimum_version 1.5.0
load helpers

# photos FOLDER CLASS...: four photographs of each class, as files
photos() {
	local to=$1 class from
	shift
	if [ ! -e drawn ]; then
		mkdir drawn
		fd2-draw --classes 2 --per-class 4 --size 32 | tar -x -C drawn
	fi
	for class; do
		mkdir -p "$to/$class"
		from=$([ "${class: -1}" = g ] && echo red-spot || echo gold-bar)
		for i in 1 2 3 4; do cp "drawn/$from/000$i.jpg" "$to/$class/$i.jpg"; done
	done
}

# class_counts SHARD...: "4 cat 4 dog"
class_counts() {
	fd2-look --json "$@" | jq -r '[.classes | to_entries[] | "\(.value) \(.key)"] | join(" ")'
}

# keys SHARD: its images, in one line
keys() {
	tar tf "$1" | grep 'jpg$' | paste -sd' '
}

import() {
	fd2-import -q "$@"
}

# refused STATUS SENTENCE COMMAND...
refused() {
	local status=$1 sentence=$2
	shift 2
	run "-$status" --separate-stderr "$@"
	said "$sentence"
}

@test "folder: every format, depth, kind of colour and orientation decodes as Pillow decodes it" {
	need_python
	run -0 "$python" "$root/test/cli/photos.py" "${FD2_BIN:-$root/build/bin}/../test/photo"
	[[ ${lines[-1]} == *" images compared, 0 differ" ]]
}

@test "folder: the class is the first of nested folders, where that is no guess" {
	photos a/photos cat dog
	[ "$(class_counts a)" = "4 cat 4 dog" ]
	photos b cat/tabby cat/siamese dog
	[ "$(class_counts b)" = "8 cat 4 dog" ]
	photos c n1/images n2/images
	[ "$(class_counts c)" = "4 n1 4 n2" ]
	[ "$(tar -c c | class_counts -)" = "4 n1 4 n2" ]
	photos d/train cat dog
	[ "$(class_counts d)" = "4 cat 4 dog" ]
	photos d/valid cat dog
	refused 1 "fd2-look: 'd' has 'train' and 'valid' side by side: *" fd2-look d
	tar -czf d.tgz d
	refused 1 "fd2-teacher: 'd.tgz' has 'd/train' and 'd/valid' side by side: *" \
		fd2-teacher -a convnet3 -s 32 -e 1 -o t d.tgz
	photos e old/cat old/dog new/cat
	refused 1 "fd2-look: 'e' has 'cat' below 'new' and below 'old', so it is unclear which *" \
		fd2-look e
	photos f cat/train cat/test dog/train
	refused 1 "fd2-look: 'f' has 'train' below 'cat' and below 'dog', so *" fd2-look f
	fd2-exchange -q --to rded -o out b
	[ "$(cd out && echo */ | wc -w)" = 2 ]
	[ "$(jq -c .classes out/classes.json)" = '["cat","dog"]' ]
}

@test "folder: links are followed, but not in a circle or to nothing" {
	photos real cat dog
	mkdir l
	ln -s ../real/cat l/cat
	mkdir l/dog
	ln -s ../../real/dog/1.jpg l/dog/
	[ "$(class_counts l)" = "4 cat 1 dog" ]
	ln -s .. l/dog/up
	refused 1 "fd2-look: 'l/dog/up' links to a folder that it is in" fd2-look l
	rm l/dog/up
	ln -s gone.jpg l/dog/2.jpg
	refused 1 "fd2-look: 'l/dog/2.jpg' is a link to 'gone.jpg', which does not exist" fd2-look l
}

@test "folder: train/ and val/ are two shards with one list of classes" {
	photos d/train cat dog
	photos d/val dog
	mkdir d/test && cp -r d/val/dog d/test/
	run -0 --separate-stderr fd2-import -o x folder d
	[[ $stderr == \
		*"left out 4 images in no class folder of "*" (the first is 'd/test/dog/1.jpg')"* ]]
	[ "$(class_counts x-train.tar) / $(class_counts x-val.tar)" = "4 cat 4 dog / 4 dog" ]
	[ "$(tar -xOf x-val.tar __fd2__ | jq -c '[.classes, .dataset, .split]')" = \
		'[["cat","dog"],"folder","val"]' ]
	[ "$(tar -xOf x-val.tar dog/1.cls)" = 1 ]
	cmp <(tar -xOf x-train.tar cat/1.jpg) d/train/cat/1.jpg
	tar -czf d.tgz --exclude test d
	import -o y folder d.tgz
	cmp <(tar tf y-train.tar | sort) <(tar tf x-train.tar | sort)
	import -o z folder d/train d/val
	cmp z-train.tar x-train.tar
	refused 1 "fd2-import: 'd' has a training and a held-out set already; *" \
		import --split 0.5 folder d
	import --only val folder d/test >t.tar
	[ "$(class_counts t.tar)" = "4 dog" ]
}

@test "folder: --split holds out a share of each class, drawn from the seed" {
	photos p cat dog
	rm p/dog/4.jpg
	import --split 0.5 -o a folder p
	[ "$(class_counts a-train.tar) / $(class_counts a-val.tar)" = "2 cat 1 dog / 2 cat 2 dog" ]
	[ "$(echo "$(keys a-train.tar) $(keys a-val.tar)" | tr ' ' '\n' | sort | uniq | wc -l)" = \
		7 ]
	tar -cf p.tar -C p .
	import --split 0.5 -o b folder p.tar
	[ "$(keys b-val.tar | tr ' ' '\n' | sort)" = "$(keys a-val.tar | tr ' ' '\n' | sort)" ]
	local seed other=
	for seed in 1 2 3 4; do
		import --split 0.5 --seed $seed -o c$seed folder p
		[ "$(keys c$seed-val.tar)" = "$(keys a-val.tar)" ] || other=1
	done
	[ "$other" ]
	import --split 0.01 -o d folder p
	[ "$(class_counts d-val.tar)" = "1 cat 1 dog" ]
	import --split 0.9 -o e folder p
	[ "$(class_counts e-train.tar)" = "1 cat 1 dog" ]
	rm p/dog/[23].jpg
	run -0 --separate-stderr fd2-import --split 0.5 -o f folder p
	[[ $stderr == *"class 'dog' has one photograph, which is not held out"* ]]
}

@test "folder: --class chooses among nested folders; names are told apart" {
	photos p cat/in cat/out dog/in
	refused 1 "fd2-import: 'p' has 'in' below 'cat' and below 'dog', so *" import -o x folder p
	import --class first -o a folder p
	[ "$(class_counts a-train.tar)" = "8 cat 4 dog" ]
	[[ $(keys a-train.tar) == "cat/in_1.jpg "*" cat/out_4.jpg dog/in_1.jpg "* ]]
	import --class last -o b folder p
	[ "$(class_counts b-train.tar)" = "8 in 4 out" ]
	photos q cat
	cp q/cat/1.jpg q/cat/1.JPG
	cp q/cat/1.jpg q/cat/1.x.jpg
	cp q/cat/1.jpg q/cat/1_x.jpeg
	import -o c folder q
	[ "$(keys c-train.tar | tr ' ' '\n' | sort | paste -sd' ')" = \
		"cat/1-2.jpg cat/1.jpg cat/1_x-2.jpg cat/1_x.jpg cat/2.jpg cat/3.jpg cat/4.jpg" ]
	cp q/cat/2.jpg q/cat/1-2.jpg
	import -o d folder q
	[[ $(keys d-train.tar | tr ' ' '\n' | sort | paste -sd' ') == \
		"cat/1-2.jpg cat/1-3.jpg cat/1.jpg cat/1_x-2.jpg cat/1_x.jpg cat/2.jpg "* ]]
	refused 1 "fd2-look: 'q': 'cat/1.JPG' and 'cat/1.jpg' would be one sample; *" \
		fd2-look q
}

@test "folder: class folders named one by one, and a shard of fd2, are what their parent is" {
	photos p $'th\xe9' cat
	import -o all folder p
	(cd p && import -o ../each folder -- *)
	[ "$(keys each-train.tar)" = "$(keys all-train.tar)" ]
	[[ $(keys all-train.tar) == *" th%E9/1.jpg "* ]]
	run -0 --separate-stderr fd2-import --only train -o again folder all-train.tar
	[[ $stderr != *"left out"* ]]
}

@test "folder: what cannot be read is named, skipped and counted; --strict stops there" {
	photos p cat dog
	echo '<!DOCTYPE html><title>404</title>' >p/cat/page.jpg
	printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n' >p/cat/lfs.jpg
	: >p/cat/zero.png
	local lfs="a Git LFS pointer ('git lfs pull' fetches the file)"
	head -c 300 p/cat/1.jpg >p/cat/half.jpg
	printf 'GIF89a' >p/dog/moving.gif
	cp p/cat/1.jpg p/loose.jpg
	echo x >p/notes.txt
	run -0 --separate-stderr fd2-import -o x folder p
	diff - <(printf '%s\n' "$stderr") <<-END
		fd2-import: left out 1 image in no class folder (the first is 'p/loose.jpg')
		fd2-import: left out 1 non-image file (the first is 'notes.txt')
		fd2-import: skipped 'p/cat/half.jpg': truncated
		fd2-import: skipped 'p/cat/lfs.jpg': $lfs
		fd2-import: skipped 'p/cat/page.jpg': an HTML page
		fd2-import: skipped 'p/cat/zero.png': empty file
		fd2-import: skipped 'p/dog/moving.gif': a GIF image
		fd2-import: x-train.tar: 8 images of 2 classes, 0.0 MB
		fd2-import: 8 JPEG, 0 PNG, 0 WebP, 0 AVIF; width 32 to 32, height 32 to 32
		fd2-import: skipped 5 of 13 files, which cannot be read
	END
	fd2-look --check x-train.tar
	refused 1 "fd2-import: 'p': member 'p/cat/half.jpg': truncated" \
		import --strict -o y folder p
	rm p/dog/?.jpg
	refused 1 "fd2-import: no image of class 'dog' can be read" import -o y folder p
	refused 1 "fd2-import: 'drawn/red-spot' has no held-out set" \
		import --val y.tar folder drawn/red-spot
	mkdir none
	refused 1 "fd2-import: 'none' has no folders of images, one per class" \
		import -o y folder none
	[ -z "$(find . -name 'y*')" ]
}

@test "folder: shards of bounded size, and none of an earlier run among them" {
	photos p cat dog
	import --shard-images 3 -o x folder p
	[ "$(echo x-*)" = "x-train-000.tar x-train-001.tar x-train-002.tar" ]
	[ "$(class_counts 'x-train-{000..002}.tar')" = "4 cat 4 dog" ]
	[ "$(tar -xOf x-train-002.tar __fd2__ | jq -c '[.classes, .count, .shard]')" = \
		'[["cat","dog"],2,2]' ]
	refused 1 "fd2-import: 'x-train-000.tar' already exists; remove the earlier shards, or *" \
		import --shard-images 3 -o x folder p
	rm x-train-00[01].tar
	refused 1 "fd2-import: 'x-train-002.tar' already exists; *" \
		import --shard-images 4 -o x folder p
	[ "$(echo x-*)" = "x-train-002.tar" ]
	need_python
	"$python" -c '
from PIL import Image
import os
for i in range(6):
    Image.frombytes("RGB", (400, 400), os.urandom(480000)).save("p/dog/big%d.jpg" % i, quality=98)'
	import --shard-size 1 -o y folder p
	[ "$(find . -name 'y-*' | wc -l)" -gt 1 ]
	[ -z "$(find . -name 'y-*' -size +1024k)" ]
	for to in "--only train" "--train -"; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr import --shard-size 1 $to folder p
		[ "${stderr_lines[0]}" = \
			"fd2-import: several shards cannot go to standard output: give -o" ]
	done
}

@test "folder: a pipe that got the one shard stays where the other fails" {
	mkdir -p p/train p/val d
	fd2-draw --classes 2 --per-class 2 --size 512 | tar -x -C p/train
	photos p/val gold-bar red-spot
	mkfifo pipe
	fd2-import -q --train pipe --val d/val.tar folder p 2>said 3>&- &
	exec 4<pipe
	head -c 1 <&4 >first # both are open
	rm -r d
	cat <&4 >rest
	exec 4<&-
	local status=0
	wait $! || status=$?
	[ $status = 1 ]
	[ "$(<said)" = "fd2-import: cannot write 'd/val.tar': No such file or directory" ]
	[ -p pipe ]
}

@test "folder: pictures of other kinds become JPEGs that look the same, upright" {
	need_python
	mkdir -p p/cat p/dog
	"$python" "$root/test/cli/photos.py" --make p/cat
	cp p/cat/plain.jpg p/dog
	run -0 --separate-stderr fd2-import -o x folder p
	[[ $stderr == *"turned upright by their EXIF orientation"* ]]
	[[ $stderr == *"lost their transparency"* ]]
	fd2-look --check x-train.tar
	mkdir out
	tar -xf x-train.tar -C out
	cmp out/dog/plain.jpg p/dog/plain.jpg
	"$python" - <<-'END'
		import glob, io, numpy, os
		from PIL import Image, ImageOps
		n = 0
		for path in glob.glob("p/cat/turned*"):
		    want = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
		    want = numpy.asarray(want).astype(int)
		    base, ext = os.path.basename(path).split(".")
		    same = [f for f in glob.glob("out/cat/%s*.jpg" % base)]
		    have = [numpy.asarray(Image.open(f)).astype(int) for f in same]
		    best = min(numpy.abs(v - want).mean() for v in have if v.shape == want.shape)
		    assert best < 6, (path, best)
		    n += 1
		assert n >= 16, n
	END
}

@test "folder: stages use JPEGs that libjpeg recovers, and count them; --strict refuses" {
	photos p cat dog
	"${python:-python3}" - <<-'END'
		b = open("p/cat/1.jpg", "rb").read()
		open("p/cat/1.jpg", "wb").write(b[:-2] + bytes(7) + b[-2:])
		open("p/cat/2.jpg", "wb").write(b[:-9])
	END
	# shellcheck disable=SC2317 # called by run
	teach() { fd2-teacher -a convnet3 -s 32 -M 2 -b 4 -e 1 -o t.fd2 "$@"; }
	run -0 --separate-stderr teach p
	[[ $stderr == *"skipped member 'cat/2' of 'p': truncated"* ]]
	[[ $stderr == \
		*"1 of 7 images have errors "*"the first is 'cat/1' of 'p': corrupt JPEG data: "* ]]
	refused 1 "fd2-teacher: cannot read 'p': member 'cat/1': corrupt JPEG data: *" \
		teach --strict p
	rm p/cat/2.jpg
	fd2-relabel -q -t t.fd2 -e 1 -o l.fd2 p
	refused 1 "fd2-look: 'p': image 'cat/1': corrupt JPEG data: *" fd2-look --check p
	import -o x folder p
	fd2-look --check x-train.tar
	cp p/cat/3.jpg p/cat/4.png
	refused 1 "fd2-teacher: 'p': member 'cat/4.png' is not a JPEG; *" teach p
}

@test "folder: shared images are counted, and labels out of range named with their file" {
	photos p cat dog
	photos v cat dog
	# shellcheck disable=SC2317 # called by run
	teach() { fd2-teacher -a convnet3 -s 32 -M 2 -b 4 -e 1 -o t.fd2 "$@"; }
	fd2-draw --classes 2 --per-class 2 --size 32 --split val -o d.tar
	mkdir new && tar -xf d.tar -C new
	cp new/red-spot/0001.jpg v/dog/1.jpg
	run -0 --separate-stderr teach --val v p
	[[ ${stderr_lines[0]} == \
		"fd2-teacher: 7 of the 8 images of --val are training images too (the "* ]]
	run -0 --separate-stderr fd2-eval --hard -a convnet3 -s 32 -e 1 --val v p
	[[ $stderr == *"fd2-eval: 7 of the 8 images of --val are training images too"* ]]
	mkdir w
	for i in 1 2; do cp p/cat/$i.jpg w; echo $i >w/$i.cls; done
	local range="the training set has 2 classes, 0 to 1 (these labels count from 1)"
	refused 1 "fd2-teacher: 'w': the class of '2' is number 2, and $range" teach --val w p
	cp -r p u
	mv u/dog u/god
	refused 1 "fd2-teacher: 'u': class 'god' of 'god/1' is not one of the 2 classes of *" \
		teach --val u p
}

@test "folder: bytes behind an archive are counted, packed or not" {
	photos p cat dog
	tar -cf a.tar p
	printf 'junk\n' >junk
	local end="after its end, which are not an archive"
	cat a.tar junk >j.tar
	refused 1 "fd2-look: 'j.tar' has 5 bytes $end" fd2-look j.tar
	cat a.tar p/cat/1.jpg >j.tar
	refused 1 "fd2-look: 'j.tar' has $(stat -c %s p/cat/1.jpg) bytes $end" fd2-look j.tar
	refused 1 "fd2-look: 'standard input' has $(stat -c %s p/cat/1.jpg) bytes $end" \
		fd2-look - <j.tar
	gzip -c a.tar | cat - junk >j.tgz
	refused 1 "fd2-look: 'j.tgz' has 5 bytes $end" fd2-look j.tgz
	{ gzip -c a.tar; head -c 2000 /dev/zero; } >z.tgz
	[ "$(class_counts z.tgz)" = "4 cat 4 dog" ]
	{ cat a.tar; head -c 20000 /dev/zero; } >z.tar
	[ "$(class_counts z.tar)" = "4 cat 4 dog" ]
	head -c $(($(stat -c %s a.tar) / 2)) a.tar >cut.tar
	refused 1 "fd2-look: 'cut.tar' is cut short, *" fd2-look cut.tar
}

@test "folder: names lose the mark of Windows editors, and do not drive the terminal" {
	photos p cat dog
	fd2-exchange -q --to cv-dd -o im p
	rm im/classes.json
	printf '\357\273\277Blue \r\nGold\r\n\r\n' >names
	fd2-exchange -q --from images --classes names -o b.tar im
	[ "$(tar -xOf b.tar __fd2__ | jq -c .classes)" = '["Blue","Gold"]' ]
	printf '\377\376B\0' >names
	refused 1 "fd2-exchange: 'names' is UTF-16; save it as UTF-8" \
		fd2-exchange --from images --classes names -o c.tar im
	printf 'Bl\374h\nGold\n' >names
	fd2-exchange -q --from images --classes names -o c.tar im
	[ "$(tar -xOf c.tar __fd2__ | jq -c .classes)" = '["Bl%FCh","Gold"]' ]
	fd2-exchange -q --from images --classes c.tar -o d.tar im
	cmp c.tar d.tar
	local c1
	for c1 in $'\xc2\x9b' $'\xc2\x85' $'\xc2\x90' $'\x9b'; do
		mv p/cat "p/cat${c1}31m"
		: >"p/cat${c1}31m/9.jpg"
		run -1 --separate-stderr fd2-look --check p
		printf '%s\n' "$stderr" >err
		fd2-look p >out
		LC_ALL=C grep -q 'cat\(??*\|%9B\)31m' err out
		run -1 env LC_ALL=C grep -l $'[\x80-\x9f]' err out
		mv "p/cat${c1}31m" p/cat
		rm p/cat/9.jpg
	done
	photos "p" $'caf\303\251'
	[[ $(fd2-look p) == *$'caf\303\251'* ]]
}
