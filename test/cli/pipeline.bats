#!/usr/bin/env bats
# The six stages, through files and through pipes, and the support tools on what they make.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}

tensors() {
	fd2-look --json "$1" | jq -c "$2"
}

@test "pipeline: all six stages through files and pipes" {
	fd2-draw --classes 2 --per-class 4 --size 32 >real.tar
	fd2-teacher -q -s 32 -e 1 -M 2 -b 4 <real.tar >t.fd2
	fd2-protos <t.fd2 >p.fd2
	fd2-distill -t t.fd2 -p p.fd2 --steps 1 <real.tar >d.tar
	fd2-attn -t t.fd2 <d.tar >a.fd2
	run -0 --separate-stderr bash -c 'set -o pipefail
		fd2-relabel -t t.fd2 -e 1 <d.tar | fd2-eval --val real.tar d.tar'
	[ -z "$stderr" ]
	[ "$(jq -c '[.arch, .labels, .classes, .images, .val_images, .epochs]' <<<"$output")" = \
		'["resnet18","soft",2,2,8,1]' ]
	[ "$(wc -l <<<"$output")" = 1 ]
	fd2-look --check t.fd2 p.fd2 a.fd2
	fd2-look --check d.tar
}

@test "pipeline: labels through a pipe and through a file give the same line" {
	fd2-eval -a "$tiny_arch" --val val.tar -l labels.fd2 distilled.tar >file.json
	bash -c 'set -o pipefail
		fd2-relabel -t teacher.fd2 -e 3 distilled.tar |
			fd2-eval -a $tiny_arch --val val.tar distilled.tar' >pipe.json
	cmp file.json pipe.json
	jq -e '.top1 >= 0 and .top1 <= 1 and .top5 == 1 and .images == 6 and .val_images == 12
		and .best_top1 >= .top1' file.json
	fd2-eval -a "$tiny_arch" --val val.tar -l labels.fd2 -o named.json distilled.tar
	cmp file.json named.json
}

@test "pipeline: fewer epochs than labelled, more are refused" {
	[ "$(fd2-eval -a "$tiny_arch" --val val.tar -l labels.fd2 -e 1 distilled.tar |
		jq .epochs)" = 1 ]
	run -1 --separate-stderr fd2-eval --val val.tar -l labels.fd2 -e 4 distilled.tar
	said "fd2-eval: --epochs 4, but the labels hold 3; --reuse-labels goes through them again"
}

@test "pipeline: hard labels, and the student that is saved" {
	fd2-eval -a "$tiny_arch" --hard -s 32 -e 2 --val val.tar --save student.fd2 --log eval.log \
		distilled.tar >out.json
	[ "$(jq -c '[.labels, .epochs, .best_epoch, .images]' out.json)" = '["hard",2,2,6]' ]
	[ "$(jq -c 'select(.event == "epoch") | [.epoch, .loss.ce > 0, .top1 != null]' eval.log |
		paste -sd' ')" = '[1,true,false] [2,true,true]' ]
	[ "$(tensors student.fd2 .kind)" = '"student"' ]
	[ "$(tensors student.fd2 '.tensors[] | select(.name == "fc.weight") | .shape')" = \
		"[3,$tiny_channels]" ]
	[ "$(tensors student.fd2 .meta.classes)" = '["blue-ring","gold-bar","red-spot"]' ]
	run -2 --separate-stderr fd2-eval --hard --save - --val val.tar distilled.tar
	[[ ${stderr_lines[0]} == *"--save and --output are both '-'" ]]
	run -2 --separate-stderr fd2-eval --hard -l labels.fd2 --val val.tar distilled.tar
	[[ ${stderr_lines[0]} == *"--hard and --labels exclude each other" ]]
}

@test "pipeline: several students learn at once as they would alone" {
	local students=(-a convnet3 -a mobilenet_v2 --seeds 1-2) arch seed
	fd2-eval "${students[@]}" --val val.tar -l labels.fd2 --val-every 2 --report all.report \
		--log log distilled.tar >all.json
	jq -es 'map([.arch, .seed, .lr]) == [["convnet3", 1, 0.001], ["convnet3", 2, 0.001],
		["mobilenet_v2", 1, 0.0025], ["mobilenet_v2", 2, 0.0025]]' all.json
	for arch in convnet3 mobilenet_v2; do
		for seed in 1 2; do
			fd2-eval -a $arch --seed $seed --val val.tar -l labels.fd2 --val-every 2 \
				--report one.report distilled.tar >>alone.json
			cat one.report >>alone.report
		done
	done
	cmp all.json alone.json
	cmp all.report alone.report
	[ "$(sort all.json | uniq | wc -l)" = 4 ]
	[ "$(jq -c 'select(.event == "epoch" and .top1) | [.epoch, .student]' log |
		xargs)" = "[2,0] [2,1] [2,2] [2,3] [3,0] [3,1] [3,2] [3,3]" ]
	jq -es 'map(select(.event == "cost")) |
		length == 4 and all(.seconds > 0 and .peak_mib > 10)' log
	# views without labels come from --seed, for all students
	fd2-eval --hard -s 32 -e 2 -a convnet3 --seed 5 --seeds 1-2 --val val.tar distilled.tar \
		>all.json
	for seed in 1 2; do
		fd2-eval --hard -s 32 -e 2 -a convnet3 --seed 5 --seeds $seed --val val.tar \
			distilled.tar
	done | cmp - all.json
}

