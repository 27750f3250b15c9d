#!/usr/bin/env bats
# The group loop of FD2's Algorithm 1: in one process, and as a chain of processes.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}


@test "group: one process and a Make chain agree bit for bit" {
	cat >Makefile <<'END'
DISTILL = fd2-distill -q -t teacher.fd2 -p protos.fd2 --ipc 3 --group 3 --steps 3 \
	--ls-view plain train.tar
all: 1.tar 2.tar 3.tar
1.tar:
	$(DISTILL) --id 1 -o $@
1.attn: 1.tar
	fd2-attn -q -t teacher.fd2 -o $@ $^
2.tar: 1.attn
	$(DISTILL) --id 2 --attn $< -o $@
12.attn: 1.tar 2.tar
	fd2-attn -q -t teacher.fd2 -o $@ $^
3.tar: 12.attn
	$(DISTILL) --id 3 --attn $< -o $@
END
	make -s
	tiny_distill -p protos.fd2 --ipc 3 --group 3 --ls-view plain -o whole.tar
	for id in 1 2 3; do
		[ "$(tar tf $id.tar | grep -c "/000$id\.jpg$")" = 3 ]
		[ "$(tar tf $id.tar | grep -c '\.jpg$')" = 3 ]
	done
	cat 1.tar 2.tar 3.tar >chain.tar
	[ "$(fd2-look --json chain.tar | jq .samples)" = 9 ]
	tar --ignore-zeros -tf chain.tar | grep -c '\.jpg$' | grep -x 9
	for id in 1 2 3; do
		for class in blue-ring gold-bar red-spot; do
			cmp <(tar xOf whole.tar $class/000$id.jpg) \
				<(tar xOf $id.tar $class/000$id.jpg)
		done
	done
	# the earlier images do make a difference: the third differs without them
	tiny_distill -p protos.fd2 --ipc 3 --group 3 --no-ls --id 3 -o alone.tar
	run ! cmp -s <(tar xOf whole.tar red-spot/0003.jpg) <(tar xOf alone.tar red-spot/0003.jpg)
}

@test "group: a second group has no history" {
	tiny_distill --ipc 3 --group 2 --steps 2 --lr 0.25 -o two.tar
	tiny_distill --ipc 3 --group 2 --steps 2 --lr 0.25 --no-ls -o free.tar
	for id in 1 3; do
		cmp <(tar xOf two.tar red-spot/000$id.jpg) <(tar xOf free.tar red-spot/000$id.jpg)
	done
	run ! cmp -s <(tar xOf two.tar red-spot/0002.jpg) <(tar xOf free.tar red-spot/0002.jpg)
	tiny_distill --ipc 3 --group 2 --steps 2 --id 1 -o firsts.tar
	[ "$(tar tf firsts.tar | grep '^red.*\.jpg$' | xargs)" = \
		"red-spot/0001.jpg red-spot/0003.jpg" ]
}

@test "group: indices of different groups in one pass are what they are alone" {
	# one index per pass, or the first of each group, then the second of each
	local view
	for view in once same; do
		local each=(tiny_distill -p protos.fd2 --init random --lr 0.05 --ls-weight 5 \
			--ipc 5 --group 2 --ls-view "$view")
		"${each[@]}" -o alone.tar
		"${each[@]}" --indices-per-pass 3 --log $view.log --log-every 1 -o together.tar
		[ "$(jq -c 'select(.event == "step") | .images // .image' $view.log | uniq |
			xargs)" = "[1,3,5] [2,4]" ]
		jq -es 'map(select(.event == "step") | .views |
			.[0] != .[1] and length > 1) | all' $view.log
		tar xf alone.tar --one-top-level=alone
		tar xf together.tar --one-top-level=together
		[ "$(find together -name '*.jpg' | wc -l)" = 15 ]
		diff -r -x '__*' alone together
	done
	# without L_S they are all independent; --together is the old name
	tiny_distill -p protos.fd2 --ipc 3 --no-ls --together 3 --log free -o free.tar
	[ "$(jq -c 'select(.event == "step") | .images' free | uniq)" = "[1,2,3]" ]
}

