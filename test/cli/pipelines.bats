#!/usr/bin/env bats
# pipelines/*.mk: the paper's tables. What they would run, and a run in miniature.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	export OMP_NUM_THREADS=1
}

# would SET ARGUMENT...: what make -n says
would() {
	local set=$1
	shift
	make -n -f "$root/pipelines/$set.mk" "$@"
}

# weights: a folder of files with the names of torchvision's
weights() {
	mkdir w
	touch w/{resnet18-f37072fd,resnet50-0676ba61,mobilenet_v2-b0353104,densenet121-a639ec97,shufflenetv2_x1-5666bf0f80}.pth
	touch w/shufflenetv2_x0.5-f707e7126e.pth
}

# tiny SET ARGUMENT...: the settings of a run of seconds
tiny() {
	local set=$1
	shift
	make -f "$root/pipelines/$set.mk" CLASSES=3 SIZE=32 EPOCHS=1 STEPS=2 STUDENT_EPOCHS=2 BATCH=2 SEEDS=1 IPC='1 2' THREADS=1 \
		TEACHERS=resnet18 STUDENTS=resnet18 "$@"
}

photos() {
	mkdir -p photos/train photos/val
	fd2-draw --classes 3 --per-class 12 --size 40 | tar -x -C photos/train --exclude '__*__'
	fd2-draw --classes 3 --per-class 4 --size 40 --split val | tar -x -C photos/val --exclude '__*__'
}

@test "pipelines: what each set runs" {
	# sets, their archives, and how often each stage runs: teachers, parts of distilled sets, students
	local set parts students
	while read -r set parts students; do
		would "$set" ARCHIVE=x.tgz >plan
		echo "$set"
		[ "$(grep -c '^fd2-import .* x.tgz$' plan)" = 1 ]
		[ "$(grep -c '^fd2-teacher' plan)" = 5 ]
		[ "$(grep -c '^fd2-protos' plan)" = 1 ]
		[ "$(grep -c '^fd2-distill' plan)" = "$parts" ]
		[ "$(grep -c '^fd2-relabel .* | fd2-eval' plan)" = "$students" ]
		! grep -i warning plan || false
	done <<-'END'
		cub 12 54
		aircraft 6 36
		cars 12 36
		nette 6 36
		woof 6 36
	END
	would cub ARCHIVE=x.tgz >plan
	grep -q -- '^fd2-teacher .*--arch densenet121 --maps 16 --alpha 0.4 --size 224 --epochs 300' plan
	grep -q -- '^fd2-distill .*--steps 4000 .*--plain --ipc 5 --classes 100-199 ' plan
	grep -q -- '--arch mobilenet_v2 --lr 0.0025' plan
	would cars ARCHIVE=x.tgz | grep -q -- '--classes 100-195'
	would nette ARCHIVE=x.tgz | grep -q -- '^fd2-relabel .*--epochs 300 .*--arch resnet18 --lr 0.0005'
	would cub ARCHIVE='a b' WEIGHTS=. TEACHERS=resnet18 STUDENTS=resnet18 2>&1 | grep -F "no weights of resnet18 in ."
}

@test "pipelines: the authors' settings" {
	weights
	local set steps batch
	while read -r set steps batch; do
		would "$set" ARCHIVE=x.tgz WEIGHTS=w PRESET=authors >plan
		echo "$set"
		grep -qE "^fd2-teacher .*--epochs 50 --mean 0[.0-9,]+ --std 0[.0-9,]+ --cal-augment .* -b 4 --lr 0.001 .*--weight-decay 1e-5 --init w/resnet18-" plan
		grep -q -- "^fd2-distill .*--steps $steps --batch 100 --lr 0.001 --r-bn 0.001 --lambda 0.9 --bn-head" plan
		[ "$(grep '^fd2-distill' plan | grep -vc -- '--ipc 5')" = 0 ]
		grep -q -- "^fd2-relabel .*--epochs 400 --batch $batch " plan
		grep -q -- "--arch resnet50 --weight-decay 1e-5 --lr 0.001 --zeta 2 --init w/resnet50-0676ba61.pth" plan
		grep -q -- "--arch resnet18 --weight-decay 1e-5 --lr 0.001 --zeta 2 *--seed" plan
		grep -q -- "^fd2-teacher .*--arch shufflenet_v2_x0_5 .*--init w/shufflenetv2_x0.5-" plan
		grep -q -- "| fd2-eval .*--arch shufflenet_v2_x0_5 " plan
	done <<-'END'
		cub 10000 20
		aircraft 4000 20
		cars 4000 14
	END
	run -2 would woof PRESET=authors WEIGHTS=w
	[[ $output == *"the authors' program has no settings for imagewoof"* ]]
	run -2 would cub PRESET=authors
	[[ $output == *"give their folder with WEIGHTS="* ]]
	run -2 would cub PRESET=mine
	[[ $output == *"PRESET is paper or authors, not mine"* ]]
	run -2 would cub
	[[ $output == *"give the official archives of cub with ARCHIVE="* ]]
}

