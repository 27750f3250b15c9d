#!/usr/bin/env bats
# fd2-match: sets by matching. What they start from and do not depend on, and what is refused.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}

# The methods that compare class by class, as options; trajectories.bats has the other.
methods=('dm' 'dsa --inner 2')
match=(fd2-match -q --threads 1 -s 32 --real 6)

# pictures SHARD FOLDER: its images as files
pictures() {
	tar xf "$1" --exclude '__*__' --one-top-level="$2"
}

@test "match: images per class, their names, and what the shard says of them" {
	local method run
	for method in "${methods[@]}"; do
		# shellcheck disable=SC2206 # words
		run=("${match[@]}" --method $method)
		method=${method%% *}
		"${run[@]}" -n 2 --iterations 2 -o "$method.tar" train.tar
		fd2-look --check "$method.tar"
		[ "$(tar tf "$method.tar" | head -7 | xargs)" = "blue-ring/0001.jpg \
blue-ring/0001.cls gold-bar/0001.jpg gold-bar/0001.cls red-spot/0001.jpg red-spot/0001.cls \
blue-ring/0002.jpg" ]
		tar xOf "$method.tar" __fd2__ | jq -e --arg m "$method" \
			--arg real "$(fd2-look --json train.tar | jq -r .digest)" \
			'.tool == "fd2-match" and .count == 6 and .size == 32 and
			.inputs.real == $real and (.options |
			[.method, .arch, .iterations, .classes] == [$m, "convnet3", 2, [0, 2]])'
		run -0 --separate-stderr fd2-eval --hard -a convnet3 -s 32 -e 1 --val val.tar \
			"$method.tar"
		jq -e '.images == 6 and .labels == "hard"' <<<"$output"
	done
	[ "$(fd2-match --list-options | sed -n 's/^--method\t//p')" = "dm|dsa|datm" ]
	run ! cmp -s dm.tar dsa.tar
}

# started OPTION... SHARD: digests of the initial images' pixels, in any order
started() {
	"${match[@]}" -n 2 --iterations 0 --pixels f16 "$@" |
		tar x --wildcards '*.npy' --to-command=sha256sum | sort
}

@test "match: without iterations they are the photographs that fd2-select chooses" {
	fd2-select -q -n 2 -o random.tar train.tar
	fd2-select -q -n 2 --seed 1 -o other.tar train.tar
	started train.tar >start
	[ "$(sort -u start | wc -l)" = 6 ]
	diff start <(started random.tar)
	run ! cmp -s start <(started other.tar)
	diff <(started --seed 1 train.tar) <(started --seed 1 other.tar)
	run ! cmp -s start <(started --init noise train.tar)
}

