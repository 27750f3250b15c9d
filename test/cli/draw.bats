#!/usr/bin/env bats
# fd2-draw: the drawn data set.

bats_require_minimum_version 1.5.0
load helpers

small() {
	fd2-draw --classes 3 --per-class 2 --size 32 "$@"
}

@test "draw: the same command gives the same bytes, on any number of threads" {
	small >a.tar
	small >b.tar
	small --threads 1 >c.tar
	tar xf a.tar --exclude '__*__' --one-top-level=a
	tar xf c.tar --exclude '__*__' --one-top-level=c
	cmp a.tar b.tar
	diff -r a c
}

@test "draw: --first gives other classes, the same as in a larger set" {
	small -o a.tar
	fd2-draw --classes 2 --first 3 --per-class 2 --size 32 -o b.tar
	fd2-draw --classes 5 --per-class 2 --size 32 -o all.tar
	[ -z "$(comm -12 <(tar tf a.tar | grep / | cut -d / -f 1 | sort -u) \
		<(tar tf b.tar | grep / | cut -d / -f 1 | sort -u))" ]
	for s in a b all; do
		mkdir -p $s
		tar xf $s.tar -C $s --exclude '__*__' --wildcards '*.jpg'
	done
	mkdir both
	cp -r a/. b/. both
	diff -r both all
}

@test "draw: another seed or split gives other images of the same classes" {
	small -o a.tar
	small --seed 7 -o b.tar
	small --split val -o c.tar
	for s in a b c; do
		mkdir $s
		tar xf $s.tar -C $s
	done
	diff <(tar tf a.tar) <(tar tf b.tar)
	diff <(tar tf a.tar) <(tar tf c.tar)
	for other in b c; do
		for image in a/*/*.jpg; do
			run ! cmp -s "$image" "$other/${image#a/}"
		done
	done
}

@test "draw: a larger set contains the smaller one" {
	small -o a.tar
	small --per-class 3 --classes 5 -o b.tar
	for s in a b; do
		mkdir $s
		tar xf $s.tar -C $s
	done
	for image in a/*/*.jpg; do
		cmp "$image" "b/${image#a/}"
	done
}

@test "draw: plain tar lists and counts it" {
	fd2-draw --per-class 3 --size 32 -o a.tar
	[ "$(tar tf a.tar | grep -c '/000[123]\.jpg$')" = 24 ]
	[ "$(tar tf a.tar | grep -c '\.cls$')" = 24 ]
	[ "$(tar tf a.tar | grep -c '\.json$')" = 24 ]
	[ "$(tar tf a.tar | tail -1)" = __fd2__ ]
	[ "$(tar tf a.tar | grep '\.jpg$' | cut -d/ -f1 | uniq | tr '\n' ' ')" = \
		"blue-bar blue-ring gold-bar gold-spot red-pair red-spot white-pair white-ring " ]
	[ "$(tar xOf a.tar red-spot/0001.cls)" = 5 ]
}

@test "draw: parts lie inside the image, about a tenth of it wide" {
	fd2-draw --classes 16 --per-class 4 --size 96 -o a.tar
	tar xf a.tar
	local boxes=0
	for json in */*.json; do
		[[ $(<"$json") =~ \"part\":\[([0-9]+),([0-9]+),([0-9]+),([0-9]+)\] ]]
		local x0=${BASH_REMATCH[1]} y0=${BASH_REMATCH[2]} x1=${BASH_REMATCH[3]} \
			y1=${BASH_REMATCH[4]}
		[ "$x1" -le 96 ]
		[ "$y1" -le 96 ]
		[ $((x1 - x0)) -ge 3 ]
		[ $((y1 - y0)) -ge 3 ]
		[ $((x1 - x0 > y1 - y0 ? x1 - x0 : y1 - y0)) -ge 7 ]
		[ $((x1 - x0 > y1 - y0 ? x1 - x0 : y1 - y0)) -le 17 ]
		boxes=$((boxes + 1))
	done
	[ $boxes = 64 ]
}

@test "draw: writes to standard output" {
	small -o a.tar
	small | tar t | diff - <(tar tf a.tar)
}

@test "draw: --help" {
	run -0 --separate-stderr fd2-draw --help
	[[ $output == *--part-scale* ]]
	[ -z "$stderr" ]
}

@test "draw: a wrong command line is told, with status 2" {
	for wrong in "--classes 1" "--classes 17" "--first 9" "--per-class 0" "--size 3" \
		"--split test" "--part-scale x" "--nonsense" "operand"; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr fd2-draw $wrong
		[ -z "$output" ]
		[[ $stderr == fd2-draw:* ]]
	done
}

@test "draw: a place that cannot be written is told, with status 1" {
	run -1 --separate-stderr small -o no/such/folder/a.tar
	[[ $stderr == *"no/such/folder/a.tar"* ]]
}
