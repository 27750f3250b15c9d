#!/usr/bin/env bats
# What users bring as inputs, and where outputs go: paths, pipes, links, packings and names.

bats_require_minimum_version 1.5.0
load helpers

# A folder of photographs, p/CLASS/NAME.jpg, and a shard of the same: three classes of two.
setup() {
	fd2_setup
	fd2-draw --classes 3 --per-class 2 --size 32 -o drawn.tar
	mkdir p
	tar -xf drawn.tar -C p --exclude '__*__' --exclude '*.cls' --exclude '*.json'
	tar --sort=name -cf plain.tar -C p .
}

# counted SHARD...: "images classes" of a set, by fd2-look.
counted() {
	fd2-look --json "$@" | jq -r '"\(.samples) \(.classes | length)"'
}

digest() {
	fd2-look --json "$1" | jq -r .digest
}

# misused SENTENCE COMMAND...: a usage error with that sentence.
misused() {
	local sentence=$1
	shift
	run -2 --separate-stderr "$@"
	[ "${stderr_lines[0]}" = "$sentence" ]
}

# one_file TOOL A B COMMAND...: both are the same file, an input and an output: a usage error.
one_file() {
	misused "$1: '$2' and '$3' are one file, which is both read and written" "${@:4}"
}

@test "inputs: no output replaces an input, whatever path leads to it" {
	ln -s drawn.tar alias
	ln drawn.tar hard
	cp drawn.tar 01.tar
	misused "fd2-select: 'drawn.tar' is both read and written" fd2-select -o drawn.tar drawn.tar
	one_file fd2-select 'alias' 'drawn.tar' \
		fd2-select -o drawn.tar alias
	one_file fd2-select 'drawn.tar' 'alias' \
		fd2-select -o alias drawn.tar
	one_file fd2-select 'drawn.tar' 'p/../hard' \
		fd2-select -o p/../hard drawn.tar
	one_file fd2-select '01.tar' './01.tar' \
		fd2-select -o ./01.tar '{01..01}.tar'
	one_file fd2-select 'standard input' 'drawn.tar' \
		bash -c 'fd2-select -o drawn.tar <drawn.tar'
	one_file fd2-look 'drawn.tar' 'standard output' \
		bash -c 'fd2-look drawn.tar >>drawn.tar'
	misused "fd2-look: 'p/red-spot/0001.jpg' is written, and it is in 'p', which is read" \
		fd2-look --sheet p/red-spot/0001.jpg p
	misused "fd2-draw: --log and --output are both 'x'" fd2-draw -o x --log x
	misused "fd2-draw: --log 'p/../x' and --output 'x' are one file" fd2-draw -o x --log p/../x
	cmp drawn.tar 01.tar
	fd2-look --sheet p/sheet.jpg p # a new name in the folder
	fd2-select -o p/../new.tar drawn.tar
}

@test "inputs: nothing is read twice without a word" {
	cp -r p q
	misused "fd2-look: 'drawn.tar' is given twice" fd2-look drawn.tar plain.tar drawn.tar
	misused "fd2-look: 'p' and 'q/../p' are one file, which is given twice" fd2-look p q/../p
	misused "fd2-look: standard input can be read once only, and it is given twice" \
		bash -c 'fd2-look - /dev/stdin <drawn.tar'
	mkfifo pipe
	cat drawn.tar >pipe 3>&- &
	misused "fd2-exchange: shards are read twice, and so cannot come through a pipe" \
		fd2-exchange --to cv-dd -o x pipe
	cat pipe >/dev/null
}

@test "inputs: a pipe is read as a file is, by whatever name it comes" {
	[ "$(fd2-look --json <(cat drawn.tar) | jq -r .digest)" = "$(digest drawn.tar)" ]
	mkfifo pipe
	cat drawn.tar >pipe 3>&- &
	[ "$(digest pipe)" = "$(digest drawn.tar)" ]
	[ "$(digest /dev/stdin < <(cat drawn.tar))" = "$(digest drawn.tar)" ]
}

