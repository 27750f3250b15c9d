#!/usr/bin/env bats
# The paper's tables and figures, fd2-compare, studies and the demo: plans, and runs in miniature.

# shellcheck disable=SC2030,SC2031 # each test has variables of its own
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
	make -n -f "$root/pipelines/paper/$set.mk" "$@"
}

# weights: a folder of files with the names of torchvision's
weights() {
	mkdir w
	touch w/{resnet18-f37072fd,resnet50-0676ba61,mobilenet_v2-b0353104}.pth \
		w/{densenet121-a639ec97,shufflenetv2_x1-5666bf0f80,shufflenetv2_x0.5-f707e7126e}.pth
}

# planned PATTERN...: a line of plan matches them, in that order
planned() {
		local pattern=$1 next
		shift
		for next; do pattern+=".*$next"; done
		grep -qE -- "$pattern" plan
}

small=(CLASSES=3 SIZE=32 EPOCHS=1 STEPS=2 FADRM_STEPS=4 STUDENT_EPOCHS=2 RDED_EPOCHS=2 BATCH=3 \
	SEEDS=1 'IPC=1 2' THREADS=1
	TEACHERS=resnet18 FADRM_TEACHERS=resnet18 STUDENTS=resnet18 'METHODS=sre2l++ sre2l++fd2')
# tiny SET ARGUMENT...: the settings of a run of seconds
tiny() {
	local set=$1
	shift
	make -f "$root/pipelines/paper/$set.mk" "${small[@]}" "$@"
}

photos() {
	mkdir -p photos/train photos/val
	fd2-draw --classes 3 --per-class 12 --size 40 | tar -x -C photos/train --exclude '__*__'
	fd2-draw --classes 3 --per-class 4 --size 40 --split val |
		tar -x -C photos/val --exclude '__*__'
}

@test "pipelines: a setting with quotes is the same the next time" {
	photos
	local i
	for i in 1 2; do
		tiny nette ARCHIVE=photos "IMPORT_OPTIONS=--seed '7'" imagenette-trial/train.tar
		stat -c '%y %i' imagenette-trial/train.tar imagenette-trial/import.settings >$i
	done
	cmp 1 2
}

# counts PLAN: of imports, teachers, prototypes, parts of selected and distilled sets, and students
# with soft and with hard labels
counts() {
	local stage
	for stage in import teacher protos select distill 'relabel .* | fd2-eval' \
		'eval .* --hard'; do
		grep -c "^fd2-$stage " "$1" || true
	done | xargs
}

@test "pipelines: what each set runs" {
	local set main
	while read -r set main; do
		would "$set" ARCHIVE=x.tgz teachers main >plan
		echo "$set"
		[ "$(counts plan)" = "$main" ]
		! grep -i warning plan || false
	done <<-'END'
		cub 1 9 4 36 24 108 54
		aircraft 1 9 4 18 12 108 54
		cars 1 9 4 36 24 108 54
		nette 1 9 4 12 6 72 18
		woof 1 9 4 12 6 72 18
	END
	# three seeds each: five students of random images with both labels, and of four sets
	would cub ARCHIVE=x.tgz cross >plan
	[ "$(counts plan)" = "1 8 4 6 8 75 15" ]
	would cub ARCHIVE=x.tgz IPC=3 cross >plan
	[ "$(counts plan)" = "1 8 4 6 8 75 15" ]
	# three seeds each: 19 teachers of Fig. 4; random images at two IPCs; 22 variants, one of
	# which is FD2 itself, and SRe2L++ with both teachers
	for set in cub aircraft cars nette woof; do
		would "$set" ARCHIVE=x.tgz BATCH=200 ablations >plan
		[ "$(counts plan)" = "1 59 1 6 24 78 6" ]
		would "$set" ARCHIVE=x.tgz BATCH=200 bn-loss >plan
		[ "$(counts plan | cut -d ' ' -f 1-2)" = "1 5" ]
		[ "$(grep -c '; fd2-distill .* --bn-form literal ' plan)" = 15 ]
		[ "$(grep -c '; fd2-distill .* --bn-form normalised ' plan)" = 15 ]
	done
	# t-SNE and heatmaps of two methods; heatmaps of real images too
	would cub ARCHIVE=x.tgz BATCH=200 FIGURES='1a 1b 3a 3b 5 6' figures >plan
	[ "$(counts plan)" = "1 2 1 0 2 0 0" ]
	[ "$(grep -c '^fd2-attn .*--heatmap .*| fd2-look .*attention-' plan)" = 3 ]
	[ "$(grep -c 'embed --classes 10 --per-class 5' plan)" = 2 ]
	[ "$(grep -c '^fd2-plot -o .*[.]svg' plan)" = 4 ]
	would cub ARCHIVE=x.tgz RANDOM= ablation-beta >plan
	[ "$(counts plan)" = "1 1 1 0 10 15 0" ]
	would cub ARCHIVE=x.tgz >plan
	planned '^fd2-teacher ' '--arch densenet121 --maps 16 --alpha 0.4 --size 224 --epochs 300'
	planned '^fd2-distill ' '--method sre2l\+\+ --steps 4000 ' '--plain --ipc 5 ' \
		'--classes 100-199 -t ' 'teacher-resnet18-plain.fd2 '
	planned '^fd2-distill ' '--steps 4000 --other full --ls-view literal ' \
		'-t cub-paper/teacher-resnet18.fd2 -p cub-paper/protos-resnet18.fd2 '
	planned '^fd2-teacher ' '--arch resnet18 --maps 8 --alpha 0 ' 'teacher-resnet18-plain.fd2 '
	planned '^fd2-relabel ' '--epochs 300 --shuffle-patches --min-scale 0.5 --bn eval ' \
		'--batch 20 ' '/rded-5-100-199.tar'
	planned '^fd2-distill ' '--method fadrm\+ --steps 2000 ' '-t ' teacher-resnet50 ' -p ' \
		'protos-densenet121.fd2 ' '/fadrm\+fd2-3-'
	planned '^fd2-relabel ' ' -t ' 'resnet18-plain.fd2 -t ' 'mobilenet_v2-plain.fd2 -t ' \
		'resnet50-plain.fd2 -t ' 'densenet121-plain.fd2 ' '/fadrm\+-1-0-99'
	# the base methods with FD2's teachers
	would cub ARCHIVE=x.tgz METHODS='rded@cal fadrm+@cal' main >plan
	planned '^fd2-relabel ' '--shuffle-patches ' ' -t cub-paper/teacher-resnet18.fd2 ' \
		'/rded@cal-5-'
	planned '^fd2-distill ' '--method fadrm\+ ' '--plain ' '-t cub-paper/teacher-resnet50.fd2 '
	# without a teacher they still wait for the images
	would cub ARCHIVE=x.tgz METHODS=dm main >plan
	[ "$(grep -oE '^fd2-(import|match)' plan | head -n 1)" = fd2-import ]
	would cars ARCHIVE=x.tgz | grep -q -- '--classes 100-195'
	would nette ARCHIVE=x.tgz >plan
	planned '^fd2-relabel ' '--epochs 300 ' '--arch resnet18 --lr 0.0005'
	planned '^fd2-distill ' '-t ' 'shufflenet_v2_x1_0-plain.fd2 -t ' \
		'mobilenet_v2-plain.fd2 ' '/fadrm\+-50-'
	planned '^fd2-relabel ' '--batch 100 ' /rded-50-
	would cub ARCHIVE='a b' WEIGHTS=. TEACHERS=resnet18 FADRM_TEACHERS=resnet18 2>&1 |
		grep -F "no weights of resnet18 in ."
}

