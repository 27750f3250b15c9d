#!/usr/bin/env bats
# fd2-look: telling shards from streams, and what it says of them.

bats_require_minimum_version 1.5.0
load helpers

draw() {
	fd2-draw --classes 3 --per-class 2 --size 32 -o d.tar
}

@test "look: a shard's classes and sizes" {
	draw
	run -0 --separate-stderr fd2-look d.tar
	[[ ${lines[0]} == "image shard, 6 images of 3 classes"* ]]
	[[ $output == *"width 32 to 32, height 32 to 32"* ]]
	[[ $output == *"made by fd2-draw"* ]]
	[[ $output == *"     2  red-spot"* ]]
	[ "$output" = "$(fd2-look <d.tar)" ]
}

@test "look: --json" {
	draw
	[ "$(fd2-look --json d.tar | jq -c '[.samples, .width, .classes["gold-bar"], .meta.count]')" = '[6,[32,32],2,6]' ]
	[ "$(fd2-look --json d.tar | wc -l)" = 1 ]
}

@test "look: --sheet writes a JPEG, a class a row" {
	draw
	fd2-look --sheet sheet.jpg --columns 2 --cell 20 d.tar
	[ "$(head -c 3 sheet.jpg | od -An -tx1 | tr -d ' ')" = ffd8ff ]
	mkdir -p k/c
	cp sheet.jpg k/c/1.jpg
	[[ $(fd2-look k) == *"width 42 to 42, height 64 to 64"* ]]
	run -1 --separate-stderr fd2-look --sheet s.jpg --cell 4096 --columns 1000 d.tar
	[[ $stderr == *"too large"* ]]
	[ ! -e s.jpg ]
}

@test "look: --check is silent on what is whole and tells what is not" {
	draw
	run -0 fd2-look --check d.tar
	[ -z "$output" ]
	mkdir -p k/c
	printf '\xff\xd8\xff\xe0 no picture' >k/c/1.jpg
	run -1 --separate-stderr fd2-look --check k
	[[ $stderr == "fd2-look: 'k': image 'c/1': "* ]]
}

@test "look: other inputs are named" {
	echo hello >x.txt
	: >empty
	run -1 --separate-stderr fd2-look x.txt
	[ "$stderr" = "fd2-look: 'x.txt' is not a tar archive" ]
	run -1 --separate-stderr fd2-look empty
	[ "$stderr" = "fd2-look: 'empty' is empty" ]
	run -1 --separate-stderr fd2-look none.tar
	[[ $stderr == "fd2-look: cannot open 'none.tar': No such file"* ]]
	draw
	run -1 --separate-stderr fd2-look --tensor x d.tar
	[[ $stderr == *"--tensor wants a tensor stream"* ]]
	run -2 --separate-stderr fd2-look --cell 1 d.tar
}

@test "look: real photographs" {
	shard=$(real_data cars40-val.tar)
	[[ $(fd2-look "$shard" | head -1) == "image shard, 393 images of 40 classes"* ]]
	fd2-look --check "$shard"
}
