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

# pkg-config finds fd2fmt in what is installed below ./usr.
install_library() {
	"$root/tools/build/install" "$PWD/usr" "$root/build" ''
	export PKG_CONFIG_PATH=$PWD/usr/lib/pkgconfig
}

@test "shard: the program of the man page, as C and C++, against the installed library" {
	folders
	install_library
	example fd2-shard.5 count.c
	local warn="-Wall -Wextra -Wpedantic -Werror" compiler
	for compiler in "cc -std=c11" "c++ -x c++ -std=c++17"; do
		# shellcheck disable=SC2046,SC2086 # one word per flag
		$compiler $warn -c -o count.o count.c $(pkg-config --cflags fd2fmt)
		# shellcheck disable=SC2046
		cc -o count count.o $(pkg-config --cflags --libs fd2fmt)
		[ "$(./count d.tar)" = "$(printf '2 blue-ring\n2 gold-bar\n2 red-spot')" ]
		run -1 ./count count.c
		[ "$output" = "count: 'count.c' is not a tar archive" ]
	done
	# the line of the page
	# shellcheck disable=SC2046
	cc -o count count.c $(pkg-config --cflags --libs fd2fmt)
	./count d.tar
}

@test "library: what it writes is read, and every header stands alone, in C and C++" {
	install_library
	cat >make.c <<-'END'
		#include <fd2/stream.h>
		#include <fd2/shard.h>
		#include <stdio.h>
		int main(void)
		{
			const int64_t shape[] = {2, 3};
			const float x[] = {0, 1, 2, 3, 4, 5};
			struct stream_writer *w = fd2_stream_create("x.fd2", "mine", NULL);
			struct shard_writer *s = fd2_shard_create("x.tar", NULL, NULL, 0);
			if (!w || fd2_stream_put(w, "x", DT_F32, 2, shape, x) ||
			    fd2_stream_finish(w))
				return 1;
			if (!s || fd2_shard_add(s, "a", "1", -1, "j", 1, NULL, 0, NULL) ||
			    fd2_shard_finish(s))
				return 1;
			if (fd2_stream_create("no/where", "mine", NULL) ||
			    fd2_shard_create("no/where", NULL, NULL, 0))
				return 1;
			return puts(fd2_error()) < 0;
		}
	END
	# shellcheck disable=SC2046 # one word per flag
	cc -Wall -Wextra -Werror -o make make.c $(pkg-config --cflags --libs fd2fmt)
	run -0 ./make
	[ "$output" = "cannot write 'no/where': No such file or directory" ]
	[ "$(fd2-look --tensor x x.fd2)" = "$(printf '0 1 2\n3 4 5')" ]
	[ "$(fd2-look --json x.tar | jq -c .classes)" = '{"a":1}' ]
	local header strict="-Wall -Wextra -Wpedantic -Werror -fsyntax-only -I usr/include"
	for header in usr/include/fd2/*.h; do
		echo "#include <fd2/${header##*/}>" >alone.c
		# shellcheck disable=SC2086 # words
		cc -std=c11 $strict alone.c
		# shellcheck disable=SC2086 # words
		c++ -x c++ -std=c++11 $strict alone.c
	done
}

