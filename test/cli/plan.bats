#!/usr/bin/env bats
# --dry-run: what there is to do, and that nothing is written.

bats_require_minimum_version 1.5.0
load helpers

# bats writes to the folder of the test
setup() {
	fd2_setup
	mkdir in
	cd in || return
}

# dry TOOL OPTION...: its plan in $lines; no file is written or changed
dry() {
	find . -printf '%p %s %T@\n' | sort >"$BATS_TEST_TMPDIR.before"
	run -0 --separate-stderr "$1" --dry-run "${@:2}"
	find . -printf '%p %s %T@\n' | sort | diff "$BATS_TEST_TMPDIR.before" -
	mapfile -t lines < <(grep -v '^preset ' <<<"$output")
	[ "${#lines[@]}" = 4 ]
	[[ ${lines[2]} =~ ^"memory  "[0-9.]+" MB"$ ]]
}

# takes PARTS: the plan's second line, each number of milliseconds as N
takes() {
	local ms='[0-9.e+-]+ ms'
	[ "$(sed -E "s/ of $ms/ of N/g; s/about [0-9:]+:/about T:/" <<<"${lines[1]}")" = \
		"time    about T: $1" ]
}

# about FILE: the plan's last line is its size, within a tenth
about() {
	local size unit
	read -r _ _ size unit <<<"${lines[3]}"
	awk -v said="$size" -v unit="$unit" -v is="$(stat -Lc %s "$1")" 'BEGIN {
		said *= unit == "kB" ? 1e3 : 1e6
		exit !(said > 0.9 * is && said < 1.1 * is)
	}'
}

@test "plan: a teacher" {
	tiny_run
	dry fd2-teacher -a "$tiny_arch" -s 32 -M 2 -b 10 -e 4 --val val.tar -o t.fd2 train.tar
	[[ ${lines[0]} == "work    4 epochs of 36 images of 3 classes, in batches of 10; "* ]]
	takes "16 steps of N, 48 held-out images of N"
	about teacher.fd2
}

@test "plan: distilled images" {
	tiny_run
	dry fd2-distill -t teacher.fd2 --method sre2l++ --steps 30 -n 6 --crops 2 -o x.tar train.tar
	[[ ${lines[0]} == "work    18 images (3 classes, 6 index batches) by sre2l++ with FD2, "* ]]
	[[ ${lines[0]} == *", each in 30 steps in 1 phase" ]]
	# 12 photographs of 2 crops are the 24 that 6 mosaics need
	takes "72 crops of N, 180 steps of N"
	dry fd2-distill -t teacher.fd2 --method fadrm+ --steps 8 -g 2 -n 4 --indices-per-pass 2 \
		--init noise --classes 0-1 --batch 2
	takes "32 steps of N"
	dry fd2-distill -t teacher.fd2 --steps 8 -n 4 --init herding --init-share 0.5 --crops 1 \
		-o x.tar train.tar
	takes "36 crops of N, 36 photographs of N, 32 steps of N"
	local photographs=(fd2-distill -t teacher.fd2 --steps 0 -n 2 --init confidence)
	"${photographs[@]}" -q -o photographs.tar train.tar
	dry "${photographs[@]}" train.tar
	takes "36 photographs of N"
	about photographs.tar
	dry fd2-distill -t teacher.fd2 --steps 0 -n 2 --init-images distilled.tar
	about distilled.tar
}

@test "plan: images that steps have roughened" {
	tiny_run
	local options
	for options in "--method sre2l++ --steps 30 --crops 1 --quality 100" \
		"--method fadrm --steps 12 --crops 1" "--method sre2l --steps 6"; do
		# shellcheck disable=SC2086 # words
		fd2-distill -q -t teacher.fd2 $options -o x.tar train.tar
		# shellcheck disable=SC2086
		dry fd2-distill -t teacher.fd2 $options train.tar
		about x.tar
	done
}

@test "plan: labels" {
	tiny_run
	dry fd2-relabel -t teacher.fd2 -t other.fd2 -e 10 -b 4 --label-fraction 0.5 distilled.tar
	takes "10 batches of N"
	dry fd2-relabel -t teacher.fd2 -e 3 distilled.tar
	about labels.fd2
}