@test "inputs: a link that is an output stays a link, and modes stay" {
	mkdir far
	echo old >far/file
	ln -s far/file near
	ln -s near nearer
	ln -s far/new dangling
	chmod 640 far/file
	fd2-draw --classes 2 --per-class 1 --size 32 -o nearer
	[ -L near ]
	[ -L nearer ]
	[ "$(stat -c %a far/file)" = 640 ]
	fd2-look --check far/file
	fd2-draw --classes 2 --per-class 1 --size 32 -o dangling
	[ -L dangling ]
	fd2-look --check far/new
	[ "$(ls -A far)" = $'file\nnew' ]
	ln -s round round
	run -1 --separate-stderr fd2-draw -o round
	said "fd2-draw: cannot write 'round': Too many levels of symbolic links"
}

@test "inputs: an output that is an open descriptor is written where it stands" {
	ln -s /proc/self/fd/1 out
	fd2-draw --classes 2 --per-class 1 --size 32 -o out >1.tar
	fd2-draw --classes 2 --per-class 1 --size 32 -o /dev/stdout >2.tar
	fd2-draw --classes 2 --per-class 1 --size 32 -o /dev/fd/7 7>3.tar
	[ -L out ]
	[ -s 1.tar ]
	cmp 1.tar 2.tar
	cmp 1.tar 3.tar
	run -1 --separate-stderr fd2-draw -o /dev/fd/7 7<3.tar
	said "fd2-draw: cannot write '/dev/fd/7': Bad file descriptor"
	run -1 --separate-stderr fd2-draw -o /dev/fd/8 8>&-
	said "fd2-draw: cannot write '/dev/fd/8': *"
}

# failing FUNCTION ERRNO: preload.so, in which that function fails.
failing() {
	printf '#include <errno.h>\nint %s() { errno = %s; return -1; }\n' "$1" "$2" >preload.c
	gcc -w -shared -fPIC -o preload.so preload.c
}

@test "inputs: a file system that cannot fsync, or name a file, takes outputs all the same" {
	local draw=(fd2-draw --classes 2 --per-class 1 --size 32 -o x.tar) case
	for case in "fsync EINVAL" "fsync EOPNOTSUPP" "fsync ENOSYS" "linkat EXDEV"; do
		# shellcheck disable=SC2086
		failing $case
		LD_PRELOAD=$PWD/preload.so "${draw[@]}"
		fd2-look --check x.tar
		rm x.tar
	done
	failing fsync EIO
	LD_PRELOAD=$PWD/preload.so run -1 --separate-stderr "${draw[@]}"
	said "fd2-draw: cannot write 'x.tar': Input/output error"
	[ -z "$(find . -name '*x.tar*')" ]
}

@test "inputs: an output is on the disk before it has its name, and the name before the end" {
	cat >preload.c <<-'END'
		#include <fcntl.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/stat.h>
		static void note(const char *what)
		{
			FILE *f = fopen(getenv("NOTES"), "a");
			fprintf(f, "%s\n", what);
			fclose(f);
		}
		int fsync(int fd)
		{
			struct stat st;
			note(fstat(fd, &st) ? "?" : S_ISDIR(st.st_mode) ? "folder" : "file");
			return 0;
		}
		int rename(const char *from, const char *to)
		{
			note("name");
			return renameat(AT_FDCWD, from, AT_FDCWD, to);
		}
	END
	gcc -shared -fPIC -o preload.so preload.c
	NOTES=$PWD/notes LD_PRELOAD=$PWD/preload.so \
		fd2-draw --classes 2 --per-class 1 --size 32 -o x.tar
	fd2-look --check x.tar
	[ "$(xargs <notes)" = "file name folder" ]
}

@test "inputs: a pipe that does not block is waited for" {
	need_python
	"$python" - <<-'P'
		import json, os, subprocess, time
		r, w = os.pipe()
		os.set_blocking(r, False)
		look = subprocess.Popen(["fd2-look", "--json"], stdin=r, stdout=subprocess.PIPE)
		os.close(r)
		time.sleep(0.3)
		os.write(w, open("drawn.tar", "rb").read())
		os.close(w)
		assert json.loads(look.communicate()[0])["samples"] == 6 and look.returncode == 0
		for command in ["fd2-draw --classes 4 --per-class 30", "fd2-look --help"]:
		    r, w = os.pipe()
		    os.set_blocking(w, False)
		    p = subprocess.Popen(command.split(), stdout=w)
		    os.close(w)
		    time.sleep(0.5)
		    while os.read(r, 65536):
		        pass
		    os.close(r)
		    assert p.wait() == 0, command
	P
}