@test "pipelines: the authors' settings" {
	weights
	local set steps batch
	while read -r set steps batch; do
		would "$set" ARCHIVE=x.tgz WEIGHTS=w PRESET=authors >plan
		echo "$set"
		planned '^fd2-teacher ' '--epochs 50 --mean 0[.0-9,]+ --std 0[.0-9,]+ ' \
			'--cal-augment ' ' -b 4 --lr 0.001 ' \
			'--weight-decay 1e-5 --init w/resnet18-'
		planned '^fd2-distill .*--method sre2l\+\+ ' \
			"--steps $steps --lr 0.001 --r-bn 0.001 " '--lambda 0.9 --bn-head'
		planned '^fd2-distill .*--method sre2l\+\+ ' \
			"--steps $steps --lr 0.001 --r-bn 0.001 " '--plain --ipc'
		planned '^fd2-distill ' '--method fadrm\+ ' \
			' --lr 0.1 --r-bn 0.001 --lambda 0.9 --bn-head'
		! grep -q -- '--plain.*--bn-head\|--bn-head.*--plain' plan || false
		[ "$(grep '^fd2-distill' plan | grep -vc -- '--ipc 5')" = 0 ]
		planned '^fd2-relabel ' "--epochs 400 --batch $batch "
		planned '--arch resnet50 --weight-decay 1e-5 --lr 0.001 --zeta 2 ' \
			'--init w/resnet50-0676ba61.pth'
		planned '--arch resnet18 --weight-decay 1e-5 --lr 0.001 --zeta 2 *--seed'
		planned '^fd2-teacher ' '--arch shufflenet_v2_x0_5 ' '--init w/shufflenetv2_x0.5-'
		planned '\| fd2-eval ' '--arch resnet18 --weight-decay 1e-5 --lr 0.01 ' \
			'--data fadrm\+fd2'
		! grep -q -- --val-every plan || false
	done <<-'END'
		cub 10000 20
		aircraft 4000 20
		cars 4000 14
	END
	# the paper's figures stand next to its own settings only
	would nette ARCHIVE=x.tgz WEIGHTS=w main >plan
	grep -qF "echo '35.8'" plan
	[ "$(grep -c 'fd2-eval .* --data' plan)" = \
		"$(grep -c 'fd2-eval .* --val-every 0 .* --data' plan)" ]
	grep -q 'imagenette-paper/main.md' plan
	would nette ARCHIVE=x.tgz WEIGHTS=w STEPS=3 main >plan
	! grep -F "echo '35.8'" plan || false
	run -2 would woof PRESET=authors WEIGHTS=w
	[[ $output == *"the authors' program has no settings for imagewoof"* ]]
	run -2 would cub PRESET=authors
	[[ $output == *"give their folder with WEIGHTS="* ]]
	run -2 would cub PRESET=mine
	[[ $output == *"PRESET is paper or authors, not mine"* ]]
	run -2 would cub
	[[ $output == *"give the official archives of cub with ARCHIVE="* ]]
}

@test "pipelines: lists come after all that their files share" {
	local jobs
	weights
	would cub ARCHIVE=x.tgz OUT=o TABLES='matching cost' list-teachers >plan
	for jobs in experts.fd2 teacher-resnet50.fd2 teacher-resnet18-plain.fd2; do
		grep -qF " o/$jobs" plan
	done
	! grep -E '^fd2-(expert|teacher)|protos' plan || false
	would cub ARCHIVE=x.tgz OUT=o TABLES=matching list-sets >plan
	[ "$(grep -c '^fd2-expert' plan)" = 1 ]
	[ "$(grep -oE '^fd2-(import|match)' plan | xargs)" = fd2-import ]
	# sets that begin a larger one
	would cub ARCHIVE=x.tgz OUT=o WEIGHTS=w PRESET=authors TABLES=main list-students >plan
	[ "$(grep -c 'members; mkdir' plan)" = 16 ]
	! grep '^fd2-relabel' plan || false
}

