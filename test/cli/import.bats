#!/usr/bin/env bats
# fd2-import: archives laid out as the official ones are, in miniature. `test/run asan` runs this
# file with the checked programs too.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	PATH=$PATH:$root/build/bin # fd2-draw
	# one set of pictures for all tests: pics/1.jpg and so on, each another one
	export pics=$BATS_RUN_TMPDIR/import-pics
	if [ ! -e "$pics/ok" ]; then
		mkdir -p "$pics"
		fd2-draw --classes 2 --per-class 8 --size 32 |
			tar -x -C "$pics" --wildcards '*.jpg' 'red-spot/*' \
				--transform 's,.*-[a-z]*/000,,;s,/,,' --transform 's,^,a,' ||
			return 1
		touch "$pics/ok"
	fi
}

# place N FILE: picture N (1 to 8) there
place() {
	mkdir -p "$(dirname "$2")"
	cp "$pics/a$1.jpg" "$2"
}

# CUB_200_2011.tgz: two classes, 3 + 2 images
cub() {
	local d=CUB_200_2011
	place 1 $d/images/001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg
	place 2 $d/images/001.Black_footed_Albatross/Black_Footed_Albatross_0009_34.jpg
	place 3 $d/images/001.Black_footed_Albatross/Black_Footed_Albatross_0002_55.jpg
	place 4 $d/images/002.Laysan_Albatross/Laysan_Albatross_0002_1027.jpg
	place 5 $d/images/002.Laysan_Albatross/Laysan_Albatross_0003_1033.jpg
	printf '%s\n' '1 001.Black_footed_Albatross' '2 002.Laysan_Albatross' >$d/classes.txt
	(cd $d/images && printf '%s\n' */*.jpg) | cat -n | awk '{ print $1, $2 }' >$d/images.txt
	printf '%s\n' '1 1' '2 1' '3 1' '4 2' '5 2' >$d/image_class_labels.txt
	printf '%s\n' '1 1' '2 0' '3 1' '4 1' '5 0' >$d/train_test_split.txt
	mkdir $d/parts
	echo '1 back' >$d/parts/parts.txt
	echo 'x' >$d/._images.txt
	tar czf CUB_200_2011.tgz $d
}

aircraft() {
	local d=fgvc-aircraft-2013b/data i
	for i in 1 2 3 4 5; do
		place $i $d/images/100000$i.jpg
	done
	printf '%s\n' 707-320 'Beechcraft 1900' 'F/A-18' >$d/variants.txt
	printf '%s\n' '1000001 F/A-18' '1000002 707-320' '1000003 Beechcraft 1900' \
		>$d/images_variant_trainval.txt
	printf '%s\r\n' '1000004 707-320' '1000005 F/A-18' >$d/images_variant_test.txt
	tar czf fgvc-aircraft-2013b.tar.gz fgvc-aircraft-2013b
}

cars_classes=('AM General Hummer SUV 2000' 'Ram C/V Cargo Van Minivan 2012')

# cars_train.tgz cars_test.tgz car_devkit.tgz cars_test_annos_withlabels.mat
cars_devkit() {
	local mat="python3 $root/test/cli/mat.py" fields=bbox_x1,class,fname
	place 1 cars_train/00001.jpg
	place 2 cars_train/00002.jpg
	place 3 cars_train/00003.jpg
	place 4 cars_test/00001.jpg
	place 5 cars_test/00002.jpg
	mkdir devkit
	$mat devkit/cars_meta.mat '' "${cars_classes[@]}"
	printf '%s\t%s\t%s\n' 39 2 00001.jpg 36 1 00002.jpg 5 1 00003.jpg |
		$mat devkit/cars_train_annos.mat $fields
	printf '%s\t%s\n' 30 00001.jpg 60 00002.jpg | $mat devkit/cars_test_annos.mat bbox_x1,fname
	printf '%s\t%s\t%s\n' 30 1 00001.jpg 60 2 00002.jpg |
		$mat cars_test_annos_withlabels.mat $fields
	tar czf cars_train.tgz cars_train
	tar czf cars_test.tgz cars_test
	tar czf car_devkit.tgz devkit
}

cars_annos() {
	local i
	for i in 1 2 3 4 5; do
		place $i car_ims/00000$i.jpg
	done
	printf 'car_ims/00000%s.jpg\t%s\t%s\n' 1 2 0 2 1 0 3 1 0 4 1 1 5 2 1 |
		python3 "$root/test/cli/mat.py" cars_annos.mat relative_im_path,class,test \
			"${cars_classes[@]}"
	tar czf car_ims.tgz car_ims
}

# folders NAME VAL EXT: NAME/train and NAME/VAL with two classes
folders() {
	place 1 "$1/train/n01440764/n01440764_10026.$3"
	place 2 "$1/train/n01440764/ILSVRC2012_val_00009111.$3"
	place 3 "$1/train/n02102040/n02102040_1.$3"
	place 4 "$1/$2/n01440764/n01440764_190.$3"
	place 5 "$1/$2/n02102040/n02102040_31.$3"
}

# holds SHARD <<END: "KEY CLASS-INDEX PICTURE" lines: these samples and no others, each with the
# bytes of that picture
holds() {
	local key class picture
	while read -r picture class key; do
		echo "$key"
		[ "$(tar xOf "$1" "$key.cls")" = "$class" ]
		cmp <(tar xOf "$1" "$key.jpg") "$pics/a$picture.jpg"
		echo "$key.jpg" >>listed
	done
	diff <(sort listed) <(tar tf "$1" | grep 'jpg$' | sort)
	rm listed
	fd2-look --check "$1"
}

meta() {
	tar xOf "$1" __fd2__ | jq -c "$2"
}

import() {
	fd2-import -q --any-count "$@"
}

# refused SENTENCE ARGUMENT...: that is said, and no output is there
refused() {
	local sentence=$1
	shift
	run -1 --separate-stderr import -o x "$@"
	said "fd2-import: $sentence"
	[ -z "$(find . -name 'x-*' -o -name '.x-*')" ]
}

# layouts

@test "import: CUB-200-2011, as an archive and unpacked" {
	cub
	import cub CUB_200_2011.tgz
	holds cub-train.tar <<-'END'
		3 0 001.Black_footed_Albatross/Black_Footed_Albatross_0002_55
		1 0 001.Black_footed_Albatross/Black_Footed_Albatross_0046_18
		4 1 002.Laysan_Albatross/Laysan_Albatross_0002_1027
	END
	holds cub-val.tar <<-'END'
		2 0 001.Black_footed_Albatross/Black_Footed_Albatross_0009_34
		5 1 002.Laysan_Albatross/Laysan_Albatross_0003_1033
	END
	[ "$(meta cub-train.tar '[.tool, .dataset, .split, .count, .names]')" = \
		'["fd2-import","cub","train",3,null]' ]
	[ "$(meta cub-train.tar .classes)" = \
		'["001.Black_footed_Albatross","002.Laysan_Albatross"]' ]
	import -o unpacked cub CUB_200_2011
	(cd CUB_200_2011 && import -o ../inside cub .)
	import -o beside cub "$PWD"
	tar cf plain.tar ./CUB_200_2011
	import -o plain cub plain.tar
	for split in train val; do
		cmp {unpacked,inside}-$split.tar
		cmp {unpacked,beside}-$split.tar
		[ "$(fd2-look --json plain-$split.tar | jq -c '[.classes, .samples]')" = \
			"$(fd2-look --json cub-$split.tar | jq -c '[.classes, .samples]')" ]
	done
}

@test "import: FGVC-Aircraft" {
	aircraft
	import aircraft fgvc-aircraft-2013b.tar.gz
	holds aircraft-train.tar <<-'END'
		1 2 F-A-18/1000001
		2 0 707-320/1000002
		3 1 Beechcraft 1900/1000003
	END
	holds aircraft-val.tar <<-'END'
		4 0 707-320/1000004
		5 2 F-A-18/1000005
	END
	[ "$(meta aircraft-val.tar '[.classes, .names]')" = \
		'[["707-320","Beechcraft 1900","F-A-18"],["707-320","Beechcraft 1900","F/A-18"]]' ]
	import -o same aircraft fgvc-aircraft-2013b/data
	cmp <(tar tf same-train.tar | sort) <(tar tf aircraft-train.tar | sort)
}

cars_hold() {
	holds "$1-train.tar" <<-END
		1 1 Ram C-V Cargo Van Minivan 2012/${2}001
		2 0 AM General Hummer SUV 2000/${2}002
		3 0 AM General Hummer SUV 2000/${2}003
	END
	[ "$(meta "$1-val.tar" .names)" = \
		'["AM General Hummer SUV 2000","Ram C/V Cargo Van Minivan 2012"]' ]
}

@test "import: Stanford Cars, the devkit's layout" {
	cars_devkit
	import cars cars_train.tgz cars_test.tgz car_devkit.tgz cars_test_annos_withlabels.mat
	cars_hold cars 00
	holds cars-val.tar <<-'END'
		4 0 AM General Hummer SUV 2000/00001
		5 1 Ram C-V Cargo Van Minivan 2012/00002
	END
	import -o unpacked cars cars_train cars_test devkit cars_test_annos_withlabels.mat
	cars_hold unpacked 00
	mkdir all
	mv cars_train cars_test devkit all
	mv cars_test_annos_withlabels.mat all/devkit
	import -o all cars all
	cmp all-val.tar unpacked-val.tar
	refused "the labels of the test images are missing: give cars_test_annos_withlabels.mat \
too, or --only train" \
		cars cars_train.tgz cars_test.tgz car_devkit.tgz
	import --only train cars cars_train.tgz car_devkit.tgz >only.tar
	cmp only.tar cars-train.tar
}

@test "import: Stanford Cars, one archive and one list" {
	cars_annos
	import cars car_ims.tgz cars_annos.mat
	cars_hold cars 000
	holds cars-val.tar <<-'END'
		4 0 AM General Hummer SUV 2000/000004
		5 1 Ram C-V Cargo Van Minivan 2012/000005
	END
}

@test "import: Stanford Cars, train/ and test/" {
	folders car_data test jpg
	tar cf cars.tar car_data
	import cars cars.tar
	holds cars-val.tar <<-'END'
		4 0 n01440764/n01440764_190
		5 1 n02102040/n02102040_31
	END
	import -o two cars car_data/train car_data/test
	cmp two-val.tar cars-val.tar
}

@test "import: ImageNette and ImageWoof" {
	folders imagenette2-160 val JPEG
	echo path >imagenette2-160/noisy_imagenette.csv
	tar czf imagenette2-160.tgz imagenette2-160
	import imagenette imagenette2-160.tgz
	holds imagenette-train.tar <<-'END'
		1 0 n01440764/n01440764_10026
		2 0 n01440764/ILSVRC2012_val_00009111
		3 1 n02102040/n02102040_1
	END
	holds imagenette-val.tar <<-'END'
		4 0 n01440764/n01440764_190
		5 1 n02102040/n02102040_31
	END
	import imagewoof imagenette2-160.tgz
	[ "$(meta imagewoof-val.tar .dataset)" = '"imagewoof"' ]
}

# outputs

@test "import: where the shards go" {
	folders nette val JPEG
	import -o pre/fix imagenette nette || true
	mkdir pre
	import -o pre/fix imagenette nette
	import --train a.tar --val b.tar imagenette nette
	import --only val imagenette nette >c.tar
	import --only val -o d imagenette nette
	import --only train --train e.tar imagenette nette
	cmp a.tar pre/fix-train.tar
	cmp b.tar pre/fix-val.tar
	cmp b.tar c.tar
	cmp b.tar d-val.tar
	cmp a.tar e.tar
	[ ! -e d-train.tar ]
	run -2 --separate-stderr import --train - --val - imagenette nette
	[ "${stderr_lines[0]}" = "fd2-import: --val and --train are both '-'" ]
	rm a.tar
	run -1 --separate-stderr import --train a.tar --val /dev/full imagenette nette
	said "fd2-import: cannot write '/dev/full': No space left on device"
	[ ! -e a.tar ]
	run -2 --separate-stderr import --train a.tar --val a.tar imagenette nette
	[ "${stderr_lines[0]}" = "fd2-import: --val and --train are both 'a.tar'" ]
	[ -z "$(find . -name '*.tmp')" ]
}

@test "import: counts are those of the data set, or it is an error" {
	folders nette val JPEG
	run -1 --separate-stderr fd2-import imagenette nette
	said "fd2-import: found 2 classes, expected 10 (ImageNette 2); --any-count accepts them"
	[ -z "$(find . -name '*.tar*')" ]
	run -0 --separate-stderr fd2-import --any-count imagenette nette
	diff - <(printf '%s\n' "$stderr") <<-'END'
		fd2-import: found 2 classes, expected 10 (ImageNette 2)
		fd2-import: found 3 train images, expected 9469 (ImageNette 2)
		fd2-import: found 2 val images, expected 3925 (ImageNette 2)
		fd2-import: imagenette-train.tar: 3 images of 2 classes, 0.0 MB
		fd2-import: imagenette-val.tar: 2 images of 2 classes, 0.0 MB
	END
	for i in 3 4 5 6 7 8 9 10; do
		place 1 nette/train/n$i/x.JPEG
	done
	run -1 --separate-stderr fd2-import -o x imagenette nette
	said "fd2-import: found 11 train images, expected 9469 (ImageNette 2); --any-count" \
		"accepts them"
}

@test "import: --size squashes or fits the short side, and --no-banner cuts" {
	place 1 nette/train/a/1.jpg
	place 2 nette/val/a/2.jpg
	size() {
		fd2-look --sheet sheet.jpg "$1" >/dev/null
		tar xOf "$1" a/1.jpg >one.jpg
		file one.jpg | grep -o ', [0-9]*x[0-9]*,' | tr -d ', '
	}
	import --size 20 -o squash imagenette nette
	[ "$(size squash-train.tar)" = 20x20 ]
	import --no-banner -o cut imagenette nette
	[ "$(size cut-train.tar)" = 32x12 ]
	import --no-banner --size 6 --fit short -o short imagenette nette
	[ "$(size short-train.tar)" = 16x6 ]
	head -c 300 "$pics/a1.jpg" >nette/train/a/1.jpg
	import imagenette nette
	refused "'nette': member 'nette/train/a/1.jpg': *" --size 20 imagenette nette
}

@test "import: real photographs pass with their bytes" {
	local data
	data=$(real_data nette-val.tar)
	mkdir -p nette/train nette/val
	tar xf "$data" -C nette/train --wildcards '*/*1.JPEG'
	tar xf "$data" -C nette/val --wildcards '*/*2.JPEG'
	import imagenette nette
	mkdir out
	tar xf imagenette-val.tar -C out --wildcards '*.jpg' --transform 's,jpg$,JPEG,'
	diff -r nette/val out
	fd2-look --check imagenette-train.tar
	import --size 64 -o small imagenette nette
	fd2-look --check small-train.tar
}

# what is wrong

@test "import: lists that contradict each other or the images" {
	cub
	local d=CUB_200_2011 set=cub
	# wrong LIST LINES SENTENCE: that list's lines are added to it
	wrong() {
		cp "$d/$1" kept
		printf '%s\n' "$2" >>"$d/$1"
		refused "$3" $set $d
		mv kept "$d/$1"
	}
	wrong images.txt '6 001.X/none.jpg' \
		"'$d': 'images.txt', line 6: 'images/001.X/none.jpg' is missing"
	wrong images.txt '5 002.Laysan_Albatross/Laysan_Albatross_0002_1027.jpg' \
		"*'images.txt', line 6: image 5 is listed twice"
	wrong images.txt '6 002.Laysan_Albatross/Laysan_Albatross_0002_1027.jpg' \
		"*image 6, *, has no label"
	wrong images.txt 'x y' \
		"*'images.txt', line 6: expected a number from 1 to 1000000 and a value"
	wrong images.txt '99999999999999999999999 y' "*expected a number*"
	wrong image_class_labels.txt '5 1' \
		"*'image_class_labels.txt', line 6: image 5 is listed twice"
	wrong image_class_labels.txt '7 1' \
		"*'image_class_labels.txt', line 6: image 7 is not in images.txt"
	wrong image_class_labels.txt '7' "*'image_class_labels.txt', line 6: expected a number*"
	wrong train_test_split.txt '1000000 1' "*image 1000000 is not in images.txt"
	wrong classes.txt '4 x' "*'classes.txt', line 3: is class 4 where class 3 is due"
	wrong classes.txt '3 ../x' "*'classes.txt', line 3: '../x' is not a valid class name"
	wrong classes.txt '3 001.Black_footed_Albatross' \
		"*'classes.txt', line 3: the classes * would have one folder*"
	wrong classes.txt $'3 \xff' "*is not a valid class name"
	sed -i '/^4 /s/2/3/' $d/image_class_labels.txt
	refused "*'image_class_labels.txt', line 4: '3' is not a class from 1 to 2" cub $d
	sed -i '/^4 /d' $d/image_class_labels.txt
	refused "'$d': 'image_class_labels.txt': image 4, '*0002_1027.jpg', has no label" cub $d
	echo '4 2' >>$d/image_class_labels.txt
	sed -i '/^4 /d' $d/train_test_split.txt
	refused "'$d': 'train_test_split.txt': image 4, '*0002_1027.jpg', is in no split" cub $d
	printf '4 1\0\n' >>$d/train_test_split.txt
	refused "*'train_test_split.txt', line 5: is not text" cub $d
	rm $d/train_test_split.txt
	refused "'train_test_split.txt' is missing; it belongs with 'images.txt'" cub $d
	aircraft
	d=fgvc-aircraft-2013b/data set=aircraft
	wrong images_variant_test.txt '1000001 707-320' \
		"*'images_variant_test.txt', line 3: '*/1000001.jpg' is listed twice"
	wrong images_variant_test.txt '1000009 F-A-18' "*line 3: 'F-A-18' is not in variants.txt"
	wrong images_variant_test.txt '1000009' "*line 3: image '1000009' has no variant"
	wrong images_variant_test.txt '1000009 F/A-18' "*line 3: 'images/1000009.jpg' is missing"
	wrong variants.txt 'F-A-18' \
		"*the classes 'F/A-18' and 'F-A-18' would have one folder, 'F-A-18'"
	place 8 $d/images/1000008.jpg
	run -0 --separate-stderr fd2-import --any-count aircraft $d
	[[ $stderr == *"fd2-import: left out 1 of 6 images, which no list names"* ]]
}

@test "import: archives that lead out, are cut, or are none" {
	cub
	refused "'*' is not laid out as aircraft is: looked for data/variants.txt, *" \
		aircraft CUB_200_2011.tgz
	refused "'*' is not laid out as cars is: looked for car_ims/*; or cars_train/*; or \
train/CLASS/*" cars CUB_200_2011.tgz
	refused "'*' is not laid out as imagewoof is: looked for train/CLASS/*.JPEG and \
val/CLASS/*.JPEG" imagewoof CUB_200_2011.tgz
	refused "cannot open 'none.tgz': No such file or directory" cub none.tgz
	refused "standard input cannot be read twice: give the archive as a file" \
		cub - <CUB_200_2011.tgz
	refused "'/dev/null' is a pipe or a device and cannot be read twice: give the archive as a \
file" cub /dev/null
	refused "'CUB_200_2011/images.txt' is not a tar archive" imagenette CUB_200_2011/images.txt
	tar xzf CUB_200_2011.tgz
	tar cf cub.tar CUB_200_2011
	local half=$(($(stat -c %s cub.tar) / 2))
	head -c $half cub.tar >cut.tar
	refused "'cut.tar' is cut short*" cub cut.tar
	head -c $(($(stat -c %s CUB_200_2011.tgz) - 20)) CUB_200_2011.tgz >cut.tgz
	refused "*'cut.tgz'*" cub cut.tgz
	tar cPf out.tar --transform 's,CUB_200_2011/images/,CUB_200_2011/../images/,' CUB_200_2011
	refused "'out.tar': the name of member '*' leads out of the archive" cub out.tar
	tar cPf out.tar --transform 's,^,/,' CUB_200_2011
	refused "'out.tar': the name of member '*' leads out of the archive" cub out.tar
	tar rf cub.tar CUB_200_2011/images.txt
	refused "'images.txt' exists twice, *" cub cub.tar
	tar cf twice.tar CUB_200_2011
	tar rf twice.tar CUB_200_2011/images/002.Laysan_Albatross/Laysan_Albatross_0002_1027.jpg
	refused "'twice.tar': member '*0002_1027.jpg' occurs twice" cub twice.tar
	: >CUB_200_2011/images/002.Laysan_Albatross/Laysan_Albatross_0002_1027.jpg
	refused "'CUB_200_2011': member '*0002_1027.jpg' is empty" cub CUB_200_2011
	folders nette val JPEG
	touch nette/val/n01440764/x.png
	refused "'nette': 'nette/val/n01440764/x.png' is not a JPEG" imagenette nette
	rm nette/val/n01440764/x.png
	cp nette/val/n01440764/n01440764_190.JPEG nette/val/n01440764/n01440764_190.jpg
	refused "'*' and '*' would both be 'n01440764/n01440764_190'" imagenette nette
}

@test "import: MATLAB files that are none, lack something, or point to nothing" {
	cars_annos
	local mat="python3 $root/test/cli/mat.py" fields=relative_im_path,class,test
	cp cars_annos.mat good.mat
	echo hello >cars_annos.mat
	refused "'cars_annos.mat': is not a MATLAB level 5 file" cars car_ims.tgz cars_annos.mat
	head -c 128 good.mat >cars_annos.mat
	refused "'cars_annos.mat': has no variable 'class_names' of structures or texts" \
		cars car_ims.tgz cars_annos.mat
	bad() {
		printf 'car_ims/000001.jpg\t1\t0\n%b\n' "$1" |
			$mat cars_annos.mat "${3:-$fields}" a b
		refused "$2" cars car_ims.tgz cars_annos.mat
	}
	bad 'car_ims/000009.jpg\t1\t0' \
		"'cars_annos.mat': element 2: 'car_ims/000009.jpg' is missing"
	bad '../../etc/x.jpg\t1\t0' "'cars_annos.mat': element 2: '../../etc/x.jpg' is missing"
	bad 'car_ims/000001.jpg\t1\t0' \
		"'cars_annos.mat': element 2: 'car_ims/000001.jpg' is listed twice"
	bad 'car_ims/000002.jpg\t3\t0' \
		"*element 2 of 'annotations': its class is not a number from 1 to 2"
	bad 'car_ims/000002.jpg\tx\t0' "'cars_annos.mat': element 2 of 'annotations' has no class"
	bad 'car_ims/000002.jpg\t2\t7' "*its test is not a number from 0 to 1"
	bad '7\t2\t0' "*element 2 of 'annotations' has no relative_im_path"
	bad 'car_ims/000002.jpg\t2\t0' "*element 1 of 'annotations' has no relative_im_path" \
		path,class,test
	bad 'car\x01_ims\t2\t0' \
		"*element 2 of 'annotations': its relative_im_path is not plain text"
	head -c $(($(stat -c %s good.mat) - 100)) good.mat >cars_annos.mat
	refused "'cars_annos.mat': is damaged or cut short" cars car_ims.tgz cars_annos.mat
	printf 'x\n' | $mat cars_annos.mat class_names
	refused "*has no variable 'class_names'*" cars car_ims.tgz cars_annos.mat
}

@test "import: a MATLAB file with any byte changed does no harm" {
	export PLAIN=1
	cars_annos
	cp cars_annos.mat good.mat
	local size
	size=$(stat -c %s good.mat)
	for ((i = 0; i < size; i += 13)); do
		cp good.mat cars_annos.mat
		printf %b "\\x$(printf %x $((i * 37 % 256)))" |
			dd of=cars_annos.mat bs=1 seek=$i conv=notrunc status=none
		run import -o x cars car_ims.tgz cars_annos.mat
		echo "byte $i: $status $output"
		((status <= 1))
	done
	for ((i = 128; i < size; i += 61)); do
		head -c $i good.mat >cars_annos.mat
		run import -o x cars car_ims.tgz cars_annos.mat
		echo "cut at $i: $status $output"
		((status <= 1))
	done
}

@test "import: the command line" {
	local wrong
	for wrong in "" "cub" "birds x.tgz" "--only test cub x.tgz" "--size 0.5 cub x.tgz"; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr fd2-import $wrong
		[ "${stderr_lines[1]}" = "try 'fd2-import --help'" ]
	done
	run -2 --separate-stderr fd2-import birds x.tgz
	said_first "fd2-import: 'birds' is not a known data set: aircraft, cars, cub, folder," \
		"imagenette or imagewoof"
	run -0 fd2-import --help
	[[ $output == *"  cub         CUB-200-2011: 200 classes, 5994 + 5794 images"* ]]
}

@test "import: a signal leaves nothing" {
	folders nette val JPEG
	for i in $(seq 400); do
		cp "$pics/a1.jpg" "nette/train/n01440764/x$i.JPEG"
	done
	fd2-import -q --any-count --size 1500 -o x imagenette nette 3>&- &
	until writes $!; do
		kill -0 $!
		sleep 0.05
	done
	kill -TERM $!
	local status=0
	wait $! || status=$?
	[ $status = 143 ]
	[ -z "$(find . -name '*x-*')" ]
	# Shards that are finished neither
	fd2-import -q --any-count --size 1500 --shard-images 70 -o x imagenette nette 2>err 3>&- &
	until [ -e x-train-000.tar ]; do
		kill -0 $!
		sleep 0.05
	done
	kill -TERM $!
	status=0
	wait $! || status=$?
	[ $status = 143 ]
	[ "$(cat err)" = "fd2-import: stopped by SIGTERM: no shard is kept" ]
	[ -z "$(find . -name '*x-*')" ]
}