@test "inputs: a working folder that is gone is not missed where no path is in it" {
	local here=$PWD
	mkdir gone
	cd gone
	rmdir ../gone
	fd2-select -q -n 1 -o "$here/x.tar" "$here/drawn.tar"
	run -1 --separate-stderr fd2-select -q -n 1 -o x.tar "$here/drawn.tar"
	said "fd2-select: *"
	[[ $stderr != *MKL* ]]
	cd "$here"
	[ -s x.tar ]
}

@test "inputs: whatever libarchive unpacks is read, whatever frame comes first" {
	xz -k --format=lzma plain.tar
	{ printf '\x5f\x2a\x4d\x18\x03\x00\x00\x00xyz' && zstd -qc plain.tar; } >skipped.tar.zst
	{ gzip -c <plain.tar | head -c 5000 && gzip -c <plain.tar | tail -c +5001; } >whole.tar.gz
	xz -c skipped.tar.zst >twice.tar.zst.xz
	local packed
	for packed in plain.tar.lzma skipped.tar.zst whole.tar.gz twice.tar.zst.xz; do
		[ "$(digest $packed)" = "$(digest plain.tar)" ]
	done
	gzip -c <<<'no archive' >text.gz
	run -1 --separate-stderr fd2-look text.gz
	said "fd2-look: 'text.gz' is packed with gzip, but it holds no tar archive"
	echo '<!DOCTYPE html><title>404</title>' >shard.tar
	run -1 --separate-stderr fd2-select shard.tar
	said "fd2-select: 'shard.tar' is an HTML page; *"
}