@test "pipelines: a run that is interrupted goes on, and is not made again" {
	photos
	local status=0 teacher
	setsid make -f "$root/pipelines/paper/nette.mk" "${small[@]}" ARCHIVE=photos >log 2>&1 \
		3>&- &
	until compgen -G 'imagenette-trial/sre2l++-1-*.tar' >/dev/null; do
		kill -0 $!
		sleep 0.1
	done
	kill -TERM -- -$!
	wait $! || status=$?
	[ $status != 0 ]
	[ -z "$(find imagenette-trial -name 'main*.md')" ]
	teacher=$(stat -c '%y %i' imagenette-trial/teacher-resnet18.fd2)
	tiny nette -j 2 ARCHIVE=photos
	[ "$(stat -c '%y %i' imagenette-trial/teacher-resnet18.fd2)" = "$teacher" ]
	[ -z "$(find imagenette-trial -name '*.part' -o -name '*.tmp' -o -name '*.ckpt')" ]
	local main=imagenette-trial/main.SEEDS-1.METHODS-sre2l++-sre2l++fd2.IPC-1-2
	main=$main.STUDENTS-resnet18
	[ "$(cut -f 1-3 $main.tsv | xargs)" = "method ipc student $(
		echo sre2l++{,fd2}' 1 resnet18' sre2l++{,fd2}' 2 resnet18')" ]
	[ "$(awk 'END { print NF }' $main.tsv)" = 7 ]
	[[ $(sed -n 1p $main.md) == "**ImageNette: students, held-out top-1.** 3 classes, 32 px, \
trial with CLASSES='3' "*"left out." ]]
	[ "$(sed -n 3,4p $main.md)" = \
		"| method | ipc | student | mean % | spread | seeds | paper % |
| --- | --- | --- | --- | --- | --- | --- |" ]
	# the paper's figures belong to its own settings
	grep -E '^\| resnet18 \| 8 \| 0.3 \| [0-9.]+ \| - \| [0-9.]+ \| - \| 1 \| - \| - \|$' \
		imagenette-trial/teachers.TEACHERS-resnet18.md
	run -0 tiny nette THREADS=2
	[ "$output" = "make: Nothing to be done for 'all'." ]
	# a narrower table has a file of its own
	cp $main.tsv before.tsv
	tiny nette IPC=1 main
	cmp before.tsv $main.tsv
	[ "$(wc -l <"${main/IPC-1-2/IPC-1}.tsv")" = 3 ]
	# figures of these sets: real images and two methods, 3 classes of 5 and 2 images
	if command -v gnuplot >/dev/null; then
		tiny nette FIGURES='1a 1b 3b 5 6' figures
		[ "$(fd2-plot --data nearest imagenette-trial/classes-*.tsv | head -n 1)" = \
			"$(printf 'class\tsre2l++\treal\tsre2l++fd2')" ]
		grep -q '<title>ImageNette: real images and sre2l++<' imagenette-trial/fig-1a.svg
		(cd imagenette-trial && file fig-*.png images-*.jpg attention-*.jpg) >kinds
		[ "$(grep -cE 'PNG image data, 800 x 500|JPEG image data.* 3 *$' kinds)" = 7 ]
		run -0 tiny nette FIGURES='1a 1b 3b 5 6' figures
		[ "$output" = "make: Nothing to be done for 'figures'." ]
		# other classes, and other sets that are there
		tiny nette FIGURES='1a 1b 3b 5 6' FIGURE_CLASSES=2 -n figures >plan
		[ "$(grep -c '^fd2-plot .*--classes 2' plan)" = 3 ]
		[ "$(grep -cE '(^| )fd2-look .*--sheet' plan)" = 5 ]
		! grep '^fd2-stat' plan || false
		tiny nette FIGURES='1a 1b 3b 5 6' FIGURE_IPC=1 -n figures >plan
		[ "$(grep -c '^fd2-attn .* -o .*-1-0-2.tar' plan)" = 2 ]
		tiny nette report
		grep -q '<th scope=row>sre2l++fd2-2-resnet18</th>' imagenette-trial/report.html
		grep -q 'alt="Distance to the nearest class mean' imagenette-trial/report.html
	fi
	# a setting of one stage makes that stage and what comes after it
	tiny nette -n STEPS=3 >plan
	! grep -E '^fd2-(import|teacher|protos)' plan || false
	[ "$(grep -c '^fd2-distill' plan)" = 4 ]
	[ "$(grep -c '^fd2-relabel' plan)" = 4 ]
	tiny nette -n STUDENT_EPOCHS=3 >plan
	! grep -E '^fd2-(import|teacher|protos|distill)' plan || false
	tiny nette -n SEEDS='1 2' >plan
	[ "$(grep -c '^fd2-relabel .*--seed 2 ' plan)" = 4 ]
	! grep -E '^fd2-relabel .*--seed 1 ' plan || false
	# the same sets as tasks of an array, side by side
	cp -a imagenette-trial array
	rm array/sre2l++*-1-*
	tiny nette -s OUT=array IPC=1 list-sets >sets
	[ "$(xargs <sets)" = "array/sre2l++-1-0-2.tar array/sre2l++fd2-1-0-2.tar" ]
	local task pids=()
	for task in 1 2; do
		SLURM_ARRAY_TASK_ID=$task "$root/pipelines/slurm.sh" sets -f \
			"$root/pipelines/paper/nette.mk" "${small[@]}" OUT=array IPC=1 \
			>"log-$task" 3>&- &
		pids+=($!)
	done
	wait "${pids[0]}"
	wait "${pids[1]}"
	[ "$(cat log-1 log-2 | grep -c ^fd2-)" = 2 ]
	cmp imagenette-trial/sre2l++-1-0-2.tar array/sre2l++-1-0-2.tar
	cmp imagenette-trial/sre2l++fd2-1-0-2.tar array/sre2l++fd2-1-0-2.tar
	SLURM_ARRAY_TASK_ID=0 run -1 "$root/pipelines/slurm.sh" sets -f \
		"$root/pipelines/paper/nette.mk"
	[ "$output" = "slurm.sh: task 0: lines are counted from 1 (sbatch --array=1-N)" ]
	SLURM_ARRAY_TASK_ID=3 run -1 "$root/pipelines/slurm.sh" sets -f \
		"$root/pipelines/paper/nette.mk"
	[ "$output" = "slurm.sh: 'sets' has no line 3" ]
}

@test "pipelines: what was begun with other inputs is begun anew" {
	photos
	local log=imagenette-trial/sre2l++-1-0-2.log
	local goals=("${small[@]}" ARCHIVE=photos IPC=1 METHODS=sre2l++ STEPS=300
		TEACHER="$tiny_arch" "MAPS_$tiny_arch=2" "ALPHA_$tiny_arch=0.3" main)
	setsid make -f "$root/pipelines/paper/nette.mk" "${goals[@]}" >out 2>&1 3>&- &
	until grep -qs '"event":"step"' $log; do
		kill -0 $!
		sleep 0.1
	done
	kill -TERM -- -$!
	wait $! || true
	[ -e imagenette-trial/sre2l++-1-0-2.tar.ckpt ]
	# another teacher, and other images
	tiny nette "${goals[@]}" EPOCHS=2
	[ "$(grep -c '"event":"start"' $log)" = 1 ]
	tiny nette "${goals[@]}" EPOCHS=2 IMPORT_OPTIONS='--size 44 --fit squash'
	[ "$(fd2-look --json imagenette-trial/sre2l++-1-0-2.tar | jq -r .meta.inputs.teacher)" = \
		"$(fd2-look --json "imagenette-trial/teacher-$tiny_arch-plain.fd2" |
			jq -r .digest)" ]
}

@test "pipelines: a student that was interrupted continues, unless its images are other ones" {
	photos
	local student=imagenette-trial/random-1-resnet18-1.json
	local goals=(ARCHIVE=photos IPC=1 RANDOM=random METHODS=random TEACHER="$tiny_arch"
		"MAPS_$tiny_arch=2" "ALPHA_$tiny_arch=0.3" STUDENT_EPOCHS=40
		'student_random=--checkpoint-every 2' main)
	setsid make -f "$root/pipelines/paper/nette.mk" "${small[@]}" "${goals[@]}" >out 2>&1 3>&- &
	until [ -e $student.ckpt ]; do
		kill -0 $!
		sleep 0.05
	done
	kill -KILL -- -$!
	wait $! || true
	cp -p $student.ckpt state
	tiny nette "${goals[@]}" >out 2>&1
	grep -x 'fd2-eval: resumed after epoch [0-9]* and 0 batches' out
	rm $student
	cp -p state $student.ckpt
	tiny nette "${goals[@]}" IMPORT_OPTIONS='--size 44 --fit squash' >out 2>&1
	! grep resumed out || false
	[ -e $student ]
}

@test "pipelines: selections, several teachers, ablations, seconds, BatchNorm term in miniature" {
	photos
	local goals=(ARCHIVE=photos RANDOM= IPC=1 IPC_ns=2 VALUES_ns=2 VALUES_alpha-pretrain=2/0.5 \
		BN_STEPS=2)
	tiny nette "${goals[@]}" SEEDS='1 2' METHODS='random random-soft' main ns-time >log
	cd imagenette-trial
	(
		cd ..
		tiny nette "${goals[@]}" MATCH_OPTIONS='--iterations 1' MATCH_EPOCHS=2 \
			EXPERT_OPTIONS='--experts 1 --epochs 6 --batch 6 --lr 0.05' \
			DATM_OPTIONS='--expert-epochs 1 --start-last 2 --steps 2' matching cost
	)
	local student=' 1 resnet18' convnet=' 1 convnet3'
	[ "$(cut -f 1-3 matching.*.tsv | sed 1d | xargs)" = "$(
		echo {random,herding,k-center}"$student" {dsa,dm,datm}"$convnet" \
			sre2l++{,fd2}"$student")" ]
	[ "$(jq -r '[.data, .labels] | @tsv' {dsa,dm,datm}-1-convnet3-1.json | xargs)" = \
		"dsa hard dm hard datm learned" ]
	[ "$(awk -F'\t' 'NR > 1 && $2 > 0 && $3 > 0 { print $1 }' cost.tsv | xargs)" = \
		"dsa dm datm sre2l++ sre2l++fd2 fadrm+ fadrm+fd2" ]
	# each seed has its own random images, under both labels
	run ! cmp -s random-1-seed1-0-2.tar random-1-seed2-0-2.tar
	[ "$(jq -r '[.data, .labels] | @tsv' random*.json | sort | uniq -c |
		xargs)" = "2 random hard 2 random-soft soft" ]
	# mean and sample standard deviation once more, with awk
	local method form expected
	for method in random random-soft; do
		expected=$(jq .top1 "$method-1-resnet18-"[12].json | xargs |
			awk '{ d = $1 - $2; if (d < 0) d = -d
				printf "%.2f %.2f 2", 50 * ($1 + $2), d * 100 / sqrt(2) }')
		[ "$(awk -v m="$method" -F '\t' '$1 == m { printf "%.2f %.2f %d", $4, $5, $6 }' \
			main.*.METHODS-random-*.tsv)" = "$expected" ]
	done
	(cd .. && tiny nette "${goals[@]}" METHODS='rded fadrm+fd2' main ablation-alpha-pretrain \
		bn-loss >log)
	[ "$(cut -f 1,5-7 main.*.METHODS-rded-*.tsv |
		xargs)" = "method spread seeds paper % rded - 1 - fadrm+fd2 - 1 -" ]
	[ "$(cut -f 1-3,8 ablation-alpha-pretrain.*.tsv |
		tail -n 1)" = "$(printf 'resnet18\t2\t0.5\t1')" ]
	# seconds of an image: of its first to its last step, one apart, times two steps
	expected=$(jq -r 'select(.event == "step") | [.image, .t] | @tsv' ns-2-2-0-2.log |
		xargs -n 4 | awk '{ s += ($4 - $2) * 2 } END { printf "%.2f", s / NR }')
	[ "$(awk -F '\t' 'NR == 2 { printf "%d %d %.2f %d", $1, $2, $3, $5 }' ns-time.*.tsv)" = \
		"2 2 $expected 2" ]
	# an interruption, after which the clock starts again, does not count
	sed -i '1i {"event":"step","image":1,"first_class":0,"step":-1,"t":1000}' ns-2-2-0-2.log
	rm ns-time.*.{tsv,md}
	(cd .. && tiny nette "${goals[@]}" ns-time >log)
	[ "$(awk -F '\t' 'NR == 2 { printf "%.2f %d", $3, $5 }' ns-time.*.tsv)" = "$expected 2" ]
	# the weight is taken out again
	for form in literal normalised; do
		expected=$(jq -r 'select(.step == 1) | .loss.bn / 0.01' "bn-resnet18-$form-1.log" \
			| awk '{ printf "%.1f", $1 }')
		[ "$(awk -F '\t' -v f=$form '$2 == f { printf "%.1f", $3 }' bn-loss.*.tsv)" = \
			"$expected" ]
		jq -es --arg form "$form" \
			'map(select(.event == "start").options."bn-form") == [$form]' \
			"bn-resnet18-$form-1.log"
	done
}

@test "pipelines: small sets begin the largest; classes keep the order of the archive" {
	photos
	local d=fgvc/data split image names=('F/A-18' '707 320' 'Beechcraft 1900')
	mkdir -p $d/images
	printf '%s\n' "${names[@]}" >$d/variants.txt
	for split in train val; do
		for image in photos/"$split"/*/*.jpg; do
			printf '%s-%s %s\n' $split \
				"$(basename "$(dirname "$image")")-$(basename "$image" .jpg)" \
				"$(basename "$(dirname "$image")")"
			cp "$image" "$d/images/$split-$(basename "$(dirname "$image")")-$(basename \
				"$image")"
		done |
			sed 's, blue-ring$, F/A-18,; s, gold-bar$, 707 320,
				s, red-spot$, Beechcraft 1900,' >$d/list-$split.txt
	done
	mv $d/list-train.txt $d/images_variant_trainval.txt
	mv $d/list-val.txt $d/images_variant_test.txt
	tar czf fgvc.tar.gz fgvc
	tiny aircraft ARCHIVE=fgvc.tar.gz BATCH=2 METHODS=sre2l++fd2 NESTED=sre2l++fd2 BEST=1 \
		RESULT=best_top1
	cd aircraft-trial
	[ "$(tar xOf train.tar __fd2__ | jq -c .classes)" = \
		'["F-A-18","707 320","Beechcraft 1900"]' ]
	for part in 0-1 2-2; do
		fd2-look --check sre2l++fd2-1-$part.tar
		cmp <(tar xOf sre2l++fd2-1-$part.tar --exclude '__*__') \
			<(tar xOf sre2l++fd2-2-$part.tar --wildcards '*/0001.*')
		tar tf sre2l++fd2-1-$part.tar >>names
	done
	[ "$(grep -c '\.jpg$' names)" = 3 ]
	[ "$(jq .classes sre2l++fd2-1-resnet18-1.json)" = 3 ]
	[ "$(jq .images sre2l++fd2-1-resnet18-1.json)" = 3 ]
}

@test "compare: distilled sets and random images, with the scores of both" {
	tiny_run
	local compare=(fd2-compare -t teacher.fd2 -r train.tar --val val.tar -a convnet3 -a convnet4
		--seeds 1-2 -e 2 --threads 1 -o out)
	run -0 --separate-stderr "${compare[@]}" --dd-ranking --real-epochs 1 distilled.tar
	[ -z "$stderr" ]
	[ "$(jq -r .row out/results.jsonl | sort | uniq -c | xargs)" = \
		"4 all real 12 distilled 8 random baseline" ]
	[ "$(jq -c 'select(.row == "random baseline") | .images' out/results.jsonl | sort -u)" = 6 ]
	[ "$(fd2-look --json out/random-2-32-*-1-*.tar |
		jq -c '[.width, .height]')" = '[[32,32],[32,32]]' ]
	run ! cmp -s out/random-2-32-*-1-*.tar out/random-2-32-*-2-*.tar
	# top-1 in percent, and the scores in both forms, by awk
	jq -r 'select(.arch == "convnet4") | [.row, .labels, .augment, .top1] | @tsv' \
		out/results.jsonl | awk -F '\t' '
		function s(a) { return (exp(a) - exp(-1)) / (exp(1) - exp(-1)) }
		{ k = $1 " " $2 " " $3; v[k, ++n[k]] = $4 }
		END {
			for (i = 1; i <= 2; i++) {
				d = v["distilled soft true", i]; D += 50 * d
				h = v["all real hard true", i] - v["distilled hard true", i]
				r = d - v["random baseline soft true", i]
				w = v["distilled soft false", i] - \
					v["random baseline soft false", i]
				H += 50 * h; R += 50 * r
				L += s((r - h) / 2) / 2; A += s((r + w) / 2) / 2
				l += s(50 * (r - h)) / 2; a += s(50 * (r + w)) / 2
			}
			print D, H, R, L, A, l, a
		}' >expected
	awk '/distilled  *soft  *augmented  *convnet4/ { d = $6 }
		/^set *student *HLR/ { on = 1; next }
		on && $2 == "convnet4" { print d, $3, $6, $9, $12, $15, $18 }' out/table.txt >got
	paste -d' ' got expected | awk '{
		for (i = 1; i <= 7; i++) {
			e = $i - $(i + 7)
			m = 0.006 + $i / 1e5
			if (e > m || -e > m) exit 1
		}
		n++
	} END { exit n != 1 }'
	# seed by seed
	jq -r 'select(.arch == "convnet3" and .labels == "soft" and .augment) |
		[.row, .top1] | @tsv' out/results.jsonl | awk -F '\t' '
		{ v[$1, ++n[$1]] = 100 * $2 }
		END {
			a = v["distilled", 1] - v["random baseline", 1]
			b = v["distilled", 2] - v["random baseline", 2]
			m = (a + b) / 2; e = (a > b ? a - b : b - a) / 2
			if (m < 0 && m > -0.01) m = 0 # and not -0.0
			printf "distilled minus random baseline, convnet3: "
			printf "%.1f points, standard error %.1f: %stold apart\n", m, e,
				(m > 2 * e || -m > 2 * e ? "" : "not ")
		}' >expected
	grep 'convnet3: ' out/table.txt | diff - expected
	# finished students are kept, also under another name of the same set
	touch before
	cp distilled.tar same.tar
	"${compare[@]}" --no-random distilled.tar same.tar >table
	[ -z "$(find out/students -newer before)" ]
	[ "$(grep -E '^(distilled|same) +d' table | awk '{ print $1, $2 }' | sort -u |
		xargs)" = "distilled distilled same distilled" ]
	[ "$(grep minus table)" = "$(for arch in convnet3 convnet4; do
		echo "distilled minus same, $arch: 0.0 points, standard error 0.0: not told apart"
	done)" ]
}

