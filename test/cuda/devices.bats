#!/usr/bin/env bats
# Whole runs on a GPU beside the same on the CPU: `make check-cuda`, or on test/cuda/emulated. In
# f32, whose roundings differ. Small steps: at the usual rates roundings decide which units pass
# their gradients, and runs on the CPU with one thread and with two part as far as 0.1 of the loss
# within ten steps.

bats_require_minimum_version 1.5.0
load ../cli/helpers

setup() {
	fd2_setup
	export tiny_arch=resnet18 # the bounds are its own
	tiny_run
	device=(--device "${FD2_TEST_DEVICE:-cuda}" --dtype f32)
	cpu=(--device cpu --dtype f32)
}

# near TOLERANCE A B: files with a number a line, alike but for that share of the largest.
near() {
	paste "$2" "$3" | awk -v most="$1" '
		function size(x) { return x < 0 ? -x : x }
		NF != 2 || ($1 $2) !~ /^[-+.e0-9]*$/ { bad = 1 }
		{ if (size($1) > top) top = size($1); if (size($1 - $2) > off) off = size($1 - $2) }
		END {
			printf "%d numbers up to %g, off by %g\n", NR, top, off
			exit bad || !NR || off > most * top
		}'
}

# alike SHARE A B: the mean of the differences, beside that of the sizes. For what began at 0 and
# moved: single elements turn with the sign of a gradient near 0.
alike() {
	paste "$2" "$3" | awk -v most="$1" '
		function size(x) { return x < 0 ? -x : x }
		{ all += size($1); off += size($1 - $2) }
		END {
			printf "%d numbers of %g in the mean, off by %g\n", NR, all / NR, off / NR
			exit !NR || off > most * all
		}'
}

# elements NAME FILE: of a tensor, a line each
elements() {
	fd2-look --tensor "$1" "$2" | tr -s ' ,[]' '\n' | grep .
}

# means OPTION... SHARD: the classes' mean representations
means() {
	fd2-protos -q -o means.fd2 "$@"
	elements prototypes means.fd2
}

# losses TERM LOG
losses() {
	jq -r "select(.event == \"step\") | .loss.$1 // 0" "$2"
}

# recorded COMMAND...: and it does not say that its steps cannot be recorded
recorded() {
	"$@" 2>said
	cat said
	run ! grep 'without a CUDA graph' said
}

# both NAME OPTION...: NAME-gpu.tar and NAME-cpu.tar with their logs, every step logged
both() {
	local name=$1
	shift
	recorded tiny_distill "${device[@]}" --lr 0.001 --log-every 1 --log "$name-gpu.log" \
		-o "$name-gpu.tar" "$@"
	tiny_distill "${cpu[@]}" --lr 0.001 --log-every 1 --log "$name-cpu.log" -o "$name-cpu.tar" \
		"$@"
	local term
	for term in total bn conv ce cls F S; do
		losses $term "$name-gpu.log" >gpu
		losses $term "$name-cpu.log" >cpu
		near 0.0001 cpu gpu || { echo "term $term"; return 1; }
	done
}

@test "devices: SRe2L++ alone, through the steps that are recorded" {
	both plain --plain --steps 12
}

@test "devices: FD2, each view of L_S" {
	local view
	for view in same once literal plain; do
		both "$view" --ipc 2 --steps 6 --ls-view "$view"
	done
}

@test "devices: images that are larger than they are seen" {
	both larger --ipc 2 --steps 6 --image-size 56 --ls-view once
	both phases --method fadrm --steps 8 --image-size 64
}

@test "devices: FADRM+ with two teachers" {
	both fadrm -t other.fd2 --method fadrm+ --steps 16
}

@test "devices: LPLD, and EDC with averages over steps" {
	fd2-protos -q "${cpu[@]}" -t teacher.fd2 --statistics all -o layers.fd2 train.tar
	both lpld --statistics layers.fd2 --method lpld --plain --ipc 2 --steps 8
	both edc --statistics layers.fd2 --method edc --plain --flatness 1 --steps 8
}

@test "devices: several images of a class in one pass are those made alone" {
	tiny_distill "${device[@]}" --plain --ipc 3 --steps 6 --indices-per-pass 1 -o alone.tar
	tiny_distill "${device[@]}" --plain --ipc 3 --steps 6 --indices-per-pass 3 -o beside.tar
	means "${cpu[@]}" -t teacher.fd2 alone.tar >alone
	means "${cpu[@]}" -t teacher.fd2 beside.tar >beside
	near 0.01 alone beside
}

@test "devices: the same run twice gives the same bytes" {
	tiny_distill "${device[@]}" --steps 12 -o a.tar
	tiny_distill "${device[@]}" --steps 12 -o b.tar
	cmp a.tar b.tar
}

@test "devices: one process and a chain of them agree bit for bit" {
	local distill=(tiny_distill "${device[@]}" --steps 6 -p protos.fd2 --ipc 2 --ls-view plain)
	"${distill[@]}" -o whole.tar
	"${distill[@]}" --id 1 -o 1.tar
	fd2-attn -q "${device[@]}" -t teacher.fd2 -o 1.attn 1.tar
	"${distill[@]}" --id 2 --attn 1.attn -o 2.tar
	local class id
	for class in blue-ring gold-bar red-spot; do
		for id in 1 2; do
			tar xOf whole.tar $class/000$id.jpg |
				cmp - <(tar xOf $id.tar $class/000$id.jpg)
		done
	done
}

@test "devices: bf16 stays near f32" {
	tiny_distill --device "${FD2_TEST_DEVICE:-cuda}" --dtype bf16 --steps 6 --log half \
		--log-every 1 -o half.tar
	tiny_distill "${device[@]}" --steps 6 --log single --log-every 1 -o single.tar
	losses total half >a
	losses total single >b
	near 0.1 a b
}