@test "inputs: names that tar and file systems take for one are one" {
	local class
	for class in p/*; do
		tar -C p -rf odd.tar "${class#p/}"//0001.jpg "./${class#p/}/./0002.jpg"
	done
	[ "$(digest odd.tar)" = "$(digest plain.tar)" ]
	mv p/red-spot $'p/rouge\xcc\x81'
	mv p/gold-bar $'p/\xc0\xe9'
	tar --format=gnu --sort=name -cf gnu.tar -C p .
	tar --format=pax --sort=name -cf pax.tar -C p .
	for form in p gnu.tar pax.tar; do
		[ "$(fd2-look --json $form | jq -c '[.samples, (.classes | keys)]')" = \
			'[6,["%C0%E9","blue-ring","rougé"]]' ]
	done
	fd2-select -q -n 1 -o x.tar p
	[ "$(fd2-look --json x.tar | jq -c .meta.classes)" = '["%C0%E9","blue-ring","rougé"]' ]
	cp p/blue-ring/0001.jpg 'p/blue\0001.jpg'
	run -1 --separate-stderr fd2-look p
	said "fd2-look: 'p': member 'blue\\\\0001.jpg' has no label *:" \
		"it has backslashes where folders have '/'"
}

@test "inputs: long names are written as they are read" {
	local long
	long=$(printf 'ü%.0s' {1..110})
	mv p/red-spot "p/${long}1"
	mv p/gold-bar "p/${long}2"
	mv p/blue-ring/0001.jpg "p/blue-ring/$(printf 'x%.0s' {1..160}).jpg"
	[ "$(counted p)" = "6 3" ]
	fd2-select -q -n 2 -o x.tar p
	[ "$(counted x.tar)" = "6 3" ]
	[ "$(tar --quoting-style=literal -tf x.tar | grep -c "${long}[12]/000[12].jpg")" = 4 ]
	fd2-teacher -q -a convnet3 -s 16 -M 2 -e 1 -b 6 -o t.fd2 p
	local distill=(fd2-distill -q -t t.fd2 -n 3 --init mosaic)
	"${distill[@]}" --steps 1 -o whole.tar p
	"${distill[@]}" --steps 40 -o part.tar p 3>&- &
	until [ "$(stat -c %s part.tar.part 2>/dev/null || echo 0)" -gt 12000 ]; do sleep 0.02; done
	kill -KILL $!
	wait $! || true
	"${distill[@]}" --steps 40 --resume -o part.tar p
	"${distill[@]}" --steps 40 -o same.tar p
	cmp part.tar same.tar
}

@test "inputs: links in an archive lead to what they lead to on a disk" {
	ln p/red-spot/0001.jpg p/gold-bar/hard.jpg
	ln -s ../red-spot/0002.jpg p/gold-bar/soft.jpg
	ln -s hard.jpg p/gold-bar/chain.jpg
	ln -s blue-ring p/azure
	tar --sort=name -cf links.tar -C p .
	tar --sort=name -h --hard-dereference -cf files.tar -C p .
	[ "$(counted links.tar)" = "11 4" ]
	diff <(fd2-look --json links.tar | jq .classes) <(fd2-look --json files.tar | jq .classes)
	gzip -k links.tar
	[ "$(digest links.tar.gz)" = "$(digest links.tar)" ]
	run -1 --separate-stderr bash -c 'cat links.tar | fd2-look'
	[[ $stderr == *"is a link, and a pipe is read once only; "* ]]
	ln -s /nowhere/else.jpg p/red-spot/out.jpg
	tar --sort=name -cf out.tar -C p .
	run -1 --separate-stderr fd2-look out.tar
	[[ $stderr == *"'out.tar': member 'red-spot/out.jpg' is a link out of the archive;"* ]]
	[[ $stderr == *"; pack it with \`tar -h\`" ]]
}

@test "inputs: a link may have a dot in its name, and lead through links" {
	ln -s blue-ring p/St._Bernard
	ln -s ../red-spot/0002.jpg p/blue-ring/soft.jpg
	ln -s ../gold-bar p/blue-ring/more
	tar --sort=name -cf links.tar -C p .
	tar --sort=name -h --hard-dereference -cf files.tar -C p .
	[[ $(counted files.tar) == *" 4" ]]
	[ "$(counted links.tar)" = "$(counted files.tar)" ]
	[ "$(counted p)" = "$(counted files.tar)" ]
	diff <(fd2-look --json links.tar | jq .classes) <(fd2-look --json files.tar | jq .classes)
	mkdir p/gold-bar/.snap
	ln -s ../../gold-bar p/gold-bar/.snap/now
	tar --sort=name -cf links.tar -C p .
	[ "$(counted links.tar)" = "$(counted files.tar)" ]
	ln -s ../gold-bar p/gold-bar/up
	tar --sort=name -cf round.tar -C p .
	run -1 --separate-stderr fd2-look round.tar
	said "fd2-look: 'round.tar': member 'gold-bar/up' *links to a folder that it is in"
}

@test "inputs: what nobody needs may be a link to nothing, or large" {
	local images
	truncate -s 300M p/gold-bar/features.h5
	ln -s gold-bar p/St._Bernard
	images=$(counted p)
	ln -s /nowhere p/notes.txt
	ln -s round p/round
	tar -S --sort=name -cf p.tar -C p .
	for shard in p p.tar; do
		run -0 --separate-stderr counted $shard
		[ "$output" = "$images" ]
		[[ $stderr == *"passed over "*"notes.txt', a link "*" nothing"* ]]
	done
}

@test "inputs: a class without an image is told before work" {
	cp -r p e
	mkdir e/none
	run -1 --separate-stderr fd2-teacher -q -a convnet3 -s 16 -o t.fd2 e
	said "fd2-teacher: class 'none' has no image"
	tar -cf e.tar e
	run -1 --separate-stderr fd2-eval --hard -a convnet3 -s 16 --val p e.tar
	said "fd2-eval: class 'none' has no image"
	for image in p/red-spot/*.jpg; do : >"$image"; done
	run -1 --separate-stderr fd2-teacher -q -a convnet3 -s 16 -o t.fd2 p
	said "fd2-teacher: class 'red-spot' has no image"
}

@test "inputs: a part of a distilled set that is missing is warned of" {
	fd2-teacher -q -a convnet3 -s 16 -M 2 -e 1 -b 6 -o t.fd2 drawn.tar
	fd2-distill -q -t t.fd2 -b 2 --classes 0-1 --steps 1 -o 0-1.tar drawn.tar
	run -0 --separate-stderr fd2-relabel -t t.fd2 -e 1 -o l.fd2 0-1.tar
	said "fd2-relabel: no image of 1 of the 3 classes ('red-spot'): is a shard missing?"
	run -0 --separate-stderr fd2-eval -a convnet3 -l l.fd2 --val drawn.tar 0-1.tar
	said "fd2-eval: no image of 1 of the 3 classes ('red-spot'): is a shard missing?"
	run -0 --separate-stderr fd2-eval --evaluate t.fd2 --val 0-1.tar
	said "fd2-eval: no image of 1 of the 3 classes ('red-spot') in --val: is a shard missing?"
	run -0 --separate-stderr \
		fd2-teacher -a convnet3 -s 16 -M 2 -e 1 -b 6 --val 0-1.tar -o x.fd2 drawn.tar
	said_first "fd2-teacher: no image of 1 of the 3 classes ('red-spot') in --val: *"
}

@test "inputs: a webdataset of numbers trains" {
	mkdir w
	local n=0 file
	for file in p/*/*.jpg; do
		cp "$file" w/$n.jpg
		echo $((n / 2)) >w/$n.cls
		n=$((n + 1))
	done
	tar --sort=name -cf w.tar -C w .
	run -0 --separate-stderr fd2-teacher -a convnet3 -s 16 -M 2 -e 1 -b 6 -o t.fd2 w.tar
	[ "${stderr_lines[0]}" = \
		"fd2-teacher: the training shards name no classes; they are called 0 to 2" ]
	fd2-distill -q -t t.fd2 --steps 1 -o d.tar w.tar
	fd2-relabel -q -t t.fd2 -e 1 -o l.fd2 d.tar
	fd2-eval -q -a convnet3 -l l.fd2 --val w.tar d.tar |
		jq -e '.classes == 3 and .val_images == 6'
	echo 4 >w/5.cls
	tar --sort=name -cf w.tar -C w .
	run -1 --separate-stderr fd2-teacher -q -a convnet3 -s 16 -o t.fd2 w.tar
	said "fd2-teacher: class '3' has no image (are the numbers counted from 1?)"
}