@test "compare: students from given weights" {
	tiny_run
	local compare=(fd2-compare -t teacher.fd2 --no-random --val val.tar --seeds 1 -e 1
		--threads 1)
	"${compare[@]}" -a "$tiny_arch" -o out distilled.tar
	"${compare[@]}" -a "$tiny_arch" -o out --init teacher.fd2 distilled.tar >table
	[ "$(find out/students -name '*.json' | wc -l)" = 2 ]
	[ "$(cat out/students/*.json | jq -c '.student_init == "random"' | sort |
		xargs)" = "false true" ]
	! grep minus table || false # one seed
	# other weights under the same name
	tiny_teacher -e 1 --seed 7 -o teacher2.fd2 train.tar
	mv teacher2.fd2 weights.fd2
	"${compare[@]}" -a "$tiny_arch" -o out --init weights.fd2 distilled.tar
	[ "$(find out/students -name '*.json' | wc -l)" = 3 ]
	run -2 --separate-stderr "${compare[@]}" -a convnet3 -a convnet4 --init teacher.fd2 \
		distilled.tar
	said_first "fd2-compare: --init is for students of one architecture, not of 2"
	run -1 --separate-stderr "${compare[@]}" --init none.pth distilled.tar
	[ "$stderr" = "fd2-compare: cannot read 'none.pth'" ]
}

