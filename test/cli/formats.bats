#!/usr/bin/env bats
# The two formats in the hands of tar and Python; the programs in the man pages.

bats_require_minimum_version 1.5.0
load helpers

folders() {
	fd2-draw --classes 3 --per-class 2 --size 32 -o d.tar
	mkdir images
	tar xf d.tar -C images --exclude '__*__'
}

digest() {
	fd2-look --json "$@" | jq -r .digest
}

@test "shard: the commands of the man page" {
	folders
	example fd2-shard.5 pack.sh
	bash pack.sh | grep -x ./red-spot/0001.jpg
	[[ $(fd2-look real.tar) == "image shard, 6 images of 3 classes"* ]]
	mv d.tar distilled.tar
	example fd2-shard.5 unpack.sh
	[ "$(bash unpack.sh | jq .count)" = 6 ]
	diff -r images out
}

@test "shard: the C program of the man page links the small library alone" {
	folders
	make -s -C "$root" build/lib/libfd2fmt.a
	example fd2-shard.5 count.c
	mkdir include
	ln -s "$root/formats" include/formats
	ln -s "$root/lib" include/lib
	local msgpack=msgpack-c
	pkg-config --exists $msgpack || msgpack=msgpack
	# shellcheck disable=SC2046 # one word per flag
	cc -Wall -Wextra -Werror -I include -o count count.c "$root/build/lib/libfd2fmt.a" \
		$(pkg-config --libs libarchive jansson $msgpack zlib) -lm -lpthread -ldl
	[ "$(./count d.tar)" = "$(printf '2 blue-ring\n2 gold-bar\n2 red-spot')" ]
	run -1 ./count count.c
	[[ $output == *"'count.c' is not a tar archive" ]]
}

@test "shard: packed, split, joined and unpacked it is the same set" {
	folders
	local want
	want=$(digest d.tar)
	gzip -k d.tar
	xz -k d.tar
	[ "$(digest d.tar.gz)" = "$want" ]
	[ "$(digest d.tar.xz)" = "$want" ]
	[ "$(digest images)" = "$want" ]
	tar --sort=name -C images -cf plain.tar .
	[ "$(digest plain.tar)" = "$want" ]
	tar --sort=name -C images -cf p-0.tar blue-ring
	tar --sort=name -C images -cf p-1.tar gold-bar red-spot
	[ "$(digest 'p-{0..1}.tar')" = "$want" ]
	[ "$(cat p-0.tar p-1.tar | digest)" = "$want" ]
}

@test "shard: a tar cut at a member's boundary is noticed, packed or not" {
	folders
	head -c 1536 d.tar >cut.tar
	head -c 3072 d.tar | gzip >cut.tar.gz
	for cut in cut.tar cut.tar.gz; do
		run -1 --separate-stderr fd2-look $cut
		[[ $stderr == *"'$cut' is cut short"* ]]
	done
}

@test "shard: members of a sample that are apart are an error" {
	folders
	tar -C images -cf apart.tar red-spot/0001.jpg red-spot/0002.jpg red-spot/0001.cls
	run -1 --separate-stderr fd2-look apart.tar
	[[ $stderr == *"'apart.tar': sample 'red-spot/0001' appears again"*"tar --sort=name"* ]]
}

@test "shard: an archive that unpacks to a thousand times its size is refused" {
	command -v zstd || skip "no zstd"
	mkdir a
	head -c 50000000 /dev/zero >a/1.jpg
	tar -c a | zstd -q >bomb.tar.zst
	run -1 --separate-stderr fd2-look bomb.tar.zst
	[[ $stderr == *"more than 1000 times its size"* ]]
}

@test "stream: what Python makes is read, and back" {
	need_python
	example fd2-stream.5 make.py
	example fd2-stream.5 filter.py
	"$python" make.py >x.fd2
	[ "$(fd2-look --tensor x x.fd2)" = "$(printf '0 1 2\n3 4 5')" ]
	[ "$("$python" filter.py <x.fd2 | fd2-look --tensor x)" = "$(printf '0 0.5 1\n1.5 2 2.5')" ]
	[[ $(fd2-look x.fd2) == "tensor stream, kind mine"* ]]
	[ "$(fd2-look --json x.fd2 | jq -c '.tensors[0].shape')" = '[2,3]' ]
}

@test "stream: cut anywhere it is refused, by Python's filter too" {
	need_python
	example fd2-stream.5 make.py
	example fd2-stream.5 filter.py
	"$python" make.py >x.fd2
	local size
	size=$(stat -c %s x.fd2)
	for ((n = 0; n < size; n++)); do
		head -c $n x.fd2 >cut.fd2
		run -1 fd2-look cut.fd2
	done
	head -c $((size - 30)) x.fd2 >cut.fd2
	run -1 --separate-stderr "$python" filter.py <cut.fd2
	[[ $stderr == *"cut or damaged"* ]]
	cat x.fd2 x.fd2 >double.fd2
	run -1 --separate-stderr fd2-look double.fd2
	[[ $stderr == *"'double.fd2' has $size bytes after its end"* ]]
}

@test "stream: every type that Python writes" {
	need_python
	"$python" - >all.fd2 <<-'END'
		import sys, zlib, msgpack, msgpack_numpy, numpy
		o = [{"format": "fd2-stream", "version": 1, "kind": "mine", "meta": {"a": [1, 2.5, None, True, "ü"]}}]
		for t in "<f2 <f4 <f8 <i4 <i8 |u1 |b1".split():
		    o.append({"name": t, "value": numpy.array([0, 1, 1], dtype=t)})
		o.append({"name": "scalar", "value": numpy.float32(3)})
		o.append({"name": "none", "value": numpy.zeros((0, 3), dtype="<f4")})
		b = b"".join(msgpack.packb(x, default=msgpack_numpy.encode) for x in o)
		sys.stdout.buffer.write(b + msgpack.packb({"end": True, "count": len(o) - 1, "crc32": zlib.crc32(b)}))
	END
	for t in '<f2' '<f4' '<f8' '<i4' '<i8' '|u1' '|b1'; do
		[ "$(fd2-look --tensor "$t" all.fd2)" = "0 1 1" ]
	done
	[ "$(fd2-look --tensor scalar all.fd2)" = 3 ]
	[ -z "$(fd2-look --tensor none all.fd2)" ]
	[ "$(fd2-look --json all.fd2 | jq -c .meta.a)" = '[1,2.5,null,true,"ü"]' ]
	run -1 --separate-stderr fd2-look --tensor nothing all.fd2
	[[ $stderr == *"'all.fd2' holds no tensor 'nothing'"* ]]
}
