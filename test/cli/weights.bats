#!/usr/bin/env bats
# Weights in and out: --init of teacher and student, students as safetensors. What the readers
# refuse is in look.bats and test/c/state.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR fd2_setup
	fd2-draw --classes 3 --per-class 8 --size 40 -o train.tar
	fd2-draw --classes 3 --per-class 4 --size 40 --split val -o val.tar
	fd2-draw --classes 4 --per-class 4 --size 40 -o four.tar
	fd2-teacher -q -s 32 -M 2 -b 8 -e 1 -o teacher.fd2 train.tar
	fd2-eval -q --hard -s 32 -e 1 --val val.tar --save student.safetensors train.tar \
		>student.json
	fd2-eval -q --hard -s 32 -e 1 --val val.tar --save student.fd2 train.tar >again.json
	fd2-eval -q --hard -a shufflenet_v2_x0_5 -s 32 -e 1 --val val.tar \
		--save shuffle.safetensors \
		train.tar >x.json
}

setup() {
	fd2_setup
	cd "$BATS_FILE_TMPDIR" || return 1
}

# rename_tensor FROM TO <file: both names have the same length, so the header's length stays
rename_tensor() {
	LC_ALL=C sed "s/\"$1\"/\"$2\"/"
}

@test "weights: a student as safetensors holds what its stream holds" {
	cmp student.json again.json
	[ "$(fd2-look --json student.safetensors |
		jq -c '[.tensors[] | [.name, .shape, .min, .max]] | sort')" = \
		"$(fd2-look --json student.fd2 |
			jq -c '[.tensors[] | [.name, .shape, .min, .max]] | sort')" ]
	cmp <(fd2-look --tensor layer4.1.conv2.weight student.safetensors) \
		<(fd2-look --tensor layer4.1.conv2.weight student.fd2)
}

@test "weights: a teacher's backbone as safetensors" {
	fd2-look --export backbone.safetensors teacher.fd2
	[ "$(fd2-look --json backbone.safetensors |
		jq -c '[.tensors[] | [.name, .shape, .min, .max]] | sort')" = \
		"$(fd2-look --json teacher.fd2 |
			jq -c '[.tensors[] | select(.name | startswith("cal.") | not) |
				[.name, .shape, .min, .max]] | sort')" ]
	[ "$(fd2-look --json backbone.safetensors | jq '.tensors | length')" = 122 ]
	run -1 --separate-stderr fd2-look --export x.safetensors teacher.fd2 student.fd2
	[ "${stderr_lines[0]}" = "fd2-look: --export expects one file, not 2" ]
	run -1 --separate-stderr fd2-look --export x.safetensors <(head -c 100000 teacher.fd2)
	[ ! -e x.safetensors ]
}

@test "weights: a teacher and a student start from them, whatever the container" {
	local file
	for file in student.safetensors student.fd2; do
		fd2-teacher -q -s 32 -M 2 -b 8 -e 1 --lr 0 --init $file -o t.fd2 train.tar
		cmp <(fd2-look --tensor layer1.0.conv1.weight t.fd2) \
			<(fd2-look --tensor layer1.0.conv1.weight student.fd2)
		cmp <(fd2-look --tensor fc.weight t.fd2) <(fd2-look --tensor fc.weight student.fd2)
	done
	[ "$(fd2-look --json t.fd2 | jq -r '.meta.inputs.init | length')" = 64 ]
	# of a teacher, only the backbone is taken
	fd2-eval -q --hard -s 32 -e 1 --lr 0 --init teacher.fd2 --val val.tar --save s.fd2 \
		train.tar >s.json
	cmp <(fd2-look --tensor conv1.weight s.fd2) <(fd2-look --tensor conv1.weight teacher.fd2)
	[ "$(jq -r '.student_init | length' s.json)" = 64 ]
	[ "$(jq -r .student_init student.json)" = random ]
	# a fifth of the rate for random weights
	fd2-eval -q --hard -s 32 -e 1 --init teacher.fd2 --val val.tar train.tar |
		jq -e '.lr | . > 1.99e-4 and . < 2.01e-4'
}

@test "weights: a classifier of another number of classes starts from random values, and says so" {
	run -0 --separate-stderr fd2-teacher -s 32 -M 2 -b 8 -e 1 --lr 0 --init student.fd2 \
		-o t.fd2 four.tar
	said_first "fd2-teacher: 'student.fd2' classifies 3 classes; the classifier starts from" \
		"random values for 4"
	cmp <(fd2-look --tensor conv1.weight t.fd2) <(fd2-look --tensor conv1.weight student.fd2)
	[ "$(fd2-look --json t.fd2 |
		jq -c '.tensors[] | select(.name == "fc.weight") | .shape')" = '[4,512]' ]
}