@test "compare: what made a set, and when students are measured" {
	tiny_run
	fd2-match -q --threads 1 --method dm -s 32 --real 6 --iterations 0 -o match.tar train.tar
	fd2-exchange -q --to rded -o folders distilled.tar
	fd2-exchange -q --from images -o exchange.tar folders
	fd2-select -q -o ./-select.tar train.tar
	ln teacher.fd2 ./-teacher.fd2
	fd2-compare -t -teacher.fd2 --no-random --val val.tar -a convnet3 --seeds 1 -e 11 \
		--threads 1 --log log -o out -- distilled.tar match.tar -select.tar exchange.tar
	[ "$(jq -r '[.set, .row] | @tsv' out/results.jsonl | xargs)" = \
		"distilled distilled match distilled -select random exchange given" ]
	# held-out images are measured after the last epoch only
	[ "$(jq 'select(.event == "epoch" and .top1) | .epoch' log | xargs)" = "11 11 11" ]
}

@test "compare: a student that was interrupted continues" {
	tiny_run
	local compare=(fd2-compare -t teacher.fd2 --no-random --val val.tar -a convnet3 -a convnet4
		--seeds 1 --threads 1)
	"${compare[@]}" -e 60 -o whole distilled.tar >whole-table
	"${compare[@]}" -e 60 --log log -o out distilled.tar >table 2>&1 3>&- &
	until grep -qs '"student":0,"epoch":9,' log; do
		kill -0 $!
		sleep 0.05
	done
	kill -TERM $!
	wait $! || [ $? = 143 ]
	[ -n "$(find out/students -name '*.ckpt')" ]
	"${compare[@]}" -e 60 -o out distilled.tar >table 2>messages
	grep -x 'fd2-eval: resumed after epoch [1-9].*' messages
	cmp table whole-table
	[ "$(find out/students -type f | sort)" = "$(cd whole && find students -type f | sort |
		sed 's,^,out/,')" ]
}

