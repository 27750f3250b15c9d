#!/usr/bin/env bats
# fd2-stat --separation against numpy, on streams that numpy made.

bats_require_minimum_version 1.5.0
load helpers

separation() {
	"$python" "$root/test/cli/separation.py" "$@"
}

@test "separation: of representations, next to real images, as in numpy" {
	need_python
	local group
	separation make distilled.attn 2 5 4
	separation make real.attn 3 5 9
	for group in 0 3; do
		fd2-stat -g $group -r real.attn --per-class table -o stat distilled.attn
		separation check stat table distilled.attn real.attn $group
	done
	[ "$(head -n 1 table | xargs)" = \
		"set class images dispersion inter_class nearest_centre nearest_class" ]
	[ "$(cut -f 1 table | sort | uniq -c | xargs)" = "5 distilled 5 real 1 set" ]
	# one thread and two: the same bytes
	fd2-stat --threads 2 -r real.attn distilled.attn >two
	fd2-stat --threads 1 -r real.attn distilled.attn | cmp - two
	# of one set alone
	fd2-stat --separation distilled.attn >alone
	jq -e --slurpfile both two '.silhouette == $both[0].silhouette and (has("real") | not)' \
		alone
}

@test "separation: of features, and one image per class" {
	need_python
	separation make distilled.features 4 4 1 features
	separation make real.features 5 4 6 features
	fd2-stat -r real.features --per-class table distilled.features >stat
	separation check stat table distilled.features real.features 0
	jq -e '[.dispersion, .fisher_ratio, .silhouette, .intra_class_attention] ==
		[null, null, null, null] and .inter_class > 0 and .real.dispersion > 0' stat
}

@test "separation: fd2-attn --features are those that fd2-select compares" {
	tiny_run
	fd2-select -q --method herding -t teacher.fd2 -n 2 --features all.fd2 -o s.tar train.tar
	fd2-attn -q -t teacher.fd2 --features -o f.fd2 train.tar
	[ "$(fd2-look --json f.fd2 | jq -c '[.kind, (.tensors | length), .tensors[0].shape]')" = \
		"[\"features\",36,[$tiny_channels]]" ]
	# up to the rounding of a batch
	paste <(fd2-look --tensor red-spot/0002 all.fd2 | tr ' ' '\n') \
		<(fd2-look --tensor red-spot/0002 f.fd2 | tr ' ' '\n') |
		awk '{ far += ($1 - $2) ^ 2; all += $1 ^ 2 }
			END { exit !(NR > 100 && far < 1e-4 * all && all > 0) }'
	# a classifier without attention has features
	fd2-eval -q --hard -s 32 -a "$tiny_arch" -e 1 --val val.tar --save s.safetensors train.tar
	fd2-teacher -q -s 32 -a "$tiny_arch" --import s.safetensors --classes-from train.tar \
		-o plain.fd2
	fd2-attn -q -t plain.fd2 --features distilled.tar | fd2-stat --separation |
		jq -e '.inter_class > 0 and (has("attention_trace") | not)'
}

@test "separation: sets that cannot be compared" {
	need_python
	separation make a.attn 2 3 2
	separation make f.features 2 3 2 features
	tiny_run
	run -1 --separate-stderr fd2-stat -r f.features a.attn
	said "fd2-stat: 'f.features' has features of another kind"
	run -1 --separate-stderr fd2-stat -r attn.fd2 a.attn
	said "fd2-stat: 'attn.fd2' was made by another teacher"
	run -1 --separate-stderr fd2-stat protos.fd2
	said "fd2-stat: 'protos.fd2' is a tensor stream of kind protos," \
		"expected kind attn or features"
	run -1 --separate-stderr fd2-stat --boxes val.tar f.features
	said "fd2-stat: --boxes needs attention maps, not features"
	run -2 --separate-stderr fd2-attn -t teacher.fd2 --features --heatmap distilled.tar
	[ "${stderr_lines[0]}" = "fd2-attn: --features and --heatmap exclude each other" ]
	run -1 --separate-stderr fd2-stat --per-class /nowhere/table a.attn
	[[ $stderr == "fd2-stat: "*"'/nowhere/table'"* ]]
}