@test "library: it exports what its headers declare, and nothing else" {
	install_library
	nm -g --defined-only usr/lib/libfd2fmt.a | awk 'NF == 3 { print $3 }' | sort >exported
	# the preprocessor takes the comments away
	cat usr/include/fd2/*.h | cc -E -P -I usr/include/fd2 -xc - |
		grep -oE '\bfd2_[a-z0-9_]+ ?\(' | tr -d ' (' | sort -u >declared
	diff exported declared
	[ "$(grep -c ^fd2_ exported)" -gt 20 ]
}

@test "shard: Python's hashlib computes the digest, and so does sha256sum" {
	need_python
	folders
	example fd2-shard.5 digest.py
	"$python" digest.py d.tar >got
	diff got <(digest d.tar)
	diff got <(tar xOf d.tar __fd2__ | jq -r .digest)
	cd images
	tar tf ../d.tar | grep -v '^__' | xargs -d '\n' sha256sum --zero | sha256sum >../sum
	diff ../got <(cut -d ' ' -f 1 ../sum)
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

@test "shard: a sample of three shards, of which the first has no image" {
	mkdir -p a/x b/x c/x
	fd2-draw --classes 2 --per-class 2 --size 32 | tar -xf - --wildcards '*.jpg'
	set -- */0*.jpg
	echo '{}' >a/x/1.json
	cp "$1" a/x/2.jpg
	cp "$1" b/x/1.jpg
	cp "$2" c/x/1.jpg
	for shard in a b c; do tar -cf $shard.tar -C $shard x; done
	run -1 --separate-stderr fd2-look a.tar b.tar c.tar
	said "fd2-look: sample 'x/1' of 'c.tar' is also in 'b.tar'"
}

@test "shard: the time of its members is checked before work" {
	for epoch in junk 2026-01-01 -5 99999999999999 ''; do
		run -1 --separate-stderr env SOURCE_DATE_EPOCH="$epoch" fd2-draw -o x.tar
		said "fd2-draw: SOURCE_DATE_EPOCH is '$epoch'; expected seconds since 1970"
		[ ! -e x.tar ]
	done
	SOURCE_DATE_EPOCH=86400 fd2-draw --classes 2 --per-class 1 --size 32 -o x.tar
	[[ $(TZ=UTC tar -tvf x.tar | head -n 1) == *" 1970-01-02 "* ]]
}

@test "shard: a cut archive is said to be cut, however it is packed" {
	fd2-draw --classes 3 --per-class 60 --size 32 -o d.tar
	for packer in gzip xz bzip2 zstd; do
		$packer -c d.tar | head -c 100000 >short
		run -1 --separate-stderr fd2-look short
		said "fd2-look: 'short' is cut short*"
		$packer -c d.tar | head -c 40 >short
		run -1 --separate-stderr fd2-look short
		said "fd2-look: 'short' is cut short"
	done
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
	# 86 bytes are its end record
	[ "$(digest x.fd2)" = "$(head -c -86 x.fd2 | sha256sum | cut -d ' ' -f 1)" ]
	[ "$("$python" filter.py <x.fd2 | fd2-look --tensor x)" = "$(printf '0 1 2\n3 4 5')" ]
	tiny_run
	"$python" filter.py <labels.fd2 >half.fd2
	logits() { # FILE FACTOR
		fd2-look --tensor 1/logits "$1" | tr ' ' '\n' |
			awk -v f="$2" '{ printf "%.4f\n", f * $1 }'
	}
	diff <(logits labels.fd2 0.5) <(logits half.fd2 1)
	diff <(fd2-look --tensor 1/lambda labels.fd2) <(fd2-look --tensor 1/lambda half.fd2)
	[[ $(fd2-look half.fd2) == *"made by filter.py 1: factor=0.5"* ]]
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
	head -c $((size - 90)) x.fd2 >cut.fd2
	run -1 --separate-stderr "$python" filter.py <cut.fd2
	[[ $stderr == *"cut or damaged"* ]]
	cat x.fd2 x.fd2 >double.fd2
	run -1 --separate-stderr fd2-look double.fd2
	[[ $stderr == *"'double.fd2' has $size bytes after its end"* ]]
}

# At most one level of 255 apart, and that only where a sum is near a half.
same_pixels() { # LABELS SHARD
	"$root/build/test/batch" "$1" "$2" >pixels
	PYTHONPATH=. "$python" - "$1" "$2" <<-'END'
		import sys, numpy as np, render
		labels, images = render.read_labels(sys.argv[1]), render.read_images(sys.argv[2])
		meta = next(labels)
		x = np.concatenate([x for x, _ in render.batches(images, meta, next(labels))])
		ours = np.fromfile("pixels", "f4").reshape(x.transpose(0, 2, 3, 1).shape)
		off = abs(x.transpose(0, 2, 3, 1) - ours) * meta["std"] * 255
		many = (off > 0.01).mean()
		assert off.max() < 1.01 and many < 0.01, (off.max(), many)
		assert len(images) == 9 and ours.std() > 0.1
	END
}

