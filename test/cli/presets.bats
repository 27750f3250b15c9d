#!/usr/bin/env bats
# Presets of fd2-distill: what they set, what wins over them, and what the manual says of them.
# shellcheck disable=SC2154 # `run` sets stderr

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}

# made NAME OPTION...: the options that NAME.tar records, which no step was made for
made() {
	fd2-distill -q -t teacher.fd2 --steps 0 -o "$1.tar" "${@:2}" train.tar
	tar xOf "$1.tar" __fd2__ | jq -cS .options
}

# table: "NAME<tab>OPTIONS" of each preset, as --help has them
table() {
	fd2-distill --help | sed -En '/^presets:/,/^$/s/^  ([a-z]+) +(--.*)/\1\t\2/p'
}

@test "presets: the manual says what each sets" {
	local name options
	[ "$(table | cut -f 1 | paste -sd '|')" = \
		"$(fd2-distill --list-options | sed -n 's/^--preset\t//p')" ]
	while IFS=$'\t' read -r name options; do
		[ "$options" = "$(sed -n "/preset: $name$/,/^\.Ed/p" "$root/man/fd2-distill.1" |
			grep -v '^\.' | paste -sd ' ')" ]
	done < <(table)
}

@test "presets: each is the same as its options, and is recorded as these" {
	local name options n=0
	while IFS=$'\t' read -r name options; do
		# shellcheck disable=SC2086 # words
		[ "$(made "$name" --preset "$name")" = "$(made alone $options --steps 0)" ]
		cmp "$name.tar" alone.tar
		n=$((n + 1))
	done < <(table)
	[ $n = 3 ]
	made best --preset best | jq -e '.init == "herding" and .lr == 0.02 and
		.["ls-view"] == "once" and (has("preset") | not)'
	made authors --preset authors | jq -e '.["bn-head"] and .lambda == 0.9 and .lr == 0.001'
}

@test "presets: best is the default, unless a method is named" {
	[ "$(made best --preset best)" = "$(made none)" ]
	cmp best.tar none.tar
	made named --method sre2l++ | jq -e '.init == "mosaic" and .lr == 0.25'
	made both --method fadrm --preset best | jq -e '.method == "fadrm" and .lr == 0.02'
}

@test "presets: options that are given win, before and after" {
	made before --lr 0.5 --init real --preset best >before.json
	made after --preset best --lr 0.5 --init real >after.json
	jq -e '.lr == 0.5 and .init == "real" and .["ls-view"] == "once"' before.json
	cmp before.json after.json
	# and so do those that take the place of the preset's
	made given --preset best --init-images distilled.tar -n 2 2>/dev/null |
		jq -e '.init == null and .lr == 0.02'
	made plain --preset authors --plain | jq -e '(.["bn-head"] | not) and .plain'
	run -2 --separate-stderr fd2-distill -t teacher.fd2 --preset good train.tar
	[ "${stderr_lines[0]}" = \
		"fd2-distill: --preset expects one of paper|authors|best, not 'good'" ]
}

@test "presets: --dry-run shows what counts" {
	run -0 --separate-stderr \
		fd2-distill --dry-run -t teacher.fd2 --steps 2 train.tar
	[ "${lines[1]}" = \
		"preset  best: --method sre2l++ --init herding --lr 0.02 --ls-view once" ]
	[[ ${lines[0]} == *", each in 2 steps in 1 phase" ]]
	run -0 --separate-stderr \
		fd2-distill --dry-run -t teacher.fd2 --method fadrm --steps 2 train.tar
	[[ $output != *preset* ]]
}