@test "compare: random images of a shard that only numbers its classes" {
	tiny_run
	local class jpeg n=0
	mkdir named numbered
	tar -xf train.tar -C named --exclude '__*__'
	for class in named/*; do
		for jpeg in "$class"/*.jpg; do
			cp "$jpeg" "numbered/$n-${jpeg##*/}"
			echo $n >"numbered/$n-$(basename "$jpeg" .jpg).cls"
		done
		n=$((n + 1))
	done
	tar --sort=name -cf numbered.tar -C numbered .
	fd2-compare -t teacher.fd2 -r numbered.tar --val val.tar -a convnet3 --seeds 1 -e 1 \
		--threads 1 -o out distilled.tar
	[ "$(jq -r '[.row, .images, .classes] | @tsv' out/results.jsonl | xargs)" = \
		"distilled 6 3 random baseline 6 3" ]
	[ "$(fd2-look --json out/random-*.tar | jq -c .classes)" = \
		'{"blue-ring":2,"gold-bar":2,"red-spot":2}' ]
}

@test "compare: another set under the same name is another set; random images are not distilled" {
	tiny_run
	local compare=(fd2-compare -t teacher.fd2 --no-random --val val.tar -a convnet3 --seeds 1 \
		-e 2
		--threads 1)
	fd2-select -n 1 --seed 1 -o set.tar train.tar
	"${compare[@]}" -o out set.tar >first
	grep -E '^set +random +soft' first
	fd2-select -n 2 --seed 2 -o set.tar train.tar
	mkdir out/.tmp.killed
	"${compare[@]}" -o out set.tar >second
	[ -z "$(find out -name '.tmp*')" ]
	"${compare[@]}" -o new set.tar | cmp - second
	run ! cmp -s first second
	# one run at a time
	flock out/lock "${compare[@]}" -o out set.tar >log 2>&1 || true
	[ "$(cat log)" = "fd2-compare: another fd2-compare is at work in 'out'" ]
	run -2 --separate-stderr fd2-compare -t teacher.fd2 --val val.tar set.tar
	said_first "fd2-compare: no real images to choose from: give them with --real, or" \
		--no-random
	run -2 --separate-stderr fd2-compare --seeds 3- -t teacher.fd2 --val val.tar set.tar
	[ "${stderr_lines[0]}" = "fd2-compare: --seeds expects A-B or A,B,..., not '3-'" ]
	# the former name and options
	"$root/pipelines/evaluate" -t teacher.fd2 -r train.tar -v val.tar -a convnet3 -s '1' -e 2 \
		--threads 1 --no-random -o out set.tar | cmp - second
}

