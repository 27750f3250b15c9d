#!/usr/bin/env bats
# Weights in and out: --init of teacher and student, students as safetensors. What the readers refuse is in look.bats and test/c/state.

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR fd2_setup
	fd2-draw --classes 3 --per-class 8 --size 40 -o train.tar
	fd2-draw --classes 3 --per-class 4 --size 40 --split val -o val.tar
	fd2-draw --classes 4 --per-class 4 --size 40 -o four.tar
	fd2-teacher -q -s 32 -M 2 -b 8 -e 1 -o teacher.fd2 train.tar
	fd2-eval -q --hard -s 32 -e 1 --val val.tar --save student.safetensors train.tar >student.json
	fd2-eval -q --hard -s 32 -e 1 --val val.tar --save student.fd2 train.tar >again.json
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
	[ "$(fd2-look --json student.safetensors | jq -c '[.tensors[] | [.name, .shape, .min, .max]] | sort')" = \
		"$(fd2-look --json student.fd2 | jq -c '[.tensors[] | [.name, .shape, .min, .max]] | sort')" ]
	cmp <(fd2-look --tensor layer4.1.conv2.weight student.safetensors) <(fd2-look --tensor layer4.1.conv2.weight student.fd2)
}

@test "weights: a teacher's backbone as safetensors" {
	fd2-look --export backbone.safetensors teacher.fd2
	[ "$(fd2-look --json backbone.safetensors | jq -c '[.tensors[] | [.name, .shape, .min, .max]] | sort')" = \
		"$(fd2-look --json teacher.fd2 | jq -c '[.tensors[] | select(.name | startswith("cal.") | not) | [.name, .shape, .min, .max]] | sort')" ]
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
		cmp <(fd2-look --tensor layer1.0.conv1.weight t.fd2) <(fd2-look --tensor layer1.0.conv1.weight student.fd2)
		cmp <(fd2-look --tensor fc.weight t.fd2) <(fd2-look --tensor fc.weight student.fd2)
	done
	[ "$(fd2-look --json t.fd2 | jq -r '.meta.inputs.init | length')" = 64 ]
	# of a teacher, only the backbone is taken
	fd2-eval -q --hard -s 32 -e 1 --lr 0 --init teacher.fd2 --val val.tar --save s.fd2 train.tar >s.json
	cmp <(fd2-look --tensor conv1.weight s.fd2) <(fd2-look --tensor conv1.weight teacher.fd2)
	[ "$(jq -r '.student_init | length' s.json)" = 64 ]
	[ "$(jq -r .student_init student.json)" = random ]
}

@test "weights: a classifier of another number of classes starts anew, and it is said" {
	run -0 --separate-stderr fd2-teacher -s 32 -M 2 -b 8 -e 1 --lr 0 --init student.fd2 -o t.fd2 four.tar
	[ "${stderr_lines[0]}" = "fd2-teacher: 'student.fd2' classifies 3 classes; the classifier starts anew for 4" ]
	cmp <(fd2-look --tensor conv1.weight t.fd2) <(fd2-look --tensor conv1.weight student.fd2)
	[ "$(fd2-look --json t.fd2 | jq -c '.tensors[] | select(.name == "fc.weight") | .shape')" = '[4,512]' ]
}

@test "weights: what is missing, unknown or of another shape is named" {
	rename_tensor layer4.1.bn2.bias layer9.1.bn2.bias <student.safetensors >renamed.safetensors
	run -1 --separate-stderr fd2-eval --hard -s 32 -e 1 --val val.tar --init renamed.safetensors train.tar
	[ "${stderr_lines[0]}" = "fd2-eval: 'renamed.safetensors' is no resnet18: it has no tensor 'layer4.1.bn2.bias', and its 'layer9.1.bn2.bias' belongs to none" ]
	run -1 --separate-stderr fd2-teacher -a mobilenet_v2 -s 32 --init student.fd2 train.tar
	[[ ${stderr_lines[0]} == "fd2-teacher: 'student.fd2' is no mobilenet_v2: it has no tensor 'features.0.0.weight', and its '"*"' belongs to none" ]]
	run -1 --separate-stderr fd2-teacher -a resnet50 -s 32 --init student.fd2 train.tar
	[ "${stderr_lines[0]}" = "fd2-teacher: cannot start from 'student.fd2': 'layer1.0.conv1.weight' is [64,64,3,3], expected [64,64,1,1]" ]
	run -1 --separate-stderr fd2-teacher -s 32 --init train.tar train.tar
	[[ ${stderr_lines[0]} == "fd2-teacher: "*"'train.tar'"* ]]
	[ ${#stderr_lines[@]} = 1 ]
	run -1 --separate-stderr fd2-teacher -s 32 --init none.pth train.tar
	[ "${stderr_lines[0]}" = "fd2-teacher: cannot open 'none.pth': No such file or directory" ]
}

@test "weights: pixels' mean and deviation, fit and jitter go with the teacher" {
	local options=(-q -s 32 -M 2 -b 8 -e 1 train.tar)
	fd2-teacher --mean 0.5,0.4,0.3 --std 0.2,0.25,0.5 --fit whole --augment crop --jitter 0.2,0.2,0.2,0.1 --rotate 15 -o t.fd2 "${options[@]}"
	[ "$(fd2-look --json t.fd2 | jq -c '.meta | [.mean, .std, .fit, .options.jitter]')" = '[[0.5,0.4,0.3],[0.2,0.25,0.5],"whole",[0.2,0.2,0.2,0.1]]' ]
	fd2-distill -q -t t.fd2 -n 1 --steps 2 -o d.tar train.tar
	fd2-relabel -q -t t.fd2 -b 3 -e 1 d.tar >l.fd2
	[ "$(fd2-look --json l.fd2 | jq -c '.meta | [.mean, .std, .fit]')" = '[[0.5,0.4,0.3],[0.2,0.25,0.5],"whole"]' ]
	fd2-teacher --rotate 15 -o a.fd2 "${options[@]}"
	fd2-teacher --jitter 0.2,0,0,0 -o b.fd2 "${options[@]}"
	fd2-teacher -o c.fd2 "${options[@]}"
	[ "$(for f in a b c; do fd2-look --tensor fc.bias $f.fd2 | md5sum; done | sort -u | wc -l)" = 3 ]
	run -2 --separate-stderr fd2-teacher --jitter 0,0,0,0.6 train.tar
	[ "${stderr_lines[0]}" = "fd2-teacher: --jitter expects a hue of at most 0.5, half of the circle, not 0.6" ]
}