@test "pipelines: a run that is interrupted goes on, and is not made again" {
	photos
	local status=0 teacher
	setsid make -f "$root/pipelines/nette.mk" CLASSES=3 SIZE=32 EPOCHS=1 STEPS=2 STUDENT_EPOCHS=2 BATCH=2 SEEDS=1 IPC='1 2' THREADS=1 \
		TEACHERS=resnet18 STUDENTS=resnet18 ARCHIVE=photos >log 2>&1 3>&- &
	until compgen -G 'imagenette-paper/sre2l++-1-*.tar' >/dev/null; do
		kill -0 $!
		sleep 0.1
	done
	kill -TERM -- -$!
	wait $! || status=$?
	[ $status != 0 ]
	[ ! -e imagenette-paper/table.md ]
	teacher=$(stat -c '%y %i' imagenette-paper/teacher-resnet18.fd2)
	tiny nette -j 2 ARCHIVE=photos
	[ "$(stat -c '%y %i' imagenette-paper/teacher-resnet18.fd2)" = "$teacher" ]
	[ -z "$(find imagenette-paper -name '*.part' -o -name '*.tmp' -o -name '*.ckpt')" ]
	[ "$(cut -f 1-3 imagenette-paper/table.tsv | xargs)" = "method ipc student sre2l++ 1 resnet18 fd2 1 resnet18 sre2l++ 2 resnet18 fd2 2 resnet18" ]
	[ "$(awk 'END { print NF }' imagenette-paper/table.tsv)" = 7 ]
	[ "$(sed -n '2p' imagenette-paper/table.md)" = "| --- | --- | --- | --- | --- | --- | --- |" ]
	grep -E '^\| resnet18 \| 8 \| 0.3 \| [0-9.]+ \| [0-9.]+ \| 98.0 \| 97.5 \|$' imagenette-paper/teachers.md
	run -0 tiny nette THREADS=2
	[ "$output" = "make: Nothing to be done for 'all'." ]
	# a setting of one stage makes that stage and what comes after it
	tiny nette -n STEPS=3 >plan
	! grep -E '^fd2-(import|teacher|protos)' plan || false
	[ "$(grep -c '^fd2-distill' plan)" = 8 ]
	[ "$(grep -c '^fd2-relabel' plan)" = 4 ]
	tiny nette -n STUDENT_EPOCHS=3 >plan
	! grep -E '^fd2-(import|teacher|protos|distill)' plan || false
	tiny nette -n SEEDS='1 2' >plan
	[ "$(grep -c '^fd2-relabel .*--seed 2 ' plan)" = 4 ]
	! grep -E '^fd2-relabel .*--seed 1 ' plan || false
}

@test "pipelines: small sets are the first images of the largest; classes keep the order of the archive" {
	photos
	local d=fgvc/data split image names=('F/A-18' '707 320' 'Beechcraft 1900')
	mkdir -p $d/images
	printf '%s\n' "${names[@]}" >$d/variants.txt
	for split in train val; do
		for image in photos/"$split"/*/*.jpg; do
			printf '%s-%s %s\n' $split "$(basename "$(dirname "$image")")-$(basename "$image" .jpg)" "$(basename "$(dirname "$image")")"
			cp "$image" "$d/images/$split-$(basename "$(dirname "$image")")-$(basename "$image")"
		done | sed 's, blue-ring$, F/A-18,; s, gold-bar$, 707 320,; s, red-spot$, Beechcraft 1900,' >$d/list-$split.txt
	done
	mv $d/list-train.txt $d/images_variant_trainval.txt
	mv $d/list-val.txt $d/images_variant_test.txt
	tar czf fgvc.tar.gz fgvc
	tiny aircraft ARCHIVE=fgvc.tar.gz NESTED=1 BEST=1 RESULT=best_top1
	cd aircraft-paper
	[ "$(tar xOf train.tar __fd2__ | jq -c .classes)" = '["F-A-18","707 320","Beechcraft 1900"]' ]
	for part in 0-1 2-2; do
		fd2-look --check fd2-1-$part.tar
		mkdir $part
		tar xf fd2-1-$part.tar -C $part --exclude '__*__'
		tar df fd2-2-$part.tar -C $part --exclude '__*__' --wildcards '*/0001.*'
	done
	[ "$(find 0-1 2-2 -name '*.jpg' | wc -l)" = 3 ]
	[ "$(jq .classes fd2-1-resnet18-1.json)" = 3 ]
	[ "$(jq .images fd2-1-resnet18-1.json)" = 3 ]
}