@test "pipelines: studies/methods makes its table, and only what is missing" {
	tiny_run
	export TRAIN=train.tar VAL=val.tar OUT=out SIZE=32 TEACHERS=$tiny_arch EPOCHS=3 IPC=1 \
		STEPS=2 STUDENT_EPOCHS=1 SEEDS=1-2 MAPS=2
	export METHODS='random sre2l++ sre2l++,fd2,beta=1'
	"$root/pipelines/studies/methods" >table
	[ "$(awk -F'\t' '$1 == 1 { print $2, $5 }' table |
		paste -sd' ')" = "random 2 sre2l++ 2 sre2l++,fd2,beta=1 2" ]
	fd2-look --json 'out/sre2l++,fd2,beta=1-1.tar' |
		jq -e '.meta.options | [.plain, .beta] == [false, 1]'
	[ "$(fd2-look --json out/sre2l++-1.tar | jq -c .meta.options.plain)" = true ]
	touch -d 2001-01-01 out/*.jsonl
	METHODS='random herding' "$root/pipelines/studies/methods" sets students
	[ "$(find out -name '*.jsonl' -newermt 2002-01-01)" = out/herding-1-seeds-1-2.jsonl ]
	# other seeds are other students, and what is there takes no seconds
	METHODS=random SEEDS=1-1 "$root/pipelines/studies/methods" sets students table >other
	[ "$(awk -F'\t' '$1 == 1 { print $2, $5 }' other)" = "random 1" ]
	[ "$(grep -c '^one_set-random-1 ' other)" = 1 ]
	# one that fails while others go on
	mkdir bin
	printf '#!/bin/sh\n' >bin/fd2-select
	printf '#!/bin/sh\nexit 3\n' >bin/fd2-distill
	printf '#!/bin/sh\necho 9\n' >bin/nproc
	chmod +x bin/*
	METHODS='edc k-center rded' PATH=$PWD/bin:$PATH \
		run -3 "$root/pipelines/studies/methods" sets
}

@test "pipelines: studies/nette adds the seconds before an interruption" {
	tiny_run
	mkdir out
	cp teacher.fd2 out/resnet18.fd2
	printf '{"event":"%s","t":%s}\n' start 0 end 40.5 start 0 end 2.25 >out/resnet18.log
	TRAIN=- VAL=- OUT=out ARCHS=resnet18 "$root/pipelines/studies/nette" table >nette
	[ "$(awk -F'\t' '$1 == "resnet18" { print $NF }' nette)" = 43 ]
}

@test "pipelines: studies/fair makes its tables, and only what is missing" {
	tiny_run
	fd2-look --export weights.safetensors teacher.fd2
	export TRAIN=train.tar VAL=val.tar WEIGHTS=weights.safetensors OUT=out \
		ARCH=$tiny_arch SIZE=32
	export TEACHER_OPTIONS='-M 2 -e 1 -b 12' IPC=1 SETS='1 2' STUDENTS=1 FAST_EPOCHS=1
	export BEST='--preset best --steps 2' ROWS='random random-whole best-plain@plain best'
	"$root/pipelines/studies/fair" >table
	# the mean and its standard error, and a paired difference, with awk
	jq .top1 out/best-1-[12]-1-fast.json | xargs | awk '{ d = ($1 - $2) * 100
		printf "%.1f +- %.1f\n", 50 * ($1 + $2), d < 0 ? -d / 2 : d / 2 }' >expected
	awk -F'\t' '$2 == "best" { print $3 }' table | diff - expected
	jq .top1 out/{best,random}-1-[12]-1-fast.json | xargs | awk '{ a = ($1 - $3) * 100
		b = ($2 - $4) * 100; d = a - b
		printf "%.1f +- %.1f\n", (a + b) / 2, d < 0 ? -d / 2 : d / 2 }' >expected
	awk -F'\t' '$1 == "best minus random" { print $2 }' table | diff - expected
	fd2-look --json out/plain-1.fd2 | jq -e '.meta.options.alpha == 0'
	[ "$(fd2-look --json out/best-plain@plain-1-2.tar | jq -r .meta.inputs.teacher)" = \
		"$(fd2-look --json out/plain-2.fd2 | jq -r .digest)" ]
	# CPU seconds of the sets, and the number of steps by the row's name
	awk '$1 == "out/best-1-1.tar" || $1 == "out/best-1-2.tar" { sum += $2 + $3 }
		END { printf "%.0f\n", sum / 2 }' out/seconds.txt >expected
	awk -F'\t' '$2 == "best" { print $8 }' table | diff - expected
	ROWS='sre2l++=1@plain' SETS=1 "$root/pipelines/studies/fair" sets
	[ "$(fd2-look --json out/sre2l++=1@plain-1-1.tar |
		jq -c '.meta.options | [.steps, .init, .plain]')" = '[1,"mosaic",true]' ]
	ROWS=all IPC=12 FAST_EPOCHS=4 SETS=1 "$root/pipelines/studies/fair" >table # 4 * 3 / 12
	[ "$(jq -c '[.images, .epochs]' out/all-12-1-1-fast.json)" = '[36,1]' ]
	grep -P '^A\tall\t' table
	touch -d 2001-01-01 out/*.json
	ROWS='random best rded' "$root/pipelines/studies/fair" sets students
	[ "$(find out -name '*.json' -newermt 2002-01-01 | sort | paste -sd ' ')" = \
		'out/rded-1-1-1-fast.json out/rded-1-2-1-fast.json' ]
}

@test "pipelines: studies/fair subtracts set from the same set, whichever are missing" {
	local row set top1
	mkdir out
	touch out/seconds.txt
	while read -r row set top1; do
		echo "{\"top1\":$top1,\"image_bytes\":1,\"label_bytes\":1}" \
			>"out/$row-1-$set-1-fast.json"
	done <<-'END'
		best 2 0.5
		best 3 0.9
		random 1 0.1
		random 2 0.5
		random 3 0.9
		herding 3 0.8
		rded 1 0.3
	END
	TRAIN=- VAL=- WEIGHTS=- OUT=out ROWS='best random herding rded' IPC=1 STUDENTS=1 \
		PAIRS=$'best random\nbest herding\nbest rded' "$root/pipelines/studies/fair" table \
		>tables
	[ "$(grep minus tables)" = "$(printf '%s\t%s\t\n' 'best minus random' '0.0 +- 0.0' \
		'best minus herding' 10.0)" ]
	[ "$(awk -F'\t' '$2 == "herding" { print $3, $4 }' tables)" = "80.0 1" ]
}

@test "pipelines: the demo's backbone begins anew with other attention maps" {
	local demo=(env OUT=out CLASSES=2 PER_CLASS=5 SIZE=32 MAPS=2 "$root/pipelines/demo")
	mkdir bin
	printf '#!/bin/sh\nexit 7\n' >bin/fd2-teacher
	chmod +x bin/fd2-teacher
	PATH=$PWD/bin:$PATH
	run -7 "${demo[@]}"
	touch out/backbone.fd2.ckpt
	run -7 "${demo[@]}"
	[ -e out/backbone.fd2.ckpt ]
	run -7 "${demo[@]/MAPS=2/MAPS=3}"
	[ ! -e out/backbone.fd2.ckpt ]
	[ -s out/drawn-train.tar ]
}

# session ID: its processes
session() {
	awk -v id="$1" '{ sub(/.*\) /, "") } $4 == id' /proc/[0-9]*/stat 2>/dev/null || true
}