@test "pipeline: the report adds up to the line, and so do the bytes" {
	fd2-eval -a convnet3 --lr 0.01 --val val.tar -l labels.fd2 --report report distilled.tar \
		>line
	jq -se 'def near($a; $b): ($a - $b | fabs) < 1e-5;
		(.[1].confusion | [range(length) as $i | .[$i][$i]] | add) as $hits |
		.[0] as $line | .[1] |
		.classes == ["blue-ring", "gold-bar", "red-spot"] and .images == [4, 4, 4] and
		near($line.top1; $hits / 12) and (.confusion | map(add)) == .images and
		near($line.top1; .top1 | add / 3) and .top5 == [1, 1, 1] and
		near($line.ece; .calibration |
			map(.images / 12 * (.accuracy - .confidence | fabs)) | add) and
		(.calibration | map(.images) | add) == 12 and $line.nll > 0 and
		(.calibration | all(.confidence > .within[0] and .confidence <= .within[1]))' \
		line report
	[ "$(jq .image_bytes line)" = "$(tar tvf distilled.tar |
		awk '/\.jpg$/ { n += $3 } END { print n }')" ]
	fd2-look --json labels.fd2 >labels.json
	[ "$(jq .label_bytes line)" = "$(jq '{i32: 4, f32: 4, f16: 2, bool: 1} as $size |
		[.tensors[] | $size[.dtype] * (.shape | reduce .[] as $n (1; . * $n))] | add' \
		labels.json)" ]
}

@test "pipeline: val chooses the best epoch, test measures it" {
	fd2-draw --classes 3 --per-class 7 --size 40 --split val --seed 9 -o test.tar
	local student=(-a convnet3 --lr 0.05 --zeta 1 -l labels.fd2 --val-every 1 distilled.tar) n \
		best
	fd2-eval "${student[@]}" --val val.tar --log log >val.json
	fd2-eval "${student[@]}" --val val.tar --test test.tar --save student.fd2 >both.json
	[ "$(jq -c '[.measured_on, .best_chosen_on, .test_images]' val.json both.json |
		xargs)" = "[val,val,0] [test,val,21]" ]
	[ "$(jq '.best_epoch' val.json)" = "$(jq '.best_epoch' both.json)" ]
	[ "$(jq '.best_epoch' val.json)" = "$(jq -s \
		'map(select(.top1)) | max_by([.top1, -.epoch]).epoch' log)" ]
	[ "$(jq '.best_top1 * 12 | round' val.json)" = \
		"$(jq -s 'map(.top1 // 0) | max * 12 | round' log)" ]
	# --test in the place of --val: its curve has both epochs
	fd2-eval "${student[@]}" --val test.tar --log test.log >last.json
	best=$(jq '.best_epoch' both.json)
	for n in top1 top5 ece nll; do
		[ "$(jq ".$n" both.json)" = "$(jq ".$n" last.json)" ]
	done
	jq -s --argjson e "$best" 'map(select(.epoch == $e))[0].top1 * 21 | round' test.log \
		>wanted
	[ "$(jq '.best_top1 * 21 | round' both.json)" = "$(cat wanted)" ]
	[ "$(tensors student.fd2 '.meta.inputs.test')" = "\"$(fd2-look --json test.tar |
		jq -r .digest)\"" ]
	[ "$(tensors student.fd2 '.meta.top1 * 21 | round')" = \
		"$(jq '.top1 * 21 | round' both.json)" ]
	run -1 --separate-stderr fd2-eval "${student[@]}" --val val.tar --test val.tar
	said "fd2-eval: --val and --test hold the same images (????????????...)"
}

