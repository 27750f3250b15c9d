# A whole small run, which most tests start from. helpers.bash loads it.
# shellcheck shell=bash

# The smallest backbone with BatchNorm, and its channels; `make check-full` takes resnet18.
export tiny_arch=${FD2_TEST_ARCH:-shufflenet_v2_x0_5} tiny_channels=1024
[ "$tiny_arch" != resnet18 ] || tiny_channels=512

# tiny_run: lays it into the test's folder: train.tar val.tar teacher.fd2 other.fd2 (another seed's
# teacher) protos.fd2 distilled.tar attn.fd2 labels.fd2. Made once, in FD2_FIXTURES or per call of
# bats. Links are hard: an output through a symbolic link would replace the file that tests share.
# One thread: two fight over a busy machine.
tiny_run() {
	local tiny=${FD2_FIXTURES:-$BATS_RUN_TMPDIR}/$tiny_arch
	export OMP_NUM_THREADS=1
	mkdir -p "$tiny"
	(
		flock 9
		[ -e "$tiny/ok" ] || { cd "$tiny" && make_tiny && sha256sum -- *.* >ok; }
	) 9>"$tiny/lock" || return 1
	ln "$tiny"/*.* . 2>/dev/null || cp "$tiny"/*.* .
}

make_tiny() {
	fd2-draw --classes 3 --per-class 12 --size 40 -o train.tar &&
		fd2-draw --classes 3 --per-class 4 --size 40 --split val -o val.tar &&
		tiny_teacher -e 2 -o teacher.fd2 train.tar &&
		tiny_teacher -e 1 --seed 5 -o other.fd2 train.tar &&
		fd2-protos -q -t teacher.fd2 -o protos.fd2 &&
		tiny_distill -p protos.fd2 --ipc 2 -o distilled.tar &&
		fd2-attn -q -t teacher.fd2 -o attn.fd2 distilled.tar &&
		fd2-relabel -q -t teacher.fd2 -e 3 -o labels.fd2 distilled.tar
}

# The first steps of a random network have large gradients. Without a bound the weights depend on
# the CPU's rounding, and the BatchNorm loss of some is 1e13.
tiny_options=(-s 32 -M 2 -b 12 --clip 1)
tiny_teacher() {
	fd2-teacher -q -a "$tiny_arch" "${tiny_options[@]}" "$@"
}

tiny_distill() {
	fd2-distill -q -t teacher.fd2 --steps 3 "$@" train.tar
}