@test "match: the same bytes again, and from shards in another order" {
	local method run
	for method in "${methods[@]}"; do
		# shellcheck disable=SC2206 # words
		run=("${match[@]}" --method $method -n 2 --iterations 2)
		"${run[@]}" -o one.tar train.tar
		"${run[@]}" -o again.tar train.tar
		cmp one.tar again.tar
		run ! cmp -s one.tar <("${run[@]}" --seed 1 train.tar)
	done
	tar xf train.tar --exclude '__*__' --one-top-level=real
	(cd real && printf '%s\n' */*.jpg | sort -r | tar cf ../backwards.tar -T -)
	"${match[@]}" --iterations 2 -o one.tar train.tar
	"${match[@]}" --iterations 2 -o backwards-one.tar backwards.tar
	pictures one.tar one
	pictures backwards-one.tar two
	diff -r --exclude '*.cls' one two
}

@test "match: classes by themselves are those of the whole run" {
	local k logged=(--log-every 1 --log)
	"${match[@]}" -n 2 --iterations 3 "${logged[@]}" whole.log -o whole.tar train.tar
	pictures whole.tar whole
	for k in 0 1-2; do
		"${match[@]}" -n 2 --iterations 3 --classes $k "${logged[@]}" $k.log -o part.tar \
			train.tar
		pictures part.tar parts
	done
	diff -r whole parts
	# a loss is the mean over the classes
	jq -es 'map(select(.event == "iteration").loss.dm) | length == 9 and
		all(range(3) as $i | (.[$i] * 3 - .[$i + 3] - 2 * .[$i + 6]) / .[$i];
			fabs < 1e-5)' whole.log 0.log 1-2.log
	run -1 --separate-stderr "${match[@]}" --classes 3 train.tar
	said "fd2-match: --classes starts at 3, but there are 3 classes (0-2)"
	run -1 --separate-stderr "${match[@]}" --classes 1-3 train.tar
	said "fd2-match: --classes ends at 3, but there are 3 classes (0-2)"
	"${match[@]}" --method dsa --iterations 2 -o whole.tar train.tar
	"${match[@]}" --method dsa --iterations 2 --classes 1 -o part.tar train.tar
	cmp <(tar xOf whole.tar gold-bar/0001.jpg) <(tar xOf part.tar gold-bar/0001.jpg)
	run -1 --separate-stderr "${match[@]}" --method dsa -n 2 --classes 1 train.tar
	said "fd2-match: --classes needs --outer 1: between rounds the network is trained on the" \
		"images of all classes"
}

@test "match: options change what they name" {
	local base option n
	"${match[@]}" --iterations 2 -o base.tar train.tar
	base=$(fd2-look --json base.tar | jq -r .digest)
	for option in '--real 3' '--augment flip' '--augment none' '--lr 0.5' '--momentum 0' \
		'--init noise' '--fit whole' '-a convnet4' '--quality 50'; do
		# shellcheck disable=SC2086 # words
		"${match[@]}" --iterations 2 $option -o x.tar train.tar
		[ "$(fd2-look --json x.tar | jq -r .digest)" != "$base" ]
	done
	local dsa=(--method dsa -n 2 --inner 3 --iterations 1)
	"${match[@]}" "${dsa[@]}" -o base.tar train.tar
	base=$(fd2-look --json base.tar | jq -r .digest)
	for option in '--outer 3' '--inner 1' '--lr-net 0.5'; do
		# shellcheck disable=SC2086 # words
		"${match[@]}" "${dsa[@]}" $option -o x.tar train.tar
		[ "$(fd2-look --json x.tar | jq -r .digest)" != "$base" ]
	done
	# a loss is the mean over the rounds, here of one network, of all photographs
	for n in 2 3; do
		"${match[@]}" "${dsa[@]}" --real 12 --augment none --lr 0 --lr-net 0 --outer $n \
			--log rounds.log --log-every 1 -o x.tar train.tar
	done
	jq -es 'map(select(.event == "iteration").loss.dsa) |
		length == 2 and (.[1] / .[0] - 1 | fabs < 1e-4)' rounds.log
	# rounds and epochs by images per class
	for n in 1 3 20; do
		"${match[@]}" --method dsa --iterations 0 --init noise -n $n train.tar |
			tar xO __fd2__ | jq -c '.options | [.outer, .inner]'
	done >rounds
	[ "$(xargs <rounds)" = "[1,0] [3,50] [20,25]" ]
	"${match[@]}" --iterations 2 --pixels f16 -o f16.tar train.tar
	[ "$(tar tf f16.tar | grep -c '\.npy$')" = 3 ]
	# the loss falls, and the log has every iteration that was asked for
	"${match[@]}" --iterations 30 --augment none --log log --log-every 5 -o x.tar train.tar
	jq -r 'select(.event == "iteration") | "\(.iteration) \(.loss.dm)"' log >losses
	[ "$(cut -d' ' -f 1 losses | xargs)" = "1 5 10 15 20 25 30" ]
	awk 'NR == 1 { first = $2 } END { exit !($2 < 0.7 * first) }' losses
}

@test "match: killed and stopped runs go on to the same bytes" {
	local method run pid
	for method in "${methods[@]}"; do
		# shellcheck disable=SC2206 # words
		run=("${match[@]}" --method $method -n 2 --iterations 5)
		"${run[@]}" -o whole.tar train.tar
		"${run[@]}" --checkpoint-every 1 --resume -o x.tar train.tar 3>&- &
		pid=$!
		until [ -e x.tar.ckpt ] || [ -e x.tar ]; do sleep 0.02; done
		kill -KILL $pid
		wait $pid || true
		[ ! -e x.tar ]
		run -1 --separate-stderr "${run[@]}" -o x.tar train.tar
		said "fd2-match: 'x.tar.ckpt' is the state of an interrupted run: go on with" \
			"--resume, or remove it"
		run -1 --separate-stderr "${run[@]}" --lr 3 --resume -o x.tar train.tar
		said "fd2-match: cannot resume: 'x.tar.ckpt' was made with --lr *, not with --lr 3*"
		run -1 --separate-stderr "${run[@]}" --resume -o x.tar val.tar
		said "fd2-match: cannot resume: 'x.tar.ckpt' was made from other inputs (real)"
		"${run[@]}" --resume -o x.tar train.tar
		cmp whole.tar x.tar
		[ ! -e x.tar.ckpt ]
		rm x.tar
	done
	"${match[@]}" --iterations 100000 --checkpoint-every 1 -o y.tar train.tar 3>&- 2>why &
	pid=$!
	until [ -e y.tar.ckpt ]; do sleep 0.02; done
	kill -TERM $pid
	local status=0
	wait $pid || status=$?
	[ "$status" = 143 ]
	grep -qE "^fd2-match: stopped by SIGTERM: 'y.tar.ckpt' has the images after [0-9]+ of \
100000 iterations; go on with --resume$" why
	[ -e y.tar.ckpt ]
}

@test "match: what is made is not made again" {
	"${match[@]}" --iterations 1 --resume -o x.tar train.tar
	local inode
	inode=$(stat -c %i x.tar)
	run -0 --separate-stderr "${match[@]/-q/--threads=1}" --iterations 1 --resume -o x.tar \
		train.tar
	said "fd2-match: 'x.tar' is up to date"
	[ "$(stat -c %i x.tar)" = "$inode" ]
	run -1 --separate-stderr "${match[@]}" --iterations 2 --resume -o x.tar train.tar
	said "fd2-match: 'x.tar' was made with --iterations 1, not with --iterations 2; remove" \
		"it, or leave --resume out"
}

@test "match: what does not go together is refused" {
	run -2 --separate-stderr "${match[@]}" --resume train.tar
	[ "${stderr_lines[0]}" = \
		"fd2-match: --resume needs a file to go on with: give it with -o" ]
	run -2 --separate-stderr "${match[@]}" --augment none --augment flip train.tar
	[ "${stderr_lines[0]}" = "fd2-match: --augment none goes without other augmentations" ]
	run -2 --separate-stderr "${match[@]}" --dtype f32 train.tar
	[[ ${stderr_lines[0]} == "fd2-match: unknown option '--dtype'"* ]]
	run -1 --separate-stderr "${match[@]}" --inner 3 -o x.tar train.tar
	said "fd2-match: --outer and --inner are not for dm, whose networks are not trained"
	run -1 --separate-stderr "${match[@]}" -s 16 -a convnet5 -o x.tar train.tar
	said "fd2-match: convnet5 needs images of at least 32 pixels, not 16"
	run -1 --separate-stderr "${match[@]}" -n 13 -o x.tar train.tar
	said "fd2-match: class 'blue-ring' has 12 images, but --ipc needs 13"
	tar xf train.tar red-spot
	tar --sort=name -cf red.tar red-spot
	run -1 --separate-stderr "${match[@]}" -o x.tar red.tar
	said "fd2-match: the shards hold one class, 'red-spot'; expected at least two"
	run -1 --separate-stderr "${match[@]}" --iterations 1 -o /nowhere/x train.tar
	said "fd2-match: cannot write '/nowhere/x': *"
	[ -z "$(find . -name 'x*' -o -name '.*' ! -name .)" ]
}

@test "match: --dry-run takes a few iterations and writes nothing" {
	run -0 --separate-stderr "${match[@]}" -n 2 --iterations 500 --dry-run -o x.tar train.tar
	[ "${#lines[@]}" = 4 ]
	[ "${lines[0]}" = "work    6 images of 3 classes by dm in convnet3, 500 iterations with \
36 photographs" ]
	[[ ${lines[1]} =~ ^"time    about "[0-9:]+": 500 iterations of "[0-9.e+]+" ms"$ ]]
	[[ ${lines[2]} =~ ^"memory  "[0-9.]+" MB"$ ]]
	[ -z "$(find . -name 'x.*')" ]
}