@test "pipeline: with --no-augment a batch of all images is the same whatever the views' seed" {
	local hard=(--hard -s 32 -e 1 -a convnet3 --seeds 1 --val val.tar distilled.tar) seed
	for seed in 1 2; do
		fd2-eval "${hard[@]}" --no-augment --seed $seed
		fd2-eval "${hard[@]}" --seed $seed
	done |
		jq -es 'map(.loss) | (.[0] - .[2] | fabs) < 1e-5 and
			(.[1] - .[3] | fabs) > 1e-3 and (.[0] - .[1] | fabs) > 1e-3'
	run -2 --separate-stderr fd2-eval "${hard[@]}" --no-augment --min-scale 0.5
	[ "${stderr_lines[0]}" = "fd2-eval: --no-augment and --min-scale exclude each other" ]
}

@test "pipeline: students that cannot be" {
	refused() { # SENTENCE OPTION...
		local sentence=$1
		shift
		run -2 --separate-stderr fd2-eval --val val.tar -l labels.fd2 "$@" distilled.tar
		[ "${stderr_lines[0]}" = "fd2-eval: $sentence" ]
	}
	refused "--arch 'convnet3' is given twice; --seeds makes several students of it" -a \
		convnet3 -a convnet3
	refused "--save is for one student, not for 2" --seeds 1-2 --save s.fd2
	refused "--init is for students of one architecture, not of 2" -a convnet3 -a convnet4 \
		--init student.fd2
	refused "more than 256 students" --seeds 1-
	refused "--lr expects a number from 0 to 100, or ARCH=X, not 'fast'" --lr fast
	refused "--lr expects a number from 0 to 100, or ARCH=X, not 'resnet18=-1'" --lr resnet18=-1
	refused "--lr 'convnet3=1' is for no --arch" --lr convnet3=1
	refused "--report and --output are both 'x'" --report x -o x
	refused "--save and --report are both 'x'" --report x --save x
	refused "--no-augment is for --hard or --learned: soft labels bring their own" --no-augment
	run -2 --separate-stderr fd2-eval --val val.tar -l labels.fd2 -a convnet9 distilled.tar
	[[ ${stderr_lines[0]} == "fd2-eval: --arch expects one of resnet18|"*", not 'convnet9'" ]]
}

@test "pipeline: images beyond --cache wait in a file, and nothing else changes" {
	fd2-draw --classes 3 --per-class 4 --size 260 >large.tar
	for mib in 1 4096; do
		fd2-teacher -a "$tiny_arch" -q -s 224 -M 2 -b 6 -e 1 --val large.tar --log \
			$mib.log --cache $mib -o $mib.fd2 large.tar
		fd2-distill -q -t $mib.fd2 --steps 0 --plain --cache $mib -o $mib.tar large.tar
		fd2-protos -q -t $mib.fd2 --cache $mib -o $mib.protos large.tar
		fd2-eval -a "$tiny_arch" -q --hard -e 1 --val large.tar --cache $mib $mib.tar \
			>$mib.json
		jq -c 'select(.event == "epoch") | [.loss, .val_cal]' $mib.log >$mib.epochs
	done
	for what in fd2 tar protos json epochs; do
		cmp 1.$what 4096.$what
	done
	mkdir tmp
	TMPDIR=tmp fd2-protos -q -t 1.fd2 --cache 1 -o p large.tar
	[ -z "$(ls tmp)" ]
	TMPDIR=/nowhere run -1 --separate-stderr fd2-protos -t 1.fd2 --cache 1 -o p2 large.tar
	said "fd2-protos: cannot keep images beyond --cache: cannot create a temporary file in" \
		"'/nowhere': No such file or directory"
	[ ! -e p2 ]
}

