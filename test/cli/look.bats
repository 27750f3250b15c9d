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
	[[ $output == *"width 32, height 32 pixels"* ]]
	[[ $output == *"made by fd2-draw"* ]]
	[[ $output == *"     2  red-spot"* ]]
	[ "$output" = "$(fd2-look <d.tar)" ]
	tar xf d.tar red-spot/0001.jpg
	mkdir numbers
	for class in 10 2 1a b 3; do cp -r red-spot numbers/$class; done
	[ "$(fd2-look numbers | awk '/^ / { print $2 }' | xargs)" = "2 3 10 1a b" ]
}

@test "look: --json" {
	draw
	fd2-look --json d.tar >look.json
	[ "$(jq -c '[.samples, .width, .classes["gold-bar"]]' look.json)" = '[6,[32,32],2]' ]
	[ "$(jq .meta.count look.json)" = 6 ]
	[ "$(wc -l <look.json)" = 1 ]
}

@test "look: --sheet writes a JPEG with each class below its name" {
	draw
	fd2-look --sheet sheet.jpg --columns 2 --cell 20 d.tar
	[ "$(head -c 3 sheet.jpg | od -An -tx1 | tr -d ' ')" = ffd8ff ]
	mkdir -p k/c
	cp sheet.jpg k/c/1.jpg
	[[ $(fd2-look k) == *"width 42, height 108 pixels"* ]]
	run -1 --separate-stderr fd2-look --sheet s.jpg --cell 4096 --columns 1000 d.tar
	[[ $stderr == *"too large"* ]]
	[ ! -e s.jpg ]
	run -0 --separate-stderr fd2-look --sheet s.jpg --limit 3 --per-class 2 d.tar
	said "fd2-look: the sheet shows 3 of 6 images, of 2 of 3 classes; *"
}

# oriented N: an EXIF segment with that orientation
oriented() {
	printf '\xff\xe1\x00\x1eExif\0\0MM\0*\0\0\0\x08'
	printf '\0\x01\x01\x12\0\x03\0\0\0\x01\0%b\0\0' "\\x0$1"
}

@test "look: sides are those of the upright image, which the first EXIF block says" {
	draw
	fd2-look -q --sheet sheet.jpg --columns 2 --cell 20 d.tar
	mkdir -p k/c
	{ head -c 2 sheet.jpg && oriented 6 && oriented 1 && tail -c +3 sheet.jpg; } >k/c/1.jpg
	[[ $(fd2-look k) == *"width 108, height 42 pixels"* ]]
	fd2-import -q -o upright folder k
	[[ $(fd2-look upright-train.tar) == *"width 108, height 42 pixels"* ]]
}

@test "look: a folder is one, whatever its name ends in" {
	draw
	mkdir d.part
	tar xf d.tar -C d.part --exclude '__*__'
	fd2-look -q --sheet of-shard.jpg d.tar
	fd2-look -q --sheet of-folder.jpg d.part
	cmp of-shard.jpg of-folder.jpg
	[[ $(fd2-look d.part) == "image shard, 6 images of 3 classes"* ]]
	run -1 --separate-stderr fd2-look --sheet d.part d.tar
	said "fd2-look: cannot write 'd.part': it is a directory"
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
	said "fd2-look: 'empty' is empty; expected a shard, a tensor stream or weights"
	run -1 --separate-stderr fd2-look none.tar
	[[ $stderr == "fd2-look: cannot open 'none.tar': No such file"* ]]
	draw
	run -1 --separate-stderr fd2-look --tensor x d.tar
	[[ $stderr == *"--tensor expects a tensor stream"* ]]
	run -2 --separate-stderr fd2-look --cell 1 d.tar
}

@test "look: real photographs" {
	shard=$(real_data cars40-val.tar)
	[[ $(fd2-look "$shard" | head -1) == "image shard, 393 images of 40 classes"* ]]
	fd2-look --check "$shard"
}

# The header's length in one byte, the header, data.
safetensors() { # HEADER DATA
	printf '%b\0\0\0\0\0\0\0%s%s' "\\x$(printf %x ${#1})" "$1" "$2"
}

# A file of torch.save before 1.6 with one f32 tensor "w" of two elements; SIZE: what its shape
# says; CALL: what makes it; BEFORE, AFTER: instructions around its dict.
legacy() { # SIZE [CALL [BEFORE AFTER]]
	printf '\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.'
	printf '\x80\x02}.\x80\x02%b}U\x01wc%b\n' "${3-}" "${2:-torch._utils\n_rebuild_tensor_v2}"
	printf '((U\x07storagectorch\nFloatStorage\nU\x01kU\x03cpuK\x02NtQ'
	printf 'K\x00K%b\x85K\x01\x85\x89NtRs%b.\x80\x02]U\x01ka.' "\\x$1" "${4-}"
	printf '\x02\0\0\0\0\0\0\0\0\0\x80\x3f\0\0\x20\xc0'
}