# all_teachers OPTION...: one step an epoch
all_teachers() {
	rm -f gpu.log cpu.log
	tiny_teacher "${device[@]}" -s 64 -b 36 -e 2 --lr 0.0001 --log gpu.log -o gpu.fd2 "$@" \
		train.tar
	tiny_teacher "${cpu[@]}" -s 64 -b 36 -e 2 --lr 0.0001 --log cpu.log -o cpu.fd2 "$@" \
		train.tar
	local f
	for f in gpu cpu; do jq -r 'select(.event == "epoch") | .loss.total' $f.log >$f; done
	near 0.002 cpu gpu
}

@test "devices: a teacher's epochs" {
	all_teachers
	local f
	for f in gpu cpu; do elements layer4.1.bn2.bias $f.fd2 >$f; done
	alike 0.05 cpu gpu
}

# A batch an epoch, so that the last epochs are those of recorded steps.
# both_labels TEACHER SHARD
both_labels() {
	local e f
	recorded fd2-relabel -q "${device[@]}" -t "$1" -b 36 -e 8 -o gpu.fd2 "$2"
	fd2-relabel -q "${cpu[@]}" -t "$1" -b 36 -e 8 -o cpu.fd2 "$2"
	for e in 0 7; do
		for f in gpu cpu; do elements $e/logits $f.fd2 >$f; done
		near 0.01 cpu gpu
	done
}

# both_students OPTION... SHARD: on the same labels
both_students() {
	recorded fd2-eval -q "${device[@]}" -l cpu.fd2 --val val.tar --log gpu.log \
		--save gpu-net.fd2 -o gpu.json "$@"
	fd2-eval -q "${cpu[@]}" -l cpu.fd2 --val val.tar --log cpu.log --save cpu-net.fd2 \
		-o cpu.json "$@"
}

@test "devices: labels, and a student's epochs on the same ones" {
	both_labels teacher.fd2 train.tar
	both_students --lr 0.00001 train.tar
	local f name
	for name in bn1.bias layer4.1.bn2.bias; do
		for f in gpu cpu; do elements "$name" $f-net.fd2 >$f; done
		alike 0.05 cpu gpu
	done
}

# MobileNetV2 drops a fifth of its features: draws come before the recorded steps. So many pixels
# that its statistics have digits.
@test "devices: labels and students with dropout" {
	tiny_teacher -a mobilenet_v2 -s 64 -e 1 -o mobile.fd2 train.tar
	both_labels mobile.fd2 train.tar
	both_students --lr 0.0000001 -a mobilenet_v2 train.tar
	local f
	for f in gpu cpu; do jq -r 'select(.event == "epoch") | .loss.kl' $f.log >$f; done
	near 0.02 cpu gpu
}

# Every kind of view is rendered on the GPU; that of attention-guided crops is not.
@test "devices: augmented training" {
	all_teachers --jitter 0.3,0.3,0.3,0.1 --rotate 10
	all_teachers --augment crop
	all_teachers --cal-augment -e 1 # a crop's border turns with the attention's last digit
}

@test "devices: prototypes and attention" {
	means "${device[@]}" -t teacher.fd2 train.tar >gpu
	means "${cpu[@]}" -t teacher.fd2 train.tar >cpu
	near 0.001 cpu gpu
	local f
	fd2-attn -q "${device[@]}" -t teacher.fd2 distilled.tar | fd2-stat -q -o gpu.stat
	fd2-attn -q "${cpu[@]}" -t teacher.fd2 distilled.tar | fd2-stat -q -o cpu.stat
	for f in gpu cpu; do jq -r '.intra_class_attention' $f.stat >$f; done
	near 0.001 cpu gpu
}

@test "devices: matching" {
	local method where
	for method in 'dm' 'dsa -n 2 --inner 2'; do
		for where in "${cpu[1]}" "${device[1]}"; do
			# shellcheck disable=SC2086 # words
			fd2-match -q --device "$where" -s 32 --iterations 3 --log-every 1 \
				--method $method --log log -o x.tar train.tar
			jq -r 'select(.event == "iteration") | .loss[]' log >"$where"
			rm log
		done
		near 0.01 "${device[1]}" "${cpu[1]}"
	done
}

@test "devices: experts, and matching along their trajectories" {
	local where
	for where in "${cpu[1]}" "${device[1]}"; do
		fd2-expert -q --device "$where" -s 32 -n 1 -e 6 -b 6 --lr 0.02 --log log \
			-o "$where.fd2" train.tar
		fd2-match -q --device "$where" -s 32 --method datm --experts "${cpu[1]}.fd2" \
			--steps 2 --start-last 4 --iterations 2 --log log --log-every 1 -o x.tar \
			train.tar
		jq -r 'select(.loss) | .loss[]' log >"$where"
		rm log
	done
	[ "$(wc -l <"${cpu[1]}")" = 8 ]
	near 0.02 "${device[1]}" "${cpu[1]}"
}

@test "devices: a recorded step has few operations, however many images it learns together" {
	export FD2_EMULATED_COUNTS=$PWD/counts
	recorded tiny_distill "${device[@]}" --plain --steps 4 --indices-per-pass 1 -o alone.tar
	[ -e counts ] || skip "the emulated GPU alone counts operations"
	recorded tiny_distill "${device[@]}" --plain --steps 4 --ipc 10 --indices-per-pass 10 \
		-o beside.tar
	cat counts
	local n
	mapfile -t n < <(jq '.operations[]' counts)
	((${#n[@]} == 2 && n[0] > 40 && n[0] <= 150 && n[1] <= n[0] + 1))
}