@test "teacher: both branches' accuracy each epoch, and the best epoch" {
	run -0 --separate-stderr fd2-teacher -a "$tiny_arch" -s 32 -M 2 -b 12 -e 2 --val val.tar \
		--best best.fd2 -o t.fd2 --log t.log train.tar
	[ "${#stderr_lines[@]}" = 8 ]
	[[ ${stderr_lines[2]} =~ ^"fd2-teacher: $tiny_arch "\ +"last epoch "\ +"best epoch"$ ]]
	[[ ${stderr_lines[6]} =~ ^"fd2-teacher: backbone acc "\ +[0-9.]+\ %\ +[0-9.]+\ %$ ]]
	local number=' *([0-9.]+)' figures
	figures=" loss$number  train$number %  val: backbone$number %  cal$number %"
	for epoch in 1 2; do
		[[ ${stderr_lines[epoch - 1]} =~ ^"fd2-teacher: epoch   $epoch "$figures$ ]]
		jq -es --arg percent "${BASH_REMATCH[3]}" "map(select(.epoch == $epoch))"'[0] |
			.val_backbone * 10000 | round == ($percent | tonumber * 100 | round)' t.log
	done
	jq -es 'map(select(.event == "epoch")) | length == 2 and
		all(.loss.total > 0 and .loss.center > 0 and .val_cal >= 0)' t.log
	local best
	best=$(jq -s 'map(select(.event == "epoch")) |
		max_by([.val_backbone + .val_cal, -.epoch]) | .epoch' t.log)
	[ "$(fd2-look --json best.fd2 | jq .meta.epoch)" = "$best" ]
	[ "$(fd2-look --json t.fd2 | jq .meta.epoch)" = 2 ]
	run -2 --separate-stderr fd2-teacher --best best.fd2 train.tar
	run -2 --separate-stderr fd2-teacher --best t.fd2 -o t.fd2 --val val.tar train.tar
	[[ ${stderr_lines[0]} == *"--best and --output are both 't.fd2'" ]]
}

@test "teacher: the loss is that of Eq. 8, and options change what they name" {
	local small=(fd2-teacher -q -a convnet3 -s 16 -M 2 --dtype f32) option
	# first OPTION...: the loss of a first step on all images
	first() {
		"${small[@]}" -b 36 -e 1 --log log -o x.fd2 "$@" train.tar
		jq -c 'select(.event == "epoch").loss' log
		rm log
	}
	{
		first --alpha 0
		first --alpha 1
		first --alpha 0.25
		first --alpha 1 --eta 3
		first --alpha 0 --label-smoothing 0.3
		first --alpha 1 --label-smoothing 0.3
	} >losses
	# before the first update all prototypes are 0, and |z| is 1
	jq -es 'def near($a; $b): ($a - $b | fabs) < 1e-4; map(.total) as $t |
		all(near(.center; 1)) and near($t[2]; 0.75 * $t[0] + 0.25 * $t[1]) and
		near($t[3]; $t[1] + 2) and (near($t[4]; $t[0]) or near($t[5]; $t[1]) | not)' losses
	# trained OPTION...: what the tensors of a teacher are after some steps
	trained() {
		"${small[@]}" -b 12 -e 2 -o x.fd2 "$@" train.tar
		fd2-look --json x.fd2 | jq -c '[.tensors[] | [.min, .max]]'
	}
	trained >base
	for option in '--lr 0.02' '--momentum 0.5' --nesterov '--weight-decay 0.1' '--clip 0.1' \
		'--cal-lr 1' '--mu 0.5' '--warmup 1 --log log'; do
		# shellcheck disable=SC2086 # words
		trained $option >other
		run ! cmp -s base other
	done
	[ "$(jq -c 'select(.event == "epoch").lr' log | xargs)" = "0 0.01" ]
}

@test "teacher: averaged weights, guided crops, CAL's centres; resumed to the same bytes" {
	local options=(-s 32 -M 2 -b 12 -e 3 --ema 0.9 --cal-augment --center-update cal \
		--schedule exp --val val.tar)
	fd2-teacher -a "$tiny_arch" "${options[@]}" -q -o whole.fd2 train.tar
	[ "$(fd2-look --json whole.fd2 | jq -c \
		'.meta.options | [.ema, ."cal-augment", ."center-update", .schedule]')" = \
		'[0.9,true,"cal","exp"]' ]
	# killed at the first checkpoint
	fd2-teacher -a "$tiny_arch" "${options[@]}" -q -o t.fd2 --checkpoint-every 1 train.tar &
	local pid=$!
	while [ ! -e t.fd2.ckpt ]; do sleep 0.05; done
	kill -9 $pid
	wait $pid || true
	[ ! -e t.fd2 ]
	fd2-teacher -a "$tiny_arch" "${options[@]}" -q -o t.fd2 --resume train.tar
	cmp whole.fd2 t.fd2
	# each of them changes the result
	local without
	for without in "--ema 0" "--center-update paper" "--schedule cosine"; do
		# shellcheck disable=SC2086 # two words
		fd2-teacher -a "$tiny_arch" "${options[@]}" $without -q -o other.fd2 train.tar
		run ! cmp -s <(fd2-look --tensor cal.prototypes whole.fd2) \
			<(fd2-look --tensor cal.prototypes other.fd2)
	done
}

@test "backbones: one of each family is a teacher, is distilled, labels, and learns as a student" {
	local arch
	for arch in resnet50 mobilenet_v2 densenet121 shufflenet_v2_x0_5 shufflenet_v2_x1_0 \
		convnet3; do
		fd2-teacher -q -a $arch -s 32 -M 2 -b 12 -e 1 -o arch.fd2 train.tar
		[ "$(tensors arch.fd2 .meta.arch)" = "\"$arch\"" ]
		fd2-distill -q -t arch.fd2 -n 1 --steps 2 train.tar -o arch.tar
		fd2-relabel -q -t arch.fd2 -b 3 -e 1 arch.tar |
			fd2-eval -q -a $arch --val val.tar arch.tar >arch.json
		[ "$(jq -c '[.arch, .images, .val_images > 0]' arch.json)" = "[\"$arch\",3,true]" ]
	done
	run -1 --separate-stderr fd2-teacher -a densenet121 --last-stride 1 -s 32 train.tar
	said_first "fd2-teacher: densenet121 has no last stage whose stride could be 1;" \
		"ResNets have"
	run -1 --separate-stderr fd2-teacher -a convnet6 -s 32 train.tar
	said_first "fd2-teacher: convnet6 needs images of at least 64 pixels, not 32"
}

@test "protos: the online prototypes are the teacher's own" {
	[ "$(tensors protos.fd2 '[.kind, .tensors[0].name, .tensors[0].shape]')" = \
		'["protos","prototypes",[3,'$((2 * tiny_channels))']]' ]
	cmp <(fd2-look --tensor prototypes protos.fd2) \
		<(fd2-look --tensor cal.prototypes teacher.fd2)
	fd2-protos -t teacher.fd2 | cmp - <(fd2-protos <teacher.fd2)
}

@test "protos: --unit divides each by its length" {
	fd2-protos --unit -t teacher.fd2 -o unit.fd2
	paste -d ' ' <(fd2-look --tensor prototypes protos.fd2) \
		<(fd2-look --tensor prototypes unit.fd2) | awk '
		{
			uu = vv = uv = 0
			for (i = 1; i <= NF / 2; i++) {
				uu += $i ^ 2; vv += $(i + NF / 2) ^ 2; uv += $i * $(i + NF / 2)
			}
			if (uu > 0.98 || vv < 0.9999 || vv > 1.0001 || uv / sqrt(uu * vv) < 0.9999)
				exit 1
		}
		END { if (NR != 3) exit 1 }'
}

@test "protos: over shards they are exact means, in batches of any size" {
	tar xf distilled.tar --exclude '__*__'
	tar cf first.tar -- */0001.jpg
	tar cf second.tar -- */0002.jpg
	local shards
	for shards in first second "first second"; do
		# shellcheck disable=SC2046,SC2086 # the last is two
		fd2-protos --dtype f32 -t teacher.fd2 $(printf '%s.tar ' $shards) |
			fd2-look --tensor prototypes >"${shards// /-}"
	done
	[ "$(wc -lw <first-second | xargs)" = "3 $((6 * tiny_channels))" ]
	paste -d ' ' first second first-second | awk '{
		n = NF / 3
		for (i = 1; i <= n; i++) {
			d = ($i + $(i + n)) / 2 - $(i + 2 * n)
			if (d * d > 1e-12) exit 1
			s += $i ^ 2
		}
	} END { if (s < 1e-3) exit 1 }'
	fd2-protos --dtype f32 -b 1 -t teacher.fd2 first.tar second.tar |
		fd2-look --tensor prototypes >one
	paste -d ' ' first-second one |
		awk '{ n = NF / 2; for (i = 1; i <= n; i++)
			if (($i - $(i + n)) ^ 2 > 1e-10) exit 1 }'
	run -1 --separate-stderr fd2-protos -t teacher.fd2 -o x.fd2 <(tar c red-spot)
	[ ! -e x.fd2 ]
	tar cf red.tar red-spot
	run -1 --separate-stderr fd2-protos -t teacher.fd2 -o x.fd2 red.tar
	said "fd2-protos: class 'blue-ring' has no image in the shards"
}