@test "pipelines: the demo in miniature, killed while students learn, ends them and goes on" {
	local status=0 made
	local small=(env OUT=out CLASSES=3 PER_CLASS=10 SIZE=32 BACKBONE_EPOCHS=1 EPOCHS=1 IPC=2 \
		STEPS=2 MAPS=2 SEEDS='1 2' JOBS=2 TEACHER_OPTIONS=--cal-lr=0.02)
	setsid "${small[@]}" STUDENT_EPOCHS=100000 "$root/pipelines/demo" >log 2>&1 3>&- &
	until grep -qs '"event":"epoch"' out/*-1.log; do
		kill -0 $!
		sleep 0.1
	done
	[ "$(session $! | wc -l)" -ge 3 ]
	kill -TERM $!
	wait $! || status=$?
	[ $status = 143 ]
	[ -z "$(session $!)" ]
	[ -z "$(find out -name '*.part' -o -name '*.tmp' -o -name '*.json' -o \
		-name columns)" ]
	[[ $(tail -n 1 log) == *"interrupted; run it again to continue" ]]
	# every picture is told when it is there, the first before there is a teacher
	[ "$(sed -n 's/.*look: //p' log | head -n 1)" = out/data.jpg ]
	[ "$(sed -n 's/.*look: //p' log | xargs ls | wc -l)" = 9 ]
	made=$(stat -c '%n %i' out/teacher.fd2 out/fd2.tar)
	"${small[@]}" STUDENT_EPOCHS=2 TERM=xterm script -qec "$root/pipelines/demo" screen \
		>/dev/null
	[ "$(stat -c '%n %i' out/teacher.fd2 out/fd2.tar)" = "$made" ]
	[ "$(grep -c 'is made again' screen)" = 1 ]
	grep -qE $'\rstudents  [0-9]+/12 epochs' screen
	# the table once more, with awk
	for method in random sre2l++ fd2; do
		jq .top1 "out/$method"-[12].json | xargs |
			awk '{ d = 100 * ($1 - $2); print 50 * ($1 + $2), sqrt(d * d / 2) }' \
			>expected
		awk -v m="$method" '$1 == m { print $2, $4 }' out/table.txt |
			paste -d' ' - expected |
			awk '{ exit !(($1 - $3) ^ 2 < 0.003 && ($2 - $4) ^ 2 < 0.003) }'
	done
	grep -qE '% of attention inside the true part' out/table.txt
	grep -q 'alt="attention in the images of fd2"' out/report.html
	grep -qE '<th scope=row>sre2l\+\+</th><td>soft</td>.*resnet18' out/report.html
	jq .top1 out/{fd2,random}-[12].json | xargs | awk '{
		a = 100 * ($1 - $3); b = 100 * ($2 - $4); m = (a + b) / 2
		e = (a > b ? a - b : b - a) / 2; told = m > 2 * e || -m > 2 * e
		printf "fd2 minus random: %.1f points, standard error %.1f: %stold apart\n", m, e,
			told ? "" : "not " }' | sed 's/: -0.0/: 0.0/' |
		diff - <(grep '^fd2 minus random' out/table.txt)
	grep -qE '^fd2 minus sre2l\+\+: -?[0-9.]+ points, standard error [0-9.]+' out/table.txt
}
