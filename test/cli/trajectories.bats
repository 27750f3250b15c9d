#!/usr/bin/env bats
# fd2-expert, and what is distilled along its trajectories: fd2-match --method datm, fd2-eval
# --learned.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}

size=(-s 16)
expert=(fd2-expert -q --threads 1 "${size[@]}" -b 6 --lr 0.02)
datm=(fd2-match -q --threads 1 "${size[@]}" --method datm --experts experts.fd2 --steps 3
	--start-last 4)

# Two experts of six epochs, made once.
experts() {
	local made=$BATS_FILE_TMPDIR/experts.fd2
	[ -e "$made" ] || "${expert[@]}" -n 2 -e 6 -o "$made" train.tar
	ln "$made" experts.fd2
}

digest() {
	fd2-look --json "$1" | jq -r .digest
}

@test "trajectories: the weights of each expert after each epoch" {
	experts
	fd2-look --check experts.fd2
	fd2-look --json experts.fd2 >about
	jq -e --arg train "$(digest train.tar)" '.kind == "trajectories" and (.meta |
		.arch == "convnet3" and .size == 16 and .experts == 2 and .epochs == 6 and
		.classes == ["blue-ring", "gold-bar", "red-spot"] and .inputs.train == $train)' \
		about
	jq -r '.tensors[].name' about | cut -d/ -f 1,2 | uniq -c | awk '{ print $2, $1 }' >counts
	diff counts <(for e in 0 1; do for t in {0..6}; do echo "$e/$t 14"; done; done)
	# after no epoch they are as a student's begin; the experts differ, and so do the epochs
	fd2-eval -q --hard -a convnet3 "${size[@]}" -e 1 --val val.tar --save student.fd2 train.tar
	diff <(jq -r '.tensors[:14][] | "\(.name[4:]) \(.shape)"' about) \
		<(fd2-look --json student.fd2 | jq -r '.tensors[] | "\(.name) \(.shape)"')
	fd2-look --tensor 0/0/classifier.weight experts.fd2 >first
	run ! cmp -s first <(fd2-look --tensor 1/0/classifier.weight experts.fd2)
	run ! cmp -s first <(fd2-look --tensor 0/1/classifier.weight experts.fd2)
	# an expert is a function of the seed and its number
	"${expert[@]}" -n 1 -e 2 -o one.fd2 train.tar
	cmp <(fd2-look --tensor 0/2/classifier.weight one.fd2) \
		<(fd2-look --tensor 0/2/classifier.weight experts.fd2)
	run ! cmp -s <("${expert[@]}" -n 1 -e 2 --seed 1 train.tar) one.fd2
}

@test "trajectories: training is told, and options change what they name" {
	local option
	"${expert[@]}" -n 2 -e 4 --log log -o base.fd2 train.tar
	jq -r 'select(.event == "epoch") | [.expert, .epoch, .loss.ce, .train_top1] | @tsv' log \
		>epochs
	[ "$(cut -f 1,2 epochs | xargs)" = "0 1 0 2 0 3 0 4 1 1 1 2 1 3 1 4" ]
	awk '$2 == 1 { first = $3 } $2 == 4 { exit !($3 < 0.8 * first && $4 > 0.6) }' epochs
	for option in '--lr 0.03' '--decay' '--momentum 0.5' '--weight-decay 0.1' '-b 9' \
		'--augment flip' '--augment none' '--fit whole' '-a convnet4'; do
		# shellcheck disable=SC2086 # words
		"${expert[@]}" -n 1 -e 2 $option -o x.fd2 train.tar
		run ! cmp -s <(fd2-look --tensor 0/2/classifier.bias x.fd2) \
			<(fd2-look --tensor 0/2/classifier.bias base.fd2)
		rm x.fd2
	done
	# passes change nothing but rounding
	"${expert[@]}" -n 1 -e 1 --part 2 -o parts.fd2 train.tar
	{ fd2-look --tensor 0/1/classifier.bias parts.fd2
	fd2-look --tensor 0/1/classifier.bias base.fd2; } | xargs |
		awk '{ for (i = 1; i < 4; i++) off += ($i - $(i + 3)) ^ 2 }
			END { exit !(NF == 6 && off < 1e-10) }'
	run -0 --separate-stderr "${expert[@]}" -n 7 -e 50 --dry-run -o y.fd2 train.tar
	[ "${lines[0]}" = "work    7 experts, convnet3, each for 50 epochs of 36 photographs of 3 \
classes" ]
	[[ ${lines[1]} =~ ^"time    about "[0-9:]+": 2100 steps of "[0-9.e+]+" ms"$ ]]
	[ -z "$(find . -name 'y*')" ]
}