@test "attn: a map and a representation an image" {
	[ "$(tensors attn.fd2 '[.kind, (.tensors | length)]')" = '["attn",12]' ]
	tensors attn.fd2 '.tensors[0:2] | map([.name, .dtype, .shape])' |
		jq -e --argjson n $((2 * tiny_channels)) '. ==
			[["blue-ring/0001", "f32", [2, 1, 1]], ["blue-ring/0001.z", "f32", [$n]]]'
	[ "$(tensors attn.fd2 .meta.inputs.teacher)" = "$(tensors teacher.fd2 .digest)" ]
	tensors attn.fd2 '.tensors[].name' | grep -v '\.z"' | sort >names
	diff names <(tar tf distilled.tar | sed -n 's/\(.*\)\.jpg$/"\1"/p' | sort)
}

@test "attn: heatmaps are a shard of the same images" {
	fd2-attn -t teacher.fd2 --heatmap -o h.tar distilled.tar
	fd2-attn -t teacher.fd2 --heatmap --shared-scale -o s.tar distilled.tar
	fd2-look --check h.tar
	fd2-look --check s.tar
	[ "$(fd2-look --json h.tar | jq -c '[.samples, .width, .classes["gold-bar"]]')" = \
		'[6,[32,32],2]' ]
	diff <(tar tf h.tar) <(tar tf distilled.tar | grep -v __start__)
	run ! cmp -s <(tar xOf h.tar red-spot/0001.jpg) <(tar xOf s.tar red-spot/0001.jpg)
	tar xf distilled.tar --transform 's,/,-,' --exclude '__*__'
	tar --sort=name -cf numbers.tar ./*-000*
	fd2-attn -t teacher.fd2 --heatmap -o n.tar numbers.tar
	diff <(tar tf n.tar | grep -v __fd2__ | sort) <(tar tf numbers.tar | sed 's,^\./,,' | sort)
	[ "$(fd2-look --json n.tar | jq -c .classes)" = '{"0":2,"1":2,"2":2}' ]
	fd2-attn -t teacher.fd2 -o n.fd2 numbers.tar
	[ "$(fd2-stat n.fd2)" = "$(fd2-stat attn.fd2)" ]
}

@test "stat: attention, prototypes and true parts" {
	[ "$(fd2-stat attn.fd2 | jq -c keys)" = \
		'["images","intra_class_attention","intra_class_location"]' ]
	fd2-stat -p protos.fd2 attn.fd2 | jq -e \
		'.images == 6 and .own_prototype > 0 and .other_prototypes > 0'
	fd2-attn -t teacher.fd2 -o v.fd2 val.tar
	fd2-stat --boxes val.tar <v.fd2 | jq -e '.images == 12 and .part_mass > 0 and
		.part_mass < 1 and .part_area > 0 and .part_area < 0.2'
	[ "$(fd2-stat -g 1 attn.fd2 | jq -c .intra_class_attention)" = null ]
	[ "$(fd2-stat -g 2 attn.fd2)" = "$(fd2-stat attn.fd2)" ]
	run -1 --separate-stderr fd2-stat --boxes distilled.tar v.fd2
	said "fd2-stat: image 'blue-ring/0001' of 'distilled.tar' has no part box in its .json"
}

@test "stat: the class of nested folders is that of their shard" {
	local image to
	for image in $(tar tf distilled.tar | grep jpg); do
		to=photos/${image%/*}/${image//[\/.]/-}
		mkdir -p "$to"
		tar xOf distilled.tar "$image" >"$to/${image#*/}"
	done
	tar --sort=name -cf nested.tar photos
	fd2-attn -t teacher.fd2 -o nested.fd2 nested.tar
	cmp <(fd2-stat --separation -p protos.fd2 nested.fd2) \
		<(fd2-stat --separation -p protos.fd2 attn.fd2)
}