@test "group: shards of classes are the one run, batch by batch" {
	tiny_distill --batch 1 --ipc 2 -o whole.tar
	for k in 0 1 2; do
		tiny_distill --batch 1 --ipc 2 --classes $k-$k -o $k.tar
		[ "$(tar tf $k.tar | grep -c '\.jpg$')" = 2 ]
	done
	tar xf whole.tar --exclude '__*__' --one-top-level=whole
	for k in 0 1 2; do
		tar xf $k.tar --exclude '__*__' --one-top-level=parts
	done
	diff -r whole parts
	[ "$(find whole -name '*.jpg' | wc -l)" = 6 ]
	[ "$(fd2-look --json 0.tar 1.tar 2.tar | jq .digest)" != null ]
	[ "$(fd2-look --json '{0..2}.tar' | jq -c '[.samples, (.classes | length)]')" = '[6,3]' ]
	tiny_distill --batch 3 --ipc 2 -o other.tar
	run ! cmp -s <(tar xOf whole.tar red-spot/0001.jpg) <(tar xOf other.tar red-spot/0001.jpg)
}

@test "group: classes that cut a batch are refused" {
	run -1 --separate-stderr tiny_distill --batch 2 --classes 1-1 -o x.tar
	said "fd2-distill: --classes 1-1 cuts a batch of 2 classes: BatchNorm statistics are over \
whole batches, so give multiples of --batch"
	run -1 --separate-stderr tiny_distill --batch 2 --classes 0-0 -o x.tar
	said "fd2-distill: --classes 0-0 cuts a batch of 2 classes: *"
	run -1 --separate-stderr tiny_distill --classes 3-5 -o x.tar
	said "fd2-distill: --classes starts at 3, but the teacher knows 3 classes (0-2)"
	run -2 --separate-stderr tiny_distill --classes 2-1 -o x.tar
	[ ! -e x.tar ]
	[ ! -e x.tar.part ]
	run -1 --separate-stderr tiny_distill --batch 2 --classes 2-9 -o x.tar
	said "fd2-distill: --classes ends at 9, but the teacher knows 3 classes (0-2)"
	run -1 --separate-stderr fd2-select --classes 1-3 -o x.tar train.tar
	said "fd2-select: --classes ends at 3, but there are 3 classes (0-2)"
	tiny_distill --batch 2 --classes 2- -o rest.tar
	[ "$(tar tf rest.tar | grep -c '\.jpg$')" = 1 ]
}

@test "group: each view of L_S runs and makes other images" {
	local view image=red-spot/0002.jpg
	for view in plain same once literal; do
		tiny_distill --init random --lr 0.05 --ipc 2 --ls-weight 5 --ls-view $view \
			-o $view.tar
		tar xOf $view.tar $image >$view.jpg
		# the first image of a group has nothing before it
		cmp <(tar xOf $view.tar red-spot/0001.jpg) <(tar xOf plain.tar red-spot/0001.jpg)
	done
	[ "$(md5sum plain.jpg same.jpg once.jpg literal.jpg | cut -c -32 | sort -u | wc -l)" = 4 ]
}

@test "group: --previous for the views that see images again" {
	local view
	for view in same once; do
		tiny_distill --ipc 2 --ls-view $view -o whole.tar
		tiny_distill --ipc 2 --ls-view $view --id 1 -o 1.tar
		tiny_distill --ipc 2 --ls-view $view --id 2 --previous 1.tar -o 2.tar
		cat 1.tar 2.tar >chain.tar
		for id in 1 2; do
			cmp <(tar xOf whole.tar red-spot/000$id.jpg) \
				<(tar xOf $id.tar red-spot/000$id.jpg)
		done
	done
}