@test "plan: students" {
	tiny_run
	local eval=(fd2-eval -a convnet3 -a "$tiny_arch" --val val.tar)
	dry "${eval[@]}" -l labels.fd2 -o r.json distilled.tar
	takes "3 steps of N, 12 held-out images of N"
	dry "${eval[@]}" --hard -s 32 -b 4 -e 7 --val-every 2 --test train.tar distilled.tar
	takes "14 steps of N, 120 held-out images of N"
	local epochs validations
	while read -r epochs validations; do # by default
		dry "${eval[@]}" --hard -s 32 -b 6 -e "$epochs" distilled.tar
		takes "$epochs steps of N, $((12 * validations)) held-out images of N"
	done <<<$'25 3\n300 10'
}

# nothing_left TOOL OPTION...: makes x, and a dry run to resume it says so and leaves it
nothing_left() {
	"$1" -q "${@:2}" -o x
	find . -printf '%p %s %T@\n' | sort >"$BATS_TEST_TMPDIR.before"
	[ -z "$("$1" --dry-run --resume "${@:2}" -o x 2>"$BATS_TEST_TMPDIR.said")" ]
	grep -x "$1: 'x' is up to date" "$BATS_TEST_TMPDIR.said"
	find . -printf '%p %s %T@\n' | sort | diff "$BATS_TEST_TMPDIR.before" -
	rm x
}

@test "plan: of a finished run there is nothing left" {
	tiny_run
	nothing_left fd2-teacher -a convnet3 -s 32 -M 2 -b 12 -e 1 train.tar
	nothing_left fd2-eval -a convnet3 --hard -s 32 -e 1 --val val.tar distilled.tar
	nothing_left fd2-distill -t teacher.fd2 --steps 1 train.tar
	nothing_left fd2-relabel -t teacher.fd2 -e 1 distilled.tar
	nothing_left fd2-match -s 16 --iterations 1 train.tar
	nothing_left fd2-expert -s 16 -n 1 -e 1 train.tar
}

@test "plan: of interrupted images only what is left" {
	tiny_run
	local run=(fd2-distill -t teacher.fd2 -n 4 -g 2 --batch 1 --steps 5 -o x.tar train.tar)
	"${run[@]}" -q
	mv x.tar whole.tar
	head -c 20000 whole.tar >x.tar.part # five of twelve images
	dry "${run[@]}" --resume
	takes "36 photographs of N, 35 steps of N"
	about whole.tar
	local block
	block=$(tar -tRf whole.tar | sed -n 's/^block \([0-9]*\): red-spot.0004.jpg$/\1/p')
	head -c $((512 * block)) whole.tar >x.tar.part # only that class needs its photographs
	dry "${run[@]}" --resume
	takes "12 photographs of N, 5 steps of N"
	cp whole.tar x.tar.part
	dry "${run[@]}" --resume
	takes "0 photographs of N, 0 steps of N"
	run -1 --separate-stderr "${run[@]}" --dry-run --resume --lr 1
	said "fd2-distill: 'x.tar.part' was made with --lr 0.02, not with --lr 1.0; give the same" \
		"settings, or remove it"
	run -1 --separate-stderr "${run[@]}" --dry-run
	said "fd2-distill: 'x.tar.part' holds 12 images of an interrupted run: go on with" \
		"--resume, or remove it"
}

@test "plan: of an interrupted index batch only the steps that are left" {
	tiny_run
	local run=(fd2-distill -t teacher.fd2 --steps 3000 -o x.tar train.tar) pid taken
	"${run[@]}" -q --checkpoint-every 1 3>&- &
	pid=$!
	until [ -e x.tar.ckpt ]; do sleep 0.02; done
	kill -KILL $pid
	wait $pid || true
	taken=$(fd2-look --json x.tar.ckpt | jq .meta.state.step)
	dry "${run[@]}" --resume
	takes "36 photographs of N, $((3000 - taken)) steps of N"
}

@test "plan: of interrupted labels only what is left" {
	tiny_run
	local run=(fd2-relabel -t teacher.fd2 -b 4 -e 10 -o x distilled.tar) epochs
	"${run[@]}" -q
	head -c -1 x >x.part
	mv x whole
	dry "${run[@]}" --resume
	takes "0 batches of N"
	head -c 3000 whole >x.part
	cp x.part copy.part
	epochs=$("${run[@]}" -o copy --resume 2>&1 |
		sed -n 's/.*resumed after epoch \([0-9]*\).*/\1/p')
	dry "${run[@]}" --resume
	takes "$((20 - 2 * epochs)) batches of N"
	about whole
}

@test "plan: --verbose names the work before it begins" {
	tiny_run
	run -0 --separate-stderr fd2-relabel -v -t teacher.fd2 -e 1 -o l.fd2 distilled.tar
	[[ ${stderr_lines[0]} == "fd2-relabel: 1 epoch of labels of 6 images"*" 1 batch of 6" ]]
}