@test "stat: distances are those that follow from the streams" {
	need_python
	local oracle=("$python" "$BATS_TEST_DIRNAME/distances.py")
	fd2-stat -p protos.fd2 -o line attn.fd2
	"${oracle[@]}" stat attn.fd2 protos.fd2 line
	fd2-attn -t teacher.fd2 -o v.fd2 val.tar
	fd2-stat -p protos.fd2 -o line v.fd2
	"${oracle[@]}" stat v.fd2 protos.fd2 line
}

@test "attn: --cut leaves out the border" {
	need_python
	local oracle=("$python" "$BATS_TEST_DIRNAME/distances.py") f
	"${oracle[@]}" frames whole.tar other.tar inner.tar
	for f in whole other inner; do
		fd2-attn -t teacher.fd2 -o $f.fd2 $f.tar
		fd2-attn -t teacher.fd2 --cut 0.1667 -o $f.cut $f.tar
	done
	"${oracle[@]}" same whole.cut inner.fd2
	"${oracle[@]}" same whole.cut other.cut
	run ! "${oracle[@]}" same whole.fd2 other.fd2
	[ "$(fd2-stat whole.cut | jq 'del(.cut)')" = "$(fd2-stat inner.fd2 | jq .)" ]
	[ "$(fd2-stat whole.cut | jq .cut)" = 0.1667 ]
	run -1 --separate-stderr fd2-stat --boxes val.tar whole.cut
	said "fd2-stat: --boxes needs the attention of whole images, and that of 'whole.cut' is" \
		"without their border (fd2-attn --cut)"
	fd2-attn -t teacher.fd2 --cut 0.05 -o cut.fd2 distilled.tar
	run -1 --separate-stderr tiny_distill --ipc 2 --id 2 --ls-view plain --attn cut.fd2 -o x.tar
	said "fd2-distill: 'cut.fd2' holds attention of images without their border" \
		"(fd2-attn --cut)"
	fd2-attn -t teacher.fd2 --cut 0.1667 --heatmap -o h.tar whole.tar
	fd2-attn -t teacher.fd2 --heatmap -o i.tar inner.tar
	cmp <(tar xOf h.tar blue-ring/1.jpg) <(tar xOf i.tar blue-ring/1.jpg)
}