@test "trajectories: stopped and killed runs of experts go on to the same bytes" {
	local run=("${expert[@]}" -n 2 -e 6 --momentum 0.9) pid status=0
	"${run[@]}" -o whole.fd2 train.tar
	"${run[@]}" -e 100000 -o x.fd2 train.tar 3>&- 2>why &
	pid=$!
	until [ -s x.fd2.part ]; do sleep 0.02; done
	kill -TERM $pid
	wait $pid || status=$?
	[ "$status" = 143 ]
	grep -qE "^fd2-expert: stopped by SIGTERM: 'x.fd2.ckpt' has the state after 0 of 2 \
experts, [0-9]+ epochs and [0-9]+ steps; go on with --resume$" why
	[ ! -e x.fd2 ]
	run -1 --separate-stderr "${run[@]}" -e 100000 -o x.fd2 train.tar
	said "fd2-expert: 'x.fd2.ckpt' is the state of an interrupted run: go on with --resume," \
		"or remove it"
	run -1 --separate-stderr "${run[@]}" --resume -o x.fd2 train.tar
	said "fd2-expert: cannot resume: 'x.fd2.ckpt' was made with --epochs 100000, not with" \
		"--epochs 6"
	run -0 --separate-stderr "${run[@]}" -e 100000 --dry-run --resume -o x.fd2 train.tar
	[[ ${lines[1]} =~ ": "([0-9]+)" steps of " ]]
	((BASH_REMATCH[1] < 2 * 100000 * 6))
	mv x.fd2.part whole.part
	tr '\200' '\201' <whole.part >x.fd2.part
	run -1 --separate-stderr "${run[@]}" -e 100000 --resume -o x.fd2 train.tar
	said "fd2-expert: cannot resume: *x.fd2.part*"
	rm x.fd2.part
	run -1 --separate-stderr "${run[@]}" -e 100000 --resume -o x.fd2 train.tar
	said "fd2-expert: 'x.fd2.part' lacks the weights that 'x.fd2.ckpt' goes on from; remove" \
		both
	"${run[@]}" -e 100000 --seed 3 -o other.fd2 train.tar 3>&- 2>why &
	pid=$!
	until [ -s other.fd2.part ]; do sleep 0.02; done
	kill -KILL $pid
	wait $pid || true
	mv other.fd2.part x.fd2.part
	run -1 --separate-stderr "${run[@]}" -e 100000 --resume -o x.fd2 train.tar
	said "fd2-expert: cannot resume: 'x.fd2.part' was made with --seed 3, not with --seed 0"
	rm x.fd2.part
	# killed after FILE had its name, before the state was removed
	cp whole.fd2 x.fd2
	run -0 --separate-stderr "${run[@]/-q/--threads=1}" --resume -o x.fd2 train.tar
	said "fd2-expert: 'x.fd2' is up to date"
	[ ! -e x.fd2.ckpt ]
	touch -d 2000-01-01 mark
	local signal
	for signal in KILL TERM; do
		"${run[@]}" --checkpoint-every 1 --resume -o y.fd2 train.tar 3>&- 2>/dev/null &
		pid=$!
		until [ -e y.fd2 ] || [ y.fd2.ckpt -nt mark ]; do sleep 0.02; done
		kill -$signal $pid
		wait $pid || true
		[ ! -e y.fd2 ]
		touch mark
	done
	"${run[@]}" --resume -o y.fd2 train.tar
	cmp whole.fd2 y.fd2
	[ -z "$(find . -name 'y.fd2.*')" ]
	run -0 --separate-stderr "${run[@]/-q/--threads=1}" --resume -o y.fd2 train.tar
	said "fd2-expert: 'y.fd2' is up to date"
	run -1 --separate-stderr "${run[@]}" --lr 0.5 --resume -o y.fd2 train.tar
	said "fd2-expert: 'y.fd2' was made with --lr 0.02, not with --lr 0.5; remove it, or leave" \
		"--resume out"
}