@test "inputs: threads, memory and sizes that there are not" {
	local cpus
	cpus=$(nproc)
	run -0 --separate-stderr \
		fd2-teacher -q -a convnet3 -s 16 -M 2 -e 1 -b 6 --threads 9 -o t.fd2 p
	[ -z "$stderr" ]
	run -0 --separate-stderr fd2-protos --threads 250 -t t.fd2 -o q.fd2
	((cpus > 249)) || said "fd2-protos: --threads 250 is more than the * CPUs" \
		"that this process may use, and slower"
	run -1 --separate-stderr \
		bash -c 'ulimit -v 700000; fd2-teacher -q --threads 1 -s 224 -e 1 -o t.fd2 p'
	said "fd2-teacher: *out of memory*"
	run -1 --separate-stderr \
		bash -c 'ulimit -v 300000; fd2-teacher -q --threads 1 -s 224 -e 1 -o t.fd2 p'
	said "fd2-teacher: cannot load libtorch: out of memory *"
	run -1 --separate-stderr fd2-teacher -a densenet121 -s 28 -o t.fd2 none
	said "fd2-teacher: densenet121 needs images of at least 29 pixels, not 28"
}

@test "inputs: an option is suggested only where one is near" {
	misused "fd2-distill: unknown option '--bathc'; did you mean '--batch'?" \
		fd2-distill --bathc 1
	misused "fd2-distill: unknown option '--epoch'" fd2-distill --epoch 1
	misused "fd2-teacher: unknown option '--epohcs'; did you mean '--epochs'?" \
		fd2-teacher --epohcs 1
}