@test "distill: --lf-negatives takes the nearest of the other prototypes" {
	local n
	for n in 0 1 2 9; do
		tiny_distill --method sre2l++ --no-ls --lf-negatives $n --log $n.log \
			--log-every 1 --pixels f16 -o $n.tar
		tar xOf $n.tar red-spot/0001.npy >$n.npy
	done
	# two others are all of three classes
	cmp 0.npy 2.npy
	cmp 0.npy 9.npy
	run ! cmp -s 0.npy 1.npy
	# the nearest is nearer than the mean, so 1 - distance is larger
	jq -es 'map(select(.event == "step" and .step == 0).loss.F) | .[1] > .[0]' 0.log 1.log
}

@test "distill: the log has every loss term by name" {
	tiny_distill --ipc 2 --steps 3 --log-every 2 --log d.log -o d.tar
	jq -es 'map(select(.event == "step")) | length == 4 and
		all(.loss | has("bn", "cls", "F", "S", "total"))' d.log
	jq -es 'map(select(.event == "step" and .image == 1).loss) |
		all(.S == null and .bn > 0 and .cls > 0 and .F > 0)' d.log
	jq -es 'map(select(.event == "step" and .image == 2)) | all(.loss.S > 0)' d.log
	# Eq. 12 with its default lambda
	jq -es 'map(select(.event == "step").loss) |
		all(.total - .bn - .cls - 0.8 * .F - 0.2 * (.S // 0) | fabs < 1e-3)' d.log
	tiny_distill --plain --log p.log -o p.tar
	jq -es 'map(select(.event == "step").loss) | length > 0 and
		all(.F == null and .S == null and .cls == null and .ce > 0
			and (.total - .bn - .ce | fabs < 1e-3))' p.log
	[ "$(jq -rs '.[0].event, .[-1].event, .[-1].status' d.log | xargs)" = "start end 0" ]
	# the attention head's BatchNorm is one more in a sum
	tiny_distill --bn-head --log h.log -o h.tar
	jq -es 'map(select(.event == "step" and .step == 0).loss) |
		.[0].bn < .[2].bn and .[0].cls == .[2].cls' d.log h.log
	# and the cross-entropy beside Eq. 11 counts where it is asked for
	tiny_distill --other full --log f.log -o f.tar
	jq -es 'map(select(.event == "step").loss) | length > 0 and
		all(.ce > 0 and (.total - .bn - .ce - .cls - 0.8 * .F | fabs < 1e-3))' f.log
}

@test "distill: --pixels f16 stores what the JPEGs show, for numpy" {
	tiny_distill --pixels f16 --quality 100 -o d.tar
	[ "$(tar tf d.tar | grep -c '\.npy$')" = 3 ]
	tar xf d.tar
	[ "$(head -c 6 red-spot/0001.npy | od -An -c | tr -d ' ')" = '223NUMPY' ]
	# data begin at a multiple of 64 and are 2 bytes a number
	[ "$(($(stat -c %s red-spot/0001.npy) - 3 * 32 * 32 * 2))" = 128 ]
	fd2-attn -t teacher.fd2 d.tar | fd2-look --json | jq -e '.tensors | length == 6'
}

@test "distill: --pixels f16, read by numpy" {
	need_python
	cat >rgb.c <<-'END'
		#include <stdio.h>
		#include "lib/image/image.h"
		int main(void)
		{
			static unsigned char bytes[1 << 20];
			struct image im;
			size_t n = fread(bytes, 1, sizeof bytes, stdin);
			if (jpeg_decode(&im, bytes, n, 0) < 0)
				return 1;
			size_t pixels = (size_t)im.w * im.h;
			return fwrite(im.rgb, 3, pixels, stdout) != pixels;
		}
	END
	cc -I "$root" -o rgb rgb.c -L"$root/build/lib/fd2" -lfd2 -Wl,-rpath,"$root/build/lib/fd2"
	tiny_distill --pixels f16 --quality 100 -o d.tar
	tar xf d.tar
	for image in */0001.jpg; do
		./rgb <"$image" >"${image%.jpg}.rgb"
		"$python" - "${image%.jpg}" <<-'END'
			import sys, numpy
			a = numpy.load(sys.argv[1] + ".npy")
			kind = (a.shape, a.dtype)
			assert kind == ((3, 32, 32), numpy.float16), kind
			rgb = numpy.fromfile(sys.argv[1] + ".rgb", numpy.uint8)
			rgb = rgb.reshape(32, 32, 3).transpose(2, 0, 1)
			# a JPEG keeps brightness at every pixel, and colour at every second at best
			grey = numpy.array([0.299, 0.587, 0.114]).reshape(3, 1, 1)
			off = abs((a.astype("f4") * 255 * grey).sum(0) - (rgb * grey).sum(0))
			assert off.mean() < 2, off.mean()
			assert a.min() >= 0 and a.max() <= 1 and a.astype("f4").std() > 0.05
		END
	done
}

@test "determinism: the same command gives the same bytes, another seed others" {
	export OMP_NUM_THREADS=
	local common=(-q --threads 1)
	for n in 1 2 3; do
		((n < 3)) || common+=(--seed 1)
		fd2-teacher -a "$tiny_arch" "${common[@]}" -s 32 -M 2 -b 12 -e 1 -o t$n.fd2 \
			train.tar
		fd2-distill "${common[@]}" -t teacher.fd2 --steps 2 -o d$n.tar train.tar
		fd2-relabel "${common[@]}" -t teacher.fd2 -e 1 -o l$n.fd2 distilled.tar
		fd2-eval -a "$tiny_arch" "${common[@]}" --val val.tar -l labels.fd2 -o e$n.json \
			--save s$n.fd2 distilled.tar
	done
	for file in t?.fd2 d?.tar l?.fd2 e?.json s?.fd2; do
		case $file in
		?2.*) cmp "$file" "${file/2./1.}" ;;
		esac
	done
	cmp t1.fd2 t2.fd2
	run ! cmp -s <(fd2-look --tensor fc.weight t1.fd2) <(fd2-look --tensor fc.weight t3.fd2)
	run ! cmp -s <(tar xOf d1.tar red-spot/0001.jpg) <(tar xOf d3.tar red-spot/0001.jpg)
	run ! cmp -s <(fd2-look --tensor 0/boxes l1.fd2) <(fd2-look --tensor 0/boxes l3.fd2)
	run ! cmp -s <(fd2-look --tensor fc.weight s1.fd2) <(fd2-look --tensor fc.weight s3.fd2)
}

# A stage of the user's own in Python: it only knows msgpack, msgpack_numpy and the end record.
@test "swap a stage: Python sharpens the labels between fd2-relabel and fd2-eval" {
	need_python
	cat >sharpen.py <<-'END'
		import sys, zlib, msgpack, msgpack_numpy
		crc, count, out = 0, 0, sys.stdout.buffer
		def put(o):
		    global crc
		    b = msgpack.packb(o, default=msgpack_numpy.encode)
		    crc = zlib.crc32(b, crc)
		    out.write(b)
		decode = msgpack_numpy.decode
		for o in msgpack.Unpacker(sys.stdin.buffer, max_buffer_size=0, object_hook=decode):
		    if o.get("end"):
		        break
		    if o.get("name", "").endswith("/logits"):
		        o["value"] = (o["value"].astype("f4") * 4).astype("<f2")
		    count += "name" in o
		    put(o)
		else:
		    sys.exit("the labels are cut")
		out.write(msgpack.packb({"end": True, "count": count, "crc32": crc}))
	END
	fd2-eval -a "$tiny_arch" --val val.tar -l labels.fd2 distilled.tar >soft.json
	run -0 bash -c "set -o pipefail
		fd2-relabel -t teacher.fd2 -e 3 distilled.tar | '$python' sharpen.py |
			fd2-eval -a $tiny_arch --val val.tar distilled.tar"
	jq -e '.epochs == 3 and .images == 6 and .loss > 0' <<<"$output"
	[ "$(jq .loss <<<"$output")" != "$(jq .loss soft.json)" ]
	"$python" sharpen.py <labels.fd2 >sharp.fd2
	cmp <(fd2-look --tensor 0/ids labels.fd2) <(fd2-look --tensor 0/ids sharp.fd2)
}

@test "swap a stage: awk and tar choose real images in place of fd2-distill" {
	tar xf train.tar --one-top-level=real
	tar tf train.tar | grep '\.jpg$' |
		awk -F/ 'BEGIN { srand(7) } { print $1 "\t" rand() "\t" $0 }' | sort |
		awk -F'\t' 'seen[$1]++ < 2 { print $3 }' | sort | tar -C real -cf random.tar -T -
	[ "$(fd2-look --json random.tar | jq -c '[.samples, .classes["red-spot"]]')" = '[6,2]' ]
	run -0 --separate-stderr bash -c "set -o pipefail
		fd2-relabel -t teacher.fd2 -e 2 random.tar |
			fd2-eval -a $tiny_arch --data random --val val.tar random.tar"
	[ "$(jq -c '[.data, .images, .epochs]' <<<"$output")" = '["random",6,2]' ]
	[ -z "$stderr" ]
}