@test "pipelines: evaluate sets a distilled set beside random images, and scores both" {
	tiny_run
	# a stand-in: the first images of each class, another start for each seed
	mkdir bin
	cat >bin/fd2-select <<-'END'
		#!/usr/bin/env bash
		set -eu
		[ "$1 $2 $3 $5 $7" = "--method random -n --seed -o" ]
		mkdir "$8.d"
		tar xf "$9" -C "$8.d" --exclude '__*__'
		(cd "$8.d" && printf '%s\n' */*.jpg | awk -F/ -v n="$4" -v s="$6" 'c[$1]++ >= s && d[$1]++ < n') | tar cf "$8" -C "$8.d" -T -
	END
	chmod +x bin/fd2-select
	PATH=$PWD/bin:$PATH
	local evaluate=("$root/pipelines/evaluate" -t teacher.fd2 -r train.tar -v val.tar -a convnet3 -a convnet4 -s '1 2' -e 2 --threads 1 -o out)
	run -0 --separate-stderr "${evaluate[@]}" --dd-ranking --real-epochs 1 distilled.tar
	[ -z "$stderr" ]
	[ "$(jq -c '[.row, .labels, .augment, .arch]' out/results.jsonl | sort | uniq -c | awk '{ print $1 }' | sort -u)" = 2 ]
	[ "$(jq -r .row out/results.jsonl | sort | uniq -c | xargs)" = "12 distilled 8 random 4 real" ]
	[ "$(jq -c 'select(.row == "random") | .images' out/results.jsonl | sort -u)" = 6 ]
	[ "$(fd2-look --json out/random-2-32-1.tar | jq -c '[.width, .height]')" = '[[32,32],[32,32]]' ]
	run ! cmp -s out/random-2-32-1.tar out/random-2-32-2.tar
	# the scores once more, from the lines
	awk '/^set *student *HLR/ { on = 1; next } on && $2 == "convnet4" { print $3, $6, $9, $12 }' out/table.txt >got
	jq -r 'select(.arch == "convnet4") | [.row, .labels, .augment, .top1] | @tsv' out/results.jsonl | awk '
		function s(a) { return (exp(a) - exp(-1)) / (exp(1) - exp(-1)) }
		{ k = $1 " " $2 " " $3; v[k, ++n[k]] = $4 }
		END {
			for (i = 1; i <= 2; i++) {
				h = v["real hard true", i] - v["distilled hard true", i]
				r = v["distilled soft true", i] - v["random soft true", i]
				w = v["distilled soft false", i] - v["random soft false", i]
				H += h / 2; R += r / 2; L += s((r - h) / 2) / 2; A += s((r + w) / 2) / 2
			}
			print H, R, L, A
		}' >wanted
	paste -d' ' got wanted | awk '{ for (i = 1; i <= 4; i++) if (($i - $(i + 4)) ^ 2 > 1e-6) exit 1; n++ } END { exit n != 1 }'
	# again: nothing is made anew; another table without the random images
	touch before
	"${evaluate[@]}" --no-random distilled.tar >table
	[ -z "$(find out -name '*-[0-9].jsonl' -newer before)" ]
	[ "$(wc -l <table)" = 3 ]
	run -1 --separate-stderr "${evaluate[@]}" -e 3 distilled.tar
	[ "$stderr" = "evaluate: 'out' has results of other settings; give another folder with -o" ]
	run -2 --separate-stderr "$root/pipelines/evaluate" -t teacher.fd2 -v val.tar distilled.tar
	[ "${stderr_lines[0]}" = "evaluate: no real images to choose from; give them with -r, or --no-random" ]
}