@test "group: L_S of equal mass and of a weight of its own, in a chain as in one process" {
	local view f mass image=red-spot/0002.jpg
	# at 64 pixels maps have 2x2 values, and attention has a place
	tiny_teacher -s 64 -e 1 -o wide.fd2 train.tar
	wide() {
		fd2-distill -q -t wide.fd2 --init random --lr 0.05 --steps 3 --ipc 2 "$@" train.tar
	}
	for view in plain once; do
		mass=(wide --ls-view "$view" --ls-norm mass)
		"${mass[@]}" -o mass.tar
		mass+=(--ls-weight 3)
		"${mass[@]}" --log $view.log --log-every 1 -o whole.tar
		"${mass[@]}" --id 1 -o 1.tar
		fd2-attn -q -t wide.fd2 -o 1.attn 1.tar
		if [ $view = plain ]; then
			"${mass[@]}" --id 2 --attn 1.attn -o 2.tar
		else
			"${mass[@]}" --id 2 --previous 1.tar -o 2.tar
		fi
		cmp <(tar xOf whole.tar $image) <(tar xOf 2.tar $image)
		wide --ls-view $view -o literal.tar
		for f in literal mass whole; do tar xOf $f.tar $image | md5sum; done | sort -u >sums
		[ "$(wc -l <sums)" = 3 ]
		jq -es 'map(select(.event == "step" and .image == 2).loss) | length == 3 and all(
			.S > 0 and (.total - .bn - .cls - 0.8 * .F - 3 * .S | fabs < 1e-3))' \
			$view.log
	done
	# above the margin there is nothing to gain, and L_S is a constant
	wide --no-ls -o none.tar
	wide --ls-margin 0 --log margin.log --log-every 1 -o margin.tar
	cmp <(tar xOf none.tar $image) <(tar xOf margin.tar $image)
	jq -es 'map(select(.event == "step" and .image == 2).loss.S) | all(. == 1)' margin.log
	# 1 - lambda is the weight unless it is given
	wide --ls-weight 0.2 -o given.tar
	cmp <(tar xOf given.tar $image) <(wide | tar xO $image)
	run -2 --separate-stderr wide --ls-weight -0.5 -o x.tar
	[ "${stderr_lines[0]}" = \
		"fd2-distill: --ls-weight must not be negative, except for -1: 1 - lambda" ]
}

@test "group: --resume refuses another history" {
	tiny_distill --ipc 2 --ls-view plain --id 2 --attn attn.fd2 -o x.tar
	fd2-look --json x.tar | jq -e --arg d "$(fd2-look --json attn.fd2 | jq -r .digest)" \
		'.meta.inputs.attn == [$d]'
	tiny_distill --ipc 2 --ls-view plain --id 2 --attn attn.fd2 --resume -o x.tar
	fd2-attn -q -t teacher.fd2 -o real.fd2 train.tar
	run -1 --separate-stderr \
		tiny_distill --ipc 2 --ls-view plain --id 2 --attn real.fd2 --resume -o x.tar
	said "fd2-distill: 'x.tar' was made with attn ????????????..., not ????????????...; *"
	tiny_distill --ipc 2 --ls-view same --id 2 --previous distilled.tar -o y.tar
	run -1 --separate-stderr \
		tiny_distill --ipc 2 --ls-view same --id 2 --previous train.tar --resume -o y.tar
	said "fd2-distill: 'y.tar' was made with previous ????????????..., not ????????????...; *"
}

@test "group: what the chain lacks is told" {
	run -2 --separate-stderr tiny_distill --ipc 2 --id 2 --ls-view plain
	local needs="fd2-distill: --id 2 needs the group's earlier images: give"
	[ "${stderr_lines[0]}" = "$needs --attn FILE from fd2-attn" ]
	run -2 --separate-stderr tiny_distill --ipc 2 --id 2 --attn attn.fd2
	[ "${stderr_lines[0]}" = "$needs --previous SHARD" ]
	run -2 --separate-stderr tiny_distill --ipc 2 --id 5
	[ "${stderr_lines[0]}" = "fd2-distill: --id 5 is larger than --group 4" ]
	run -2 --separate-stderr tiny_distill --attn attn.fd2
	run -1 --separate-stderr \
		tiny_distill --ipc 4 --ls-view plain --id 4 --attn attn.fd2 -o x.tar
	needs="fd2-distill: cannot start image 4: image 3 of class 'blue-ring' is needed for L_S;"
	said "$needs give the earlier images with --attn"
	fd2-attn -q -t other.fd2 -o theirs.fd2 distilled.tar
	run -1 --separate-stderr \
		tiny_distill --ipc 2 --ls-view plain --id 2 --attn theirs.fd2 -o x.tar
	said "fd2-distill: 'theirs.fd2' holds attention of another teacher (*) than the one given *"
	run -1 --separate-stderr \
		tiny_distill --ipc 4 --id 4 --ls-view same --previous distilled.tar -o x.tar
	said "$needs give the earlier images with --previous"
	[ ! -e x.tar ]
}