@test "look: weights of other programs" {
	legacy 2 >w.pth
	run -0 --separate-stderr fd2-look w.pth
	[ "${lines[0]}" = "weights, torch-legacy" ]
	[[ ${lines[2]} =~ ^"w "\ +f32\ +"[2]"\ +-2.5\ +-0.75\ +1$ ]]
	[ "$(fd2-look --tensor w w.pth)" = "1 -2.5" ]
	[ "$(fd2-look <w.pth)" = "$output" ]
	local header='"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}' shown
	safetensors '{"__metadata__":{"tool":"x"},'"$header}" AB >b.safetensors
	shown='[.format, .meta.tool, .tensors[0].name, .tensors[0].max]'
	fd2-look --json b.safetensors w.pth | jq -se "map($shown) == "'
		[["safetensors", "x", "b", 66], ["torch-legacy", null, "w", 1]]'
	run -0 fd2-look --check w.pth b.safetensors
	[ -z "$output" ]
	run -1 --separate-stderr fd2-look --sheet s.jpg w.pth
	said "fd2-look: 'w.pth' holds tensors; --sheet expects an image shard"
	run -1 --separate-stderr fd2-look --tensor x w.pth
	said "fd2-look: 'w.pth' holds no tensor 'x'"
}

@test "look: what is nested in a checkpoint has its path, the state dict's tensors their names" {
	# {"net": {"w": ...}, "n": 3, "me": itself}: "net" has all tensors
	legacy 2 '' '}q\x00U\x03net' 'sU\x01nK\x03sU\x02meh\x00s' >nested.pth
	run -0 --separate-stderr fd2-look nested.pth
	[[ ${lines[2]} =~ ^"w "\ +f32\ +"[2]" ]]
	[ "${#lines[@]}" = 3 ]
	[ "$(fd2-look --tensor w nested.pth)" = "1 -2.5" ]
	# {"epochs": [{7: {"w": ...}}]}
	legacy 2 '' '}U\x06epochs]}K\x07' 'sas' >nested.pth
	[ "$(fd2-look --json nested.pth | jq -c '[.tensors[].name]')" = '["epochs.0.7.w"]' ]
	# {"state_dict": {"w": ...}}
	legacy 2 '' '}U\x0astate_dict' s >nested.pth
	[ "$(fd2-look --json nested.pth | jq -c '[.tensors[].name]')" = '["w"]' ]
}

@test "look: hostile weights run nothing and are named" {
	legacy 2 'os\nsystem' >w.pth
	run -1 --separate-stderr fd2-look w.pth
	said "fd2-look: 'w.pth' asks to run 'os.system': refused"
	legacy 3 >w.pth
	run -1 --separate-stderr fd2-look w.pth
	said "fd2-look: tensor 'w' of 'w.pth' has elements outside of its storage"
	legacy 2 | head -c -1 >w.pth
	run -1 --separate-stderr fd2-look w.pth
	said "fd2-look: 'w.pth' is cut short in storage 'k'"
	printf '\x80\x04}.' >w.pth
	run -1 --separate-stderr fd2-look w.pth
	said "fd2-look: 'w.pth' is a bare pickle, *"
	safetensors '{"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}' ABC >w.pth
	run -1 --separate-stderr fd2-look w.pth
	said "fd2-look: 'w.pth' has a hole before the data of tensor 'b'"
	printf 'PK\x03\x04 and no more' >w.pth
	run -1 --separate-stderr fd2-look w.pth
	said "fd2-look: 'w.pth' is cut short: it is a zip archive without its end"
}

@test "look: names do not drive the terminal" {
	draw
	mkdir -p $'d/odd\e[31m'
	tar xOf d.tar "$(tar tf d.tar | grep -m 1 jpg)" >$'d/odd\e[31m/a.jpg'
	tar cf odd.tar -C d $'odd\e[31m'
	run -0 --separate-stderr fd2-look odd.tar
	[[ $output == *"1  odd?[31m"* && $output != *$'\e'* ]]
	need_python
	"$python" - >odd.fd2 <<-'END'
		import hashlib, sys, msgpack, msgpack_numpy, numpy
		e = "odd\x1b[31m"
		meta = {"tool": e, "version": e, "options": {e: e, "o": [e]}}
		o = [{"format": "fd2-stream", "version": 2, "kind": e, "meta": meta},
		     {"name": e, "value": numpy.zeros(2, dtype="<f4")}]
		b = b"".join(msgpack.packb(x, default=msgpack_numpy.encode) for x in o)
		end = {"end": True, "count": 1, "digest": hashlib.sha256(b).hexdigest()}
		sys.stdout.buffer.write(b + msgpack.packb(end))
	END
	run -0 --separate-stderr fd2-look odd.fd2
	[[ $output == *"kind odd?[31m"*"made by odd?[31m odd?[31m: odd?[31m=odd?[31m"* ]]
	[[ $output == *"odd?[31m "*f32* && $output != *$'\e'* ]]
}