@test "trajectories: images, soft labels and step size, and the start that experts choose" {
	experts
	"${datm[@]}" -n 2 --iterations 0 --pixels f16 -o start.tar train.tar
	[ "$(tar tf start.tar | head -5 | xargs)" = "blue-ring/0001.jpg blue-ring/0001.cls \
blue-ring/0001.npy blue-ring/0001.json gold-bar/0001.jpg" ]
	tar xOf start.tar __fd2__ | jq -e '.student_lr - 0.01 | fabs < 1e-6'
	tar xOf start.tar __fd2__ | jq -e --arg real "$(digest train.tar)" \
		--arg experts "$(digest experts.fd2)" '.count == 6 and
		.inputs == {real: $real, experts: [$experts]} and (.options |
		[.method, .arch, .steps, ."start-first", ."start-upper", ."start-last"] ==
		["datm", "convnet3", 3, 0, 4, 4])'
	# each is one of the photographs, and its label is of its class
	tar xf start.tar --exclude '__*__' --one-top-level=start
	fd2-match -q "${size[@]}" -n 12 --iterations 0 --pixels f16 -o all.tar train.tar
	tar xf all.tar --exclude '__*__' --one-top-level=all
	local class k=0 file
	for class in blue-ring gold-bar red-spot; do
		for file in "start/$class"/*.npy; do
			sha256sum all/$class/*.npy | cut -d' ' -f 1 |
				grep -qx "$(sha256sum "$file" | cut -d' ' -f 1)"
		done
		jq -es --argjson k $k 'length == 2 and all(.soft_label |
			(length == 3) and (add - 1 | fabs < 1e-5) and (index(max) == $k))' \
			start/$class/*.json
		k=$((k + 1))
	done
	# what is learned moves
	"${datm[@]}" -n 2 --iterations 3 --log log --log-every 1 -o x.tar train.tar
	fd2-look --check x.tar
	tar xf x.tar --exclude '__*__' --one-top-level=x
	run ! cmp -s {start,x}/red-spot/0001.jpg
	run ! cmp -s {start,x}/red-spot/0001.json
	jq -s '[.[] | select(.event == "iteration")]' log >iterations
	jq -e 'map(.iteration) == [1, 2, 3] and all(.[]; .loss.datm > 0 and .loss.datm < 1) and
		all(.[]; .start_epoch >= 0 and .start_epoch < 4 and .expert < 2) and
		(map(.student_lr) | unique | length) == 3 and
		(map(.expert) | unique | length) == 2' iterations
	[ "$(jq '.[2].student_lr' iterations | cut -c -7)" = \
		"$(tar xOf x.tar __fd2__ | jq .student_lr | cut -c -7)" ]
	"${datm[@]}" -n 2 --iterations 3 -o again.tar train.tar
	cmp x.tar again.tar
}

@test "trajectories: options of the student change what they name" {
	experts
	local base option one=("${datm[@]}" -n 2 --iterations 2)
	"${one[@]}" -o base.tar train.tar
	base=$(digest base.tar)
	for option in '--steps 2' '--expert-epochs 1' '--student-batch 4' '--start-first 3' \
		'--start-last 1' '--lr 1' '--lr-labels 1' '--lr-net 0.02' '--augment none' \
		'--seed 1'; do
		# shellcheck disable=SC2086 # words
		"${one[@]}" $option -o x.tar train.tar
		[ "$(digest x.tar)" != "$base" ]
	done
	[ "$(tar xOf base.tar __fd2__ | jq .student_lr)" != \
		"$("${one[@]}" --lr-step 0.001 train.tar | tar xO __fd2__ | jq .student_lr)" ]
	# a threshold below every loss changes nothing
	"${one[@]}" --iterations 0 -o start.tar train.tar
	run -0 --separate-stderr "${one[@]/-q/--threads=1}" --threshold 0.01 -o x.tar train.tar
	said "fd2-match: 2 iterations had a loss above --threshold 0.01 and changed nothing"
	[ "$(digest x.tar)" = "$(digest start.tar)" ]
	# where students start: before epoch 1 in the first iterations, then ever later
	"${datm[@]}" --steps 1 --start-upper 1 --start-last 5 --start-growth 16 --iterations 40 \
		--log log --log-every 1 -o x.tar train.tar
	jq -r 'select(.event == "iteration") | .start_epoch' log >starts
	[ "$(head -4 starts | sort -u)" = 0 ]
	awk 'NR <= 16 && $1 > (NR - 1) / 4 { exit 1 } NR > 16 { seen[$1]++ }
		END { exit length(seen) != 5 }' starts
	run -0 --separate-stderr "${one[@]}" --iterations 70 --dry-run -o y.tar train.tar
	[ "${lines[0]}" = "work    6 images of 3 classes by datm in convnet3, 70 iterations with \
3 steps along 2 experts" ]
	[ -z "$(find . -name 'y.*')" ]
}

@test "trajectories: stopped runs of fd2-match go on to the same bytes" {
	experts
	local run=("${datm[@]}" -n 2 --iterations 12)
	killed() { # FILE OPTION...
		"${run[@]}" --checkpoint-every 1 -o "$@" train.tar 3>&- &
		local pid=$!
		until [ -e "$1.ckpt" ] || [ -e "$1" ]; do sleep 0.02; done
		kill -KILL $pid
		wait $pid || true
		[ ! -e "$1" ]
	}
	"${run[@]}" -o whole.tar train.tar
	killed x.tar --resume
	"${expert[@]}" -n 2 -e 6 --seed 4 -o other.fd2 train.tar
	run -1 --separate-stderr "${run[@]/experts.fd2/other.fd2}" --resume -o x.tar train.tar
	said "fd2-match: cannot resume: 'x.tar.ckpt' was made from other inputs (experts)"
	"${run[@]}" --resume -o x.tar train.tar
	cmp whole.tar x.tar
	[ ! -e x.tar.ckpt ]
	# iterations that changed nothing are counted over both runs
	killed z.tar --threshold 0.01
	run -0 --separate-stderr "${run[@]/-q/--threads=1}" --threshold 0.01 --resume -o z.tar \
		train.tar
	[ "${stderr_lines[1]}" = "fd2-match: 12 iterations had a loss above --threshold 0.01 and \
changed nothing" ]
	# several files are one set of experts
	"${datm[@]}" --experts other.fd2 --iterations 8 --log log --log-every 1 -o y.tar train.tar
	[ "$(jq 'select(.event == "iteration") | .expert' log | sort -u | xargs)" = "0 1 2 3" ]
	run -0 tar xOf y.tar __fd2__
	jq -e '.inputs.experts | length == 2' <<<"$output"
}

@test "trajectories: experts that do not fit are refused" {
	experts
	local use=(fd2-match -q --method datm --experts experts.fd2)
	run -1 --separate-stderr "${use[@]}" -s 32 -o x.tar train.tar
	said "fd2-match: 'experts.fd2' has experts for images of 16 pixels, not of 32"
	run -1 --separate-stderr "${use[@]}" "${size[@]}" -a convnet4 -o x.tar train.tar
	said "fd2-match: 'experts.fd2' has experts of convnet3, not of convnet4"
	run -1 --separate-stderr "${use[@]}" "${size[@]}" --fit whole -o x.tar train.tar
	said "fd2-match: 'experts.fd2' has experts for photographs fitted by --fit short, not whole"
	run -1 --separate-stderr "${use[@]}" "${size[@]}" -o x.tar train.tar
	said "fd2-match: the experts have 6 epochs, but --start-last 20 and --expert-epochs 2" \
		"need 21"
	run -1 --separate-stderr "${datm[@]}" -n 13 -o x.tar train.tar
	said "fd2-match: class 'blue-ring' has 12 images, but --ipc needs 13"
	"${expert[@]}" -n 1 -e 5 --lr 0 -o random.fd2 train.tar
	run -1 --separate-stderr "${datm[@]/experts.fd2/random.fd2}" -n 12 -o x.tar train.tar
	said "fd2-match: the experts classify * of the 12 photographs of class * correctly, but" \
		"--ipc needs 12; train them longer"
	run -1 --separate-stderr "${datm[@]}" --classes 0 -o x.tar train.tar
	said "fd2-match: --classes is not for datm, whose students learn all classes"
	run -1 --separate-stderr "${datm[@]}" --inner 2 -o x.tar train.tar
	said "fd2-match: --outer and --inner are not for datm, which has no rounds"
	run -2 --separate-stderr "${datm[@]}" --init noise -o x.tar train.tar
	[ "${stderr_lines[0]}" = "fd2-match: --init is for --method dm and dsa" ]
	run -1 --separate-stderr "${datm[@]}" --lr-net 100 --steps 20 -o x.tar train.tar
	said "fd2-match: the loss is not finite in iteration 1; try a smaller --lr-net"
	run -1 --separate-stderr "${datm[@]}" --lr-step 50 --iterations 9 -o x.tar train.tar
	said "fd2-match: the step size of students is -* after iteration *; try a smaller --lr-step"
	tar xf train.tar --exclude '__*__'
	mv red-spot crimson-spot
	tar --sort=name -cf renamed.tar blue-ring gold-bar crimson-spot
	run -1 --separate-stderr "${datm[@]}" -o x.tar renamed.tar
	said "fd2-match: classes differ: class 1 is 'gold-bar' in 'experts.fd2' and" \
		"'crimson-spot' in the shards"
	local bytes
	for bytes in 40 20000 $(($(stat -Lc %s experts.fd2) - 20)); do
		head -c "$bytes" experts.fd2 >cut.fd2
		run -1 --separate-stderr "${datm[@]/experts.fd2/cut.fd2}" -o x.tar train.tar
		said "fd2-match: 'cut.fd2' is cut short: its end record is missing"
	done
	run -1 --separate-stderr "${datm[@]/experts.fd2/pipe}" -o x.tar train.tar
	said "fd2-match: cannot open 'pipe': No such file or directory"
	mkfifo pipe
	run -1 --separate-stderr "${datm[@]/experts.fd2/pipe}" -o x.tar train.tar
	said "fd2-match: 'pipe' is a pipe, but experts are read again and again"
	[ -z "$(find . -name 'x*')" ]
}

@test "trajectories: students learn the images' soft labels at the learned rate" {
	experts
	"${datm[@]}" -n 2 --iterations 2 -o set.tar train.tar
	local learn=(fd2-eval -q --threads 1 --learned "${size[@]}" -e 2 --val val.tar) rate
	rate=$(tar xOf set.tar __fd2__ | jq .student_lr)
	run -0 --separate-stderr "${learn[@]}" -a convnet3 -a "$tiny_arch" --optimizer sgd \
		--siamese --schedule step --log log set.tar
	jq -es --argjson rate "$rate" 'map(.arch) == ["convnet3", "'"$tiny_arch"'"] and
		all(.labels == "learned" and .label_bytes == 6 * 3 * 4 and
		(.lr / $rate - 1 | fabs < 1e-5))' <<<"$output"
	jq -es --argjson rate "$rate" '[.[] | select(.event == "epoch" and .student == 0)] |
		(map(.loss | keys[0]) == ["ce", "ce"]) and (.[0].lr / $rate - 1 | fabs < 1e-5) and
		(.[1].lr * 10 / $rate - 1 | fabs < 1e-5)' log
	[ "$("${learn[@]}" -a convnet3 set.tar | jq .lr)" = 0.001 ]
	[ "$("${learn[@]}" -a convnet3 --optimizer sgd --lr 0.3 set.tar | jq .lr)" = 0.3 ]
	# other labels, another student; without a rate it is 0.01
	tar xf set.tar --exclude '__*__'
	local one=("${learn[@]}" -a convnet3 --optimizer sgd --no-augment)
	tar --sort=name -cf plain.tar blue-ring gold-bar red-spot
	[ "$("${one[@]}" plain.tar | jq .lr)" = 0.01 ]
	"${one[@]}" plain.tar | jq -c '[.loss, .nll]' >plain
	echo '{"soft_label": [0.1, 0.1, 0.8]}' >blue-ring/0001.json
	tar --sort=name -cf other.tar blue-ring gold-bar red-spot
	run ! cmp -s plain <("${one[@]}" other.tar | jq -c '[.loss, .nll]')
	# one-hot labels are the classes
	local k=0 class
	for class in blue-ring gold-bar red-spot; do
		jq -nc --argjson k $k '{soft_label: [range(3) | if . == $k then 1 else 0 end]}' |
			tee $class/000{1,2}.json >/dev/null
		k=$((k + 1))
	done
	tar --sort=name -cf hot.tar blue-ring gold-bar red-spot
	diff <("${one[@]}" hot.tar | jq -c '[.loss, .nll, .top1]') \
		<("${one[@]/--learned/--hard}" hot.tar | jq -c '[.loss, .nll, .top1]')
	# what is no soft label
	local wrong
	while IFS=$'\t' read -r json wrong; do
		echo "$json" >gold-bar/0002.json
		tar --sort=name -cf wrong.tar blue-ring gold-bar red-spot
		run -1 --separate-stderr "${learn[@]}" wrong.tar
		said "fd2-eval: cannot read 'wrong.tar': member 'gold-bar/0002'$wrong"
	done <<-'END'
		{}	: it has no soft_label
		[1]	: it has no soft_label
		{"soft_label": [1, 0]}	 has a soft label of 2 classes, and others of 3
		{"soft_label": [1, 1, 0]}	: its soft_label has the sum 2, not 1
		{"soft_label": [1, -1, 1]}	: entry 1 of its soft_label is not a probability
		{"soft_label": [1, "0", 0]}	: entry 1 of its soft_label is not a probability
	END
	yes '[],' | head -c 5000000 >gold-bar/0002.json
	tar --sort=name -cf wrong.tar blue-ring gold-bar red-spot
	run -1 --separate-stderr "${learn[@]}" wrong.tar
	said "fd2-eval: cannot read 'wrong.tar': member 'gold-bar/0002': its .json is larger than" \
		"4 MiB"
	rm -r gold-bar red-spot/*
	cp blue-ring/* red-spot
	tar --sort=name -cf two.tar blue-ring red-spot
	run -1 --separate-stderr "${learn[@]}" two.tar
	said "fd2-eval: the soft labels are of 3 classes, and the set has 2"
}