@test "stream: the renderer of the man page makes the student's batches" {
	need_python
	tiny_run
	example fd2-stream.5 render.py
	[ "$(wc -l <render.py)" -le 60 ]
	# images of other shapes than the student's input: contact sheets
	fd2-draw --classes 3 --per-class 3 --size 64 -o d.tar
	local class n cell=20
	for class in blue-ring gold-bar red-spot; do
		mkdir -p wide/$class
		for n in 1 2 3; do
			fd2-look --sheet wide/$class/$n.jpg --columns $n --per-class $n \
				--cell $((cell += 9)) d.tar
		done
	done
	tar --sort=name -C wide -cf wide.tar .
	for mix in cutmix mixup "none --shuffle-patches"; do
		# shellcheck disable=SC2086 # words
		fd2-relabel -q -t teacher.fd2 -e 1 -b 4 --mix $mix -o wide.fd2 wide.tar
		same_pixels wide.fd2 wide.tar
	done
	"$python" render.py wide.fd2 wide.tar | cut -d ' ' -f 1-4 >shapes
	diff shapes <(printf '(%d, 3, 32, 32)\n' 4 4 1)
	head -c -1 wide.fd2 >cut.fd2
	run -1 --separate-stderr "$python" render.py cut.fd2 wide.tar
	[ "$stderr" = "the labels are cut" ]
}

@test "stream: every type that Python writes" {
	need_python
	"$python" - >all.fd2 <<-'END'
		import sys, zlib, msgpack, msgpack_numpy, numpy
		meta = {"a": [1, 2.5, None, True, "ü"]}
		o = [{"format": "fd2-stream", "version": 1, "kind": "mine", "meta": meta}]
		for t in "<f2 <f4 <f8 <i4 <i8 |u1 |b1".split():
		    o.append({"name": t, "value": numpy.array([0, 1, 1], dtype=t)})
		o.append({"name": "scalar", "value": numpy.float32(3)})
		o.append({"name": "none", "value": numpy.zeros((0, 3), dtype="<f4")})
		o.append({"name": "i4", "value": numpy.array([2**31 - 1, -(2**31)], dtype="<i4")})
		o.append({"name": "i8", "value": numpy.array([2**53 + 1, -(2**63)], dtype="<i8")})
		o.append({"name": "\udce9", "value": numpy.zeros(1, dtype="<f4")})
		pack = lambda x: msgpack.packb(
		    x, default=msgpack_numpy.encode, unicode_errors="surrogateescape")
		b = b"".join(map(pack, o))
		b += msgpack.packb({"end": True, "count": len(o) - 1, "crc32": zlib.crc32(b)})
		sys.stdout.buffer.write(b)
	END
	for t in '<f2' '<f4' '<f8' '<i4' '<i8' '|u1' '|b1'; do
		[ "$(fd2-look --tensor "$t" all.fd2)" = "0 1 1" ]
	done
	[ "$(fd2-look --tensor scalar all.fd2)" = 3 ]
	[ -z "$(fd2-look --tensor none all.fd2)" ]
	[ "$(fd2-look --tensor i4 all.fd2)" = "2147483647 -2147483648" ]
	[ "$(fd2-look --tensor i8 all.fd2)" = "9007199254740993 -9223372036854775808" ]
	[ "$(fd2-look --json all.fd2 | jq -r '.tensors[-1].name')" = "%E9" ]
	[ "$(fd2-look --json all.fd2 | jq -c .meta.a)" = '[1,2.5,null,true,"ü"]' ]
	run -1 --separate-stderr fd2-look --tensor nothing all.fd2
	[[ $stderr == *"'all.fd2' holds no tensor 'nothing'"* ]]
}