@test "weights: what is missing, unknown or of another shape is named" {
	rename_tensor layer4.1.bn2.bias layer9.1.bn2.bias <student.safetensors >renamed.safetensors
	run -1 --separate-stderr fd2-eval --hard -s 32 -e 1 --val val.tar \
		--init renamed.safetensors train.tar
	said_first "fd2-eval: 'renamed.safetensors' is not a resnet18: it lacks tensor" \
		"'layer4.1.bn2.bias' and has an unknown tensor 'layer9.1.bn2.bias'"
	run -1 --separate-stderr fd2-teacher -a mobilenet_v2 -s 32 --init student.fd2 train.tar
	said_first "fd2-teacher: 'student.fd2' is not a mobilenet_v2: it lacks tensor" \
		"'features.0.0.weight' and has an unknown tensor '*'"
	run -1 --separate-stderr fd2-teacher -a resnet50 -s 32 --init student.fd2 train.tar
	said_first "fd2-teacher: cannot start from 'student.fd2': 'layer1.0.conv1.weight' is" \
		"[[]64,64,3,3], expected [[]64,64,1,1]"
	run -1 --separate-stderr fd2-teacher -s 32 --init train.tar train.tar
	[[ ${stderr_lines[0]} == "fd2-teacher: "*"'train.tar'"* ]]
	[ ${#stderr_lines[@]} = 1 ]
	run -1 --separate-stderr fd2-teacher -s 32 --init none.pth train.tar
	[ "${stderr_lines[0]}" = "fd2-teacher: cannot open 'none.pth': No such file or directory" ]
}

@test "weights: pixels' mean and deviation, fit and jitter go with the teacher" {
	local options=(-q -s 32 -M 2 -b 8 -e 1 train.tar)
	fd2-teacher --mean 0.5,0.4,0.3 --std 0.2,0.25,0.5 --fit whole --augment crop \
		--jitter 0.2,0.2,0.2,0.1 --rotate 15 -o t.fd2 "${options[@]}"
	fd2-look --json t.fd2 | jq -e '.meta | [.mean, .std, .fit, .options.jitter] ==
		[[0.5, 0.4, 0.3], [0.2, 0.25, 0.5], "whole", [0.2, 0.2, 0.2, 0.1]]'
	fd2-distill -q -t t.fd2 -n 1 --steps 2 -o d.tar train.tar
	fd2-relabel -q -t t.fd2 -b 3 -e 1 d.tar >l.fd2
	[ "$(fd2-look --json l.fd2 |
		jq -c '.meta | [.mean, .std, .fit]')" = '[[0.5,0.4,0.3],[0.2,0.25,0.5],"whole"]' ]
	fd2-teacher --rotate 15 -o a.fd2 "${options[@]}"
	fd2-teacher --jitter 0.2,0,0,0 -o b.fd2 "${options[@]}"
	fd2-teacher -o c.fd2 "${options[@]}"
	[ "$(for f in a b c; do fd2-look --tensor fc.bias $f.fd2 | md5sum; done | sort -u |
		wc -l)" = 3 ]
	run -2 --separate-stderr fd2-teacher --jitter 0,0,0,0.6 train.tar
	said_first "fd2-teacher: --jitter expects a hue of at most 0.5, half of the circle, not 0.6"
}

# checkpoint STATE EXPRESSION: c.pth, as checkpoint.py makes it of STATE.
checkpoint() {
	PYTHONDONTWRITEBYTECODE=1 "$python" "$root/test/cli/checkpoint.py" "$1" c.pth "$2"
}

# imported [OPTION...]: c.pth as the teacher t.fd2.
imported() {
	fd2-teacher -q --import c.pth --classes-from train.tar -s 32 -o t.fd2 "$@"
}

# same_tensor FILE NAME: t.fd2 has it as FILE has.
same_tensor() {
	cmp <(fd2-look --tensor "$2" t.fd2) <(fd2-look --tensor "$2" "$1")
}

@test "weights: a network is found behind whatever prefix, in whatever dict" {
	need_python
	local state=shuffle.safetensors form
	while read -r form; do
		checkpoint $state "$form"
		imported -a shufflenet_v2_x0_5
		same_tensor $state fc.weight
		same_tensor $state stage4.3.branch2.6.running_var
	done <<-'EOF'
		s
		{'net': s, 'acc': 93.5, 'epoch': tensor()}
		{'state_dict': under('module._orig_mod.', s), 'optimizer': adam}
		{'state_dict': under('model.', s) | {'criterion.weight': tensor(7)}, 'epoch': 3}
		{'teacher': under('backbone.', s) | {'teacher.x': tensor(2)}, 'loss': [tensor(9)]}
		{'model': other(s), 'model_ema': under('module.', s) | {'n_averaged': tensor()}}
		{'state_dict_ema': s}
	EOF
	checkpoint $state "{'a': {'encoder': s}, 'b': under('net.', s), 'c': 0}"
	run -0 --separate-stderr fd2-teacher --import c.pth --classes-from train.tar -s 32 \
		-a shufflenet_v2_x0_5 -o t.fd2
	said_first "fd2-teacher: 'c.pth' holds 2 networks of this kind; 'a.encoder.' is taken"
	checkpoint $state "{'net': s, 'optimizer': adam, 'epoch': tensor()}"
	fd2-look --json c.pth | jq -e '[.tensors[].name] |
		contains(["conv1.0.weight", "optimizer.state.0.exp_avg", "epoch"])'
	checkpoint $state "{'a': {'encoder': s}, 'b': under('net.', s), 'c': 0}"
	fd2-look --json c.pth |
		jq -e '[.tensors[].name] | contains(["a.encoder.conv1.0.weight", "b.net.fc.bias"])'
}

@test "weights: a backbone without its classifier, or with another head, is taken, and it is said" {
	need_python
	local state=shuffle.safetensors init=(fd2-teacher -a shufflenet_v2_x0_5 -s 32 -M 2 -b 8 \
		-e 1 --lr 0 --init c.pth -o t.fd2)
	checkpoint $state "under('backbone.', without('fc.', s))"
	run -0 --separate-stderr "${init[@]}" train.tar
	said_first "fd2-teacher: 'c.pth' has no classifier; it starts from random values"
	same_tensor $state conv1.0.weight
	run -1 --separate-stderr fd2-teacher -q --import c.pth --classes-from train.tar \
		-a shufflenet_v2_x0_5 -s 32 -o x.fd2
	said "fd2-teacher: 'c.pth' has no classifier 'fc.weight'"
	checkpoint $state "under('net.', without('fc.', s) | {'projector.0.weight': tensor(4, 4)})"
	run -0 --separate-stderr "${init[@]}" train.tar
	[[ ${stderr_lines[1]} == "fd2-teacher: skipped tensors that a shufflenet_v2_x0_5 does not \
have, in 'c.pth': '"*"projector.0.weight' ..." ]]
	checkpoint $state "s | {'stage4.4.branch2.0.weight': tensor(4, 4)}"
	run -1 --separate-stderr "${init[@]}" train.tar
	said "fd2-teacher: 'c.pth' is not a shufflenet_v2_x0_5: it has an unknown" \
		"tensor 'stage4.4.branch2.0.weight'"
}

@test "weights: a classifier is kept only where the classes are the same" {
	mkdir -p other/{a,b,c}
	tar -xf train.tar --exclude '__*__' --wildcards '*/0001.jpg'
	cp red-spot/0001.jpg other/a
	cp blue-ring/0001.jpg other/b
	cp gold-bar/0001.jpg other/c
	run -0 --separate-stderr fd2-teacher -s 32 -M 2 -b 8 -e 1 --lr 0 --init student.fd2 \
		-o t.fd2 other
	said_first "fd2-teacher: 'student.fd2' classifies other classes; the classifier starts" \
		"from random values"
	fd2-look --json student.fd2 | jq -e '.meta |
		.mean == [0.485, 0.456, 0.406] and .std == [0.229, 0.224, 0.225] and
		.fit == "short" and .size == 32 and
		.classes == ["blue-ring", "gold-bar", "red-spot"]'
}

@test "weights: mobilenetv2_100 by timm's names" {
	need_python
	local state=mobile.safetensors
	fd2-eval -q --hard -a mobilenet_v2 -s 32 -e 1 --val val.tar --save $state train.tar >x.json
	checkpoint $state 'timm(s)'
	[ "$(fd2-look --json c.pth | jq -r '.tensors[].name' | grep -c '^blocks\.')" -gt 200 ]
	imported -a mobilenet_v2
	diff <(fd2-look --json t.fd2 | jq -c '.tensors | map([.name, .min, .max]) | sort') \
		<(fd2-look --json $state | jq -c '.tensors | map([.name, .min, .max]) | sort')
}

@test "weights: a teacher of ours stays what it is" {
	local what='[.tensors, (.meta | [.maps, .alpha, .size, .classes, .fit, .mean])]'
	tiny_teacher -e 1 --alpha 0.2 --fit squash -o whole.fd2 train.tar
	fd2-teacher -q --import whole.fd2 -o t.fd2
	diff <(fd2-look --json whole.fd2 | jq "$what") <(fd2-look --json t.fd2 | jq "$what")
	same_tensor whole.fd2 cal.prototypes
	local name
	for name in whole t; do
		fd2-distill -q -t $name.fd2 --steps 1 -o $name.tar train.tar
	done
	cmp <(tar xOf whole.tar red-spot) <(tar xOf t.tar red-spot)
	fd2-teacher -q --import whole.fd2 --alpha 0.7 --fit short -o t.fd2
	fd2-look --json t.fd2 | jq -e '.meta | .alpha == 0.7 and .fit == "short"'
}

@test "weights: the authors' checkpoint becomes a teacher whole, and a classifier one without CAL" {
	need_python
	local state=shuffle.safetensors
	checkpoint $state \
		"{'ShuffleNetV2': s, 'cal': cal(3, 1024), 'feature_center': tensor(3, 2048)}"
	imported -a shufflenet_v2_x0_5 --alpha 0.3
	[ "$(fd2-look --json t.fd2 | jq -c '.meta | [.arch, .maps, .alpha, .size, .classes]')" = \
		'["shufflenet_v2_x0_5",2,0.3,32,["blue-ring","gold-bar","red-spot"]]' ]
	[ "$(fd2-look --json t.fd2 | jq -c '[.tensors[] | select(.name ==
		("cal.prototypes", "cal.fc.weight", "cal.attention.conv.weight")) | .max]')" = \
		'[20.4699993133545,61.4300003051758,61.4300003051758]' ]
	fd2-distill -q -t t.fd2 --steps 1 -o d.tar train.tar
	fd2-protos -q -t t.fd2 -o p.fd2
	checkpoint $state "{'state_dict': s}"
	imported -a shufflenet_v2_x0_5
	fd2-relabel -q -t t.fd2 -e 1 -o l.fd2 d.tar
	fd2-distill -q -t t.fd2 --plain --steps 1 -o d.tar train.tar
	fd2-select -q -t t.fd2 --method rded -o r.tar train.tar
	run -1 --separate-stderr fd2-distill -t t.fd2 --steps 1 -o d.tar train.tar
	said "fd2-distill: 't.fd2' is a classifier without CAL: it has no attention maps and no" \
		"prototypes; only --plain works without them"
	for tool in protos attn "select --method herding"; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr fd2-$tool -t t.fd2 -o x train.tar
		said "fd2-${tool%% *}: 't.fd2' is a classifier without CAL: it has no attention" \
			"maps and no prototypes"
	done
	# what a student of ours says of itself needs no options
	fd2-teacher -q --import student.safetensors -o t.fd2
	[ "$(fd2-look --json t.fd2 |
		jq -c \
		'.meta | [.arch, .maps, .size, (.classes | length)]')" = '["resnet18",0,32,3]' ]
	same_tensor student.fd2 fc.bias
	fd2-teacher -q --import student.safetensors -s 40 -o t.fd2
	[ "$(fd2-look --json t.fd2 | jq .meta.size)" = 40 ]
	run -1 --separate-stderr fd2-teacher --import student.safetensors --alpha 0.3 -o t.fd2
	said "fd2-teacher: --alpha is for CAL, which 'student.safetensors' does not have"
	run -2 --separate-stderr fd2-teacher --import student.fd2 -o t.fd2 train.tar
	[ "${stderr_lines[0]}" = "fd2-teacher: --import trains nothing: remove the shards" ]
	run -2 --separate-stderr fd2-teacher --import student.fd2 -o t.fd2 --resume
	[ "${stderr_lines[0]}" = "fd2-teacher: --import trains nothing: remove --resume" ]
	run -2 --separate-stderr fd2-teacher --classes-from train.tar -o t.fd2 train.tar
	[ "${stderr_lines[0]}" = "fd2-teacher: --classes-from is for --import" ]
}
