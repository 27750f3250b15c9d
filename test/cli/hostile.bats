#!/usr/bin/env bats
# Every tool on inputs that are cut, wrong or large, on outputs that fail, and on signals: one
# sentence and a documented status.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fd2_setup
	tiny_run
}

readers_of_shards="teacher protos distill expert match select attn relabel eval look"
readers_of_streams="protos distill select attn relabel eval stat look"

# on_shard TOOL SHARD: the tool reads that shard.
on_shard() {
	case $1 in
	teacher) tiny_teacher -e 1 -o x "$2" ;;
	protos | attn) "fd2-$1" -t teacher.fd2 -o x "$2" ;;
	distill) fd2-distill -t teacher.fd2 --steps 1 -o x "$2" ;;
	expert) fd2-expert -s 32 -n 1 -e 1 -o x "$2" ;;
	match) fd2-match -s 32 --iterations 1 -o x "$2" ;;
	select) fd2-select -o x "$2" ;;
	relabel) fd2-relabel -t teacher.fd2 -e 1 -o x "$2" ;;
	eval) fd2-eval -a "$tiny_arch" --hard -s 32 -e 1 --val val.tar -o x "$2" ;;
	look) fd2-look "$2" ;;
	esac
}

# on_stream TOOL STREAM: the tool reads that stream, where it wants a teacher, labels or attention.
on_stream() {
	case $1 in
	protos) fd2-protos -t "$2" -o x ;;
	distill) fd2-distill -t "$2" --steps 1 -o x train.tar ;;
	select | attn | relabel) "fd2-$1" -t "$2" -o x distilled.tar ;;
	eval) fd2-eval -a "$tiny_arch" -l "$2" --val val.tar -o x distilled.tar ;;
	stat | look) "fd2-$1" "$2" ;;
	esac
}

# What each of them reads when all is well.
stream_for() {
	case $1 in
	eval) echo labels.fd2 ;;
	stat) echo attn.fd2 ;;
	*) echo teacher.fd2 ;;
	esac
}

# terminated SIGN COMMAND...: SIGTERM as soon as the sign of work, a command, succeeds
terminated() {
	local sign=$1
	shift
	"$@" 2>err 3>&- &
	until eval "$sign"; do
		kill -0 $! || return 1
		sleep 0.05
	done
	kill -TERM $!
	wait $!
}

nothing_left() {
	[ -z "$(find . -name 'x*' -o -name '.*' ! -name . -o -name '*.tmp')" ]
}

# Each .jpg among the arguments claims 60000x60000 pixels from now on.
claim_too_much() {
	local file at
	for file; do
		at=$(LC_ALL=C grep -obUaP '\xff\xc0' "$file" | head -1 | cut -d: -f1)
		printf '\xea\x60\xea\x60' | dd of="$file" bs=1 seek=$((at + 5)) conv=notrunc \
			status=none
	done
}

# inputs

@test "hostile: an empty standard input" {
	for tool in $readers_of_shards; do
		run -1 --separate-stderr on_shard "$tool" - </dev/null
		said "fd2-$tool: *standard input*empty*" || said "fd2-$tool: *'-'*empty*"
	done
	for tool in $readers_of_streams; do
		run -1 --separate-stderr on_stream "$tool" - </dev/null
		said "fd2-$tool: *empty*"
	done
	nothing_left
}

@test "hostile: a text file" {
	echo hello, this is no archive >text
	for tool in $readers_of_shards; do
		run -1 --separate-stderr on_shard "$tool" text
		said "fd2-$tool: 'text' is not a tar archive"
	done
	for tool in $readers_of_streams; do
		run -1 --separate-stderr on_stream "$tool" text
		said "fd2-$tool: *'text'*"
	done
	nothing_left
}

@test "hostile: a file that is not there" {
	for tool in $readers_of_shards; do
		run -1 --separate-stderr on_shard "$tool" none
		said "fd2-$tool: cannot open 'none': No such file or directory"
	done
	for tool in $readers_of_streams; do
		run -1 --separate-stderr on_stream "$tool" none
		said "fd2-$tool: *cannot open 'none': No such file or directory"
	done
}

@test "hostile: a shard cut in a member, or between two" {
	head -c 20000 train.tar >cut.tar
	head -c 1536 train.tar >edge.tar # a JPEG's header and its two blocks
	for tool in $readers_of_shards; do
		for shard in cut.tar edge.tar; do
			run -1 --separate-stderr on_shard "$tool" "$shard"
			said "fd2-$tool: '$shard' is cut short*"
		done
	done
	nothing_left
}

@test "hostile: a stream cut anywhere" {
	local stream tool
	for tool in $readers_of_streams; do
		stream=$(stream_for "$tool")
		# within the header, in the middle, and so that only its end record is missing
		for size in 50 $(($(stat -Lc %s "$stream") / 2)) \
			$(($(stat -Lc %s "$stream") - 25)); do
			head -c "$size" "$stream" >cut.fd2
			run -1 --separate-stderr on_stream "$tool" cut.fd2
			said "fd2-$tool: *'cut.fd2'*"
		done
	done
	mkdir whole
	for stream in protos attn; do
		cp protos.fd2 attn.fd2 whole
		head -c -10 whole/$stream.fd2 >whole/cut && mv whole/cut whole/$stream.fd2
		run -1 --separate-stderr fd2-distill -t teacher.fd2 --ipc 3 --id 3 --steps 1 \
			-p whole/protos.fd2 \
			--ls-view plain --attn whole/attn.fd2 -o x train.tar
		said "fd2-distill: *'whole/$stream.fd2'*"
	done
	rm -r whole
	nothing_left
}

@test "hostile: a stream of another kind" {
	for tool in protos distill select attn relabel eval stat; do
		run -1 --separate-stderr on_stream "$tool" protos.fd2
		said "fd2-$tool: *'protos.fd2'*protos*"
	done
	nothing_left
}

@test "hostile: an image that claims 60000x60000 pixels is skipped and counted; --strict stops" {
	tar xf train.tar --exclude '__*__'
	claim_too_much red-spot/0003.jpg gold-bar/0002.jpg
	tar --sort=name -cf bad.tar blue-ring gold-bar red-spot
	loud() {
		case $1 in
		teacher) fd2-teacher -a "$tiny_arch" -s 32 -M 2 -b 12 -e 1 -o x bad.tar ;;
		*) on_shard "$1" bad.tar ;;
		esac
	}
	strict() {
		case $1 in
		teacher) tiny_teacher --strict -e 1 -o x bad.tar ;;
		eval) fd2-eval -a "$tiny_arch" --strict --hard -s 32 -e 1 --val val.tar -o x \
			bad.tar ;;
		*) "fd2-$1" --strict -t teacher.fd2 -o x bad.tar ;;
		esac
	}
	for tool in teacher protos distill select attn eval; do
		run -0 --separate-stderr loud $tool
		[[ $stderr == *"fd2-$tool: skipped member 'red-spot/0003' of 'bad.tar': \
claims 60000x60000 pixels, more than "*" Mpx"* ]]
		[[ $stderr == *"fd2-$tool: skipped member 'gold-bar/0002' of 'bad.tar': "* ]]
		[[ $stderr == *"fd2-$tool: skipped 2 of 36 images"* ]]
		rm x
		run -1 --separate-stderr strict $tool
		said "fd2-$tool: cannot read 'bad.tar': member 'gold-bar/0002': claims" \
			"60000x60000 pixels, more than * Mpx"
	done
	# labels speak of every image, so there a bad one stops in any case
	run -1 --separate-stderr on_shard relabel bad.tar
	said "fd2-relabel: cannot read 'bad.tar': member 'gold-bar/0002': *"
	run -1 --separate-stderr fd2-look --check bad.tar
	said "fd2-look: 'bad.tar': image 'gold-bar/0002': claims 60000x60000 pixels*"
	nothing_left
	claim_too_much ./*/*.jpg
	tar --sort=name -cf all.tar blue-ring gold-bar red-spot
	run -1 --separate-stderr tiny_teacher -e 1 -o x all.tar
	[ "${stderr_lines[-1]}" = "fd2-teacher: not one image could be read" ]
}

@test "hostile: a class with one image, and one class only" {
	tar xf train.tar --exclude '__*__'
	rm blue-ring/*
	cp gold-bar/0001.jpg blue-ring/only.jpg
	rm -- */*.cls */*.json
	tar --sort=name -cf one.tar blue-ring gold-bar red-spot
	tiny_teacher -e 1 -o t.fd2 one.tar
	run -1 --separate-stderr fd2-distill -t t.fd2 --ipc 3 --steps 1 -o d.tar one.tar
	said "fd2-distill: class 'blue-ring' has 1 of the 3 photographs that its images start as;" \
		"give a smaller --ipc, or --init mosaic, which uses some more than once"
	fd2-distill -t t.fd2 --ipc 3 --steps 1 --init mosaic -o d.tar one.tar
	[ "$(fd2-look --json d.tar |
		jq -c .classes)" = '{"blue-ring":3,"gold-bar":3,"red-spot":3}' ]
	tar --sort=name -cf red.tar red-spot
	run -1 --separate-stderr on_shard teacher red.tar
	said "fd2-teacher: the training shards hold one class, 'red-spot'; expected at least two"
	run -1 --separate-stderr on_shard distill red.tar
	said "fd2-distill: *class 'blue-ring' has no image"
	rm -f x.part
	run -1 --separate-stderr on_shard eval red.tar
	said "fd2-eval: the shards name fewer than two classes"
	on_shard attn red.tar
	rm x
	fd2-distill -t teacher.fd2 --steps 1 -b 1 --classes 2-2 -o d.tar red.tar
	nothing_left
}

@test "hostile: inputs that do not belong together" {
	fd2-protos -t other.fd2 -o theirs.fd2
	run -1 --separate-stderr tiny_distill -p theirs.fd2 -o x
	said "fd2-distill: 'theirs.fd2' holds prototypes of another teacher (????????????...)" \
		"than 'teacher.fd2' (????????????...)"
	tiny_distill --ipc 2 --seed 3 -o d.tar
	run -1 --separate-stderr fd2-eval -l labels.fd2 --val val.tar -o x d.tar
	said "fd2-eval: the labels were made for another distilled set (????????????...) than" \
		"this one (????????????...)"
	fd2-draw --classes 4 --per-class 2 --size 40 -o four.tar
	for tool in protos distill relabel; do
		run -1 --separate-stderr on_shard "$tool" four.tar
		said "fd2-$tool: '*': class '*' of '*' is not one of the 3 classes of the teacher"
	done
	run -1 --separate-stderr fd2-eval -l labels.fd2 --val four.tar -o x distilled.tar
	said "fd2-eval: '*': class '*' of '*' is not one of the 3 classes of the distilled set"
	run -1 --separate-stderr tiny_teacher -e 1 --val four.tar -o x train.tar
	said "fd2-teacher: '*': class '*' of '*' is not one of the 3 classes of the training set"
	nothing_left
}

@test "hostile: two tars in one stream are one set" {
	tar xf train.tar --exclude '__*__'
	tar cf a.tar --sort=name blue-ring/000?.jpg gold-bar/000?.jpg red-spot/000?.jpg
	tar cf b.tar --sort=name blue-ring/001?.jpg gold-bar/001?.jpg red-spot/001?.jpg
	[ "$(cat a.tar b.tar | fd2-look --json |
		jq -c '[.samples, .classes["red-spot"]]')" = '[36,12]' ]
	cat a.tar b.tar | fd2-attn -t teacher.fd2 | fd2-look --json |
		jq -e '.tensors | length == 72'
	cmp <(cat a.tar b.tar | fd2-protos -t teacher.fd2 - | fd2-look --tensor prototypes) \
		<(fd2-protos -t teacher.fd2 a.tar b.tar | fd2-look --tensor prototypes)
	run -1 --separate-stderr bash -c 'cat a.tar a.tar | fd2-attn -t teacher.fd2 -o x'
	said "fd2-attn: *sample 'blue-ring/0001' appears again*"
}

# outputs

@test "hostile: a full disk" {
	full() {
		local out=("-o" "$2")
		[ "$2" != - ] || out=()
		case $1 in
		teacher) tiny_teacher -e 1 "${out[@]}" train.tar ;;
		protos) fd2-protos -t teacher.fd2 "${out[@]}" ;;
		attn | relabel) "fd2-$1" -t teacher.fd2 "${out[@]}" distilled.tar ;;
		distill) fd2-distill -t teacher.fd2 --steps 1 "${out[@]}" train.tar ;;
		expert) fd2-expert -s 32 -n 1 -e 1 "${out[@]}" train.tar ;;
		match) fd2-match -s 32 --iterations 1 "${out[@]}" train.tar ;;
		select) fd2-select "${out[@]}" train.tar ;;
		eval) fd2-eval -a "$tiny_arch" -l labels.fd2 --val val.tar "${out[@]}" \
			distilled.tar ;;
		stat) fd2-stat "${out[@]}" attn.fd2 ;;
		look) fd2-look train.tar ;;
		esac
	}
	to_full() {
		full "$@" >/dev/full
	}
	for tool in teacher protos distill expert match select attn relabel eval stat; do
		run -1 --separate-stderr full $tool /dev/full
		said "fd2-$tool: cannot write '/dev/full': No space left on device"
	done
	for tool in teacher protos distill expert match select attn relabel eval stat look; do
		run -1 --separate-stderr to_full $tool -
		said "fd2-$tool: cannot write standard output: No space left on device"
	done
	run -1 --separate-stderr fd2-eval -a "$tiny_arch" -l labels.fd2 --val val.tar \
		--save /dev/full -o x distilled.tar
	said "fd2-eval: cannot write '/dev/full': No space left on device"
	run -1 --separate-stderr bash -c 'ulimit -f 1; fd2-draw -o x'
	said "fd2-draw: cannot write 'x': File too large"
	run -1 --separate-stderr bash -c 'ulimit -f 1; fd2-exchange --to rded -o x train.tar'
	said "fd2-exchange: cannot write 'x/00000/class00000_id00000.jpg': File too large"
	nothing_left
	# before the work
	closed() { tiny_distill --steps 1000000 >&-; }
	run -1 --separate-stderr closed
	said "fd2-distill: cannot write standard output: Bad file descriptor"
	run -1 --separate-stderr fd2-protos -t teacher.fd2 -o none/x none.tar
	said "fd2-protos: cannot write 'none/x': No such file or directory"
}

@test "hostile: a state that cannot be is refused" {
	need_python
	cat >alter.py <<-'END'
		import hashlib, sys, zlib, msgpack
		_, path, key, value = sys.argv
		with open(path, "rb") as f:
		    objects = list(msgpack.Unpacker(f, strict_map_key=False))
		objects[0]["meta"]["state"][key] = int(value)
		b = b"".join(msgpack.packb(o) for o in objects[:-1])
		objects[-1].update(crc32=zlib.crc32(b), digest=hashlib.sha256(b).hexdigest())
		open(path, "wb").write(b + msgpack.packb(objects[-1]))
	END
	local tool key value
	while read -r tool key value; do
		local command=("fd2-$tool" -q -a convnet3 -s 16 -b 3 -e 99999 --threads 1 -o x)
		if [ "$tool" = teacher ]; then
			command+=(-M 2 train.tar)
		else
			command+=(--hard --val val.tar train.tar)
		fi
		rm -f x.ckpt
		run -143 terminated '[ -e x.ckpt ]' "${command[@]}" --checkpoint-every 1
		"$python" alter.py x.ckpt "$key" "$value"
		run -1 --separate-stderr "${command[@]}" --resume
		said "fd2-$tool: cannot resume: 'x.ckpt' holds no state of fd2-$tool"
	done <<-'END'
		teacher epoch -1
		teacher step -1
		teacher step 1000
		eval epoch -1
		eval step -1
	END
}

@test "hostile: a folder that is not there is told before the work" {
	local tool
	for tool in distill relabel attn "select --method rded"; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr fd2-$tool -t none.fd2 -o none/x none.tar
		said "fd2-${tool%% *}: cannot write 'none/x': No such file or directory"
	done
}

@test "hostile: SIGTERM leaves nothing under the final name, and no temporary file" {
	# fd2-relabel and fd2-distill keep what is finished, for --resume
	run -143 terminated '[ -s x.part ]' fd2-relabel -t teacher.fd2 -e 100000 -o x distilled.tar
	grep -q "^fd2-relabel: stopped by SIGTERM: 'x.[a-z]*' has the labels of .*; go on" err
	rm -f x.part x.ckpt # within an epoch
	nothing_left
	run -143 terminated '[ -e best.fd2 ]' fd2-teacher -a "$tiny_arch" -q -s 32 -M 2 -b 12 \
		-e 1000 --val val.tar --best best.fd2 -o x train.tar
	grep -q "^fd2-teacher: stopped by SIGTERM: 'x.ckpt' has the state after epoch .*; go on" err
	rm x.ckpt
	nothing_left
	fd2-look --check best.fd2
	run -143 terminated '[ -e x.part ]' fd2-distill -q -t teacher.fd2 --ipc 50 --steps 20 \
		--init mosaic -o x train.tar
	grep -q "^fd2-distill: stopped by SIGTERM: .*; go on with --resume$" err
	[ ! -e x ]
	rm -f x.part x.ckpt
	nothing_left
}

@test "hostile: a reader that closes the pipe ends the writer silently" {
	for tool in "fd2-relabel -t teacher.fd2 -e 3000 distilled.tar" \
		"fd2-protos -t teacher.fd2 distilled.tar" "fd2-draw" \
		"fd2-distill -q -t teacher.fd2 --steps 1 --ipc 40 --init mosaic train.tar"; do
		run -0 bash \
			-c "$tool 2>err | head -c 100 >/dev/null; echo \${PIPESTATUS[*]}; cat err"
		case $tool in
		# 12 kB fit into the pipe
		fd2-protos*) [[ $output =~ ^(0|141)\ 0$ ]] ;;
		*) [ "$output" = "141 0" ] ;;
		esac
	done
}

@test "hostile: a terminal gets no binary" {
	command -v script || skip "no script(1)"
	local command
	for command in "fd2-protos -t teacher.fd2" "fd2-relabel -t teacher.fd2 -e 1 distilled.tar" \
		"fd2-attn -t teacher.fd2 distilled.tar" \
		"fd2-distill -t teacher.fd2 --steps 1 train.tar" "fd2-select train.tar" \
		"fd2-match -s 32 --iterations 1 train.tar" \
		"fd2-expert -s 32 -n 1 -e 1 train.tar" \
			"fd2-teacher -a $tiny_arch -q -s 32 -M 2 -b 12 -e 1 train.tar"; do
		run -1 script -qec "$command" /dev/null
		[[ $output == *"${command%% *}: binary data is not written to a terminal; \
redirect it or use -o FILE"* ]]
	done
	run -0 script -qec "fd2-stat attn.fd2" /dev/null
}

@test "hostile: a wrong command line has status 2 and points to --help" {
	local wrong
	for wrong in "teacher --maps 0" "teacher --arch vgg" "teacher -e" "teacher --warmup 300" \
		"protos --nonsense" "distill" \
		"distill -t teacher.fd2 --ipc 0" "distill -t teacher.fd2 --beta 2" \
			"distill -t teacher.fd2 --ls-view none" \
		"distill -t teacher.fd2 --classes x" "select --method best" "select --factor 3" \
			"attn distilled.tar" "relabel distilled.tar" \
		"relabel -t teacher.fd2 -e 1.5" "relabel -t teacher.fd2 --teacher-weights 1,2" \
			"relabel -t teacher.fd2 --teacher-weights 1," \
		"relabel -t teacher.fd2 --label-fraction 0" \
			"eval --hard --reuse-labels --val val.tar distilled.tar" \
		"eval distilled.tar" "eval --val val.tar" "eval --val val.tar -T 0 distilled.tar" \
			"stat a b" "look --cell x" \
		"attn -t teacher.fd2 --device tpu" "protos --threads many" "stat --seed 1" \
			"look --device cpu"; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr fd2-$wrong
		[ -z "$output" ]
		[[ ${stderr_lines[0]} == "fd2-${wrong%% *}: "* ]]
		[ "${stderr_lines[1]}" = "try 'fd2-${wrong%% *} --help'" ]
		[ "${#stderr_lines[@]}" = 2 ]
	done
	for tool in teacher protos distill select attn relabel eval stat look; do
		run -0 --separate-stderr fd2-$tool --help
		[ -z "$stderr" ]
		[[ $output == "usage: fd2-$tool "*"See fd2-$tool(1)."* ]]
	done
}

@test "hostile: a log is not written into a file that is something else, nor over an output" {
	cp train.tar kept
	run -1 --separate-stderr fd2-distill -t teacher.fd2 --steps 1 -o d.tar --log val.tar \
		train.tar
	said "fd2-distill: 'val.tar' is not a log: it does not begin with an event"
	echo '{"classes":["a"]}' >classes.json
	run -1 --separate-stderr fd2-look --log classes.json train.tar
	said "fd2-look: 'classes.json' is not a log: it does not begin with an event"
	[ "$(cat classes.json)" = '{"classes":["a"]}' ]
	run -2 --separate-stderr fd2-distill -t teacher.fd2 --steps 1 -o d.tar --log train.tar \
		train.tar
	[ "${stderr_lines[0]}" = "fd2-distill: 'train.tar' is both read and written" ]
	cmp kept train.tar
	[ ! -e d.tar ]
	run -2 --separate-stderr fd2-protos -t teacher.fd2 --log out -o out
	[ "${stderr_lines[0]}" = "fd2-protos: --log and --output are both 'out'" ]
	run -1 --separate-stderr fd2-protos -t teacher.fd2 --log /dev/full -o p.fd2
	said "fd2-protos: cannot write the log: No space left on device"
}

@test "hostile: a log whose last line was cut goes on with a line of its own" {
	printf '{"tool":"fd2-look","vers' >log
	fd2-look --log log train.tar
	[ "$(jq -Rr 'fromjson? | .event' log | paste -sd ' ')" = 'start end' ]
	printf '{"event":"end","sta' >>log
	fd2-look --log log train.tar
	[ "$(jq -Rr 'fromjson? | .event' log | paste -sd ' ')" = 'start end start end' ]
}

@test "hostile: a log on a full disk is told of by --quiet, too" {
	run -1 --separate-stderr fd2-protos -q -t teacher.fd2 --log /dev/full -o p.fd2
	said "fd2-protos: cannot write the log: No space left on device"
}

@test "hostile: a name has room for what is written next to it, or is refused before the work" {
	local name tiny=(fd2-teacher -q -a convnet3 -s 32 -M 2 -b 12 --threads 1)
	name=$(printf 'é%.0s' {1..125}) # 250 bytes, and 255 may be
	"${tiny[@]}" -e 2 --checkpoint-every 1 -o "$name" train.tar
	fd2-look --check "$name"
	run -1 --separate-stderr "${tiny[@]}" -e 99999 -o "${name}x" train.tar
	said "fd2-teacher: cannot write '${name}x.ckpt': File name too long"
	fd2-protos -q -t teacher.fd2 -o "${name}xxxxx"
	[ -z "$(find . -name '.?*')" ]
}

@test "hostile: an empty name is no name" {
	run -2 --separate-stderr fd2-distill -t teacher.fd2 --steps 1 -o '' train.tar
	[ "${stderr_lines[0]}" = "fd2-distill: --output is given an empty name" ]
	[ -z "$(find . -name '.*part')" ]
}

@test "hostile: a run that is killed leaves no file without a name" {
	fd2-teacher -a "$tiny_arch" -q -s 32 -M 2 -b 12 -e 99 --checkpoint-every 1 -o x.fd2 \
		train.tar 3>&- &
	local pid=$!
	until [ -e x.fd2.ckpt ]; do sleep 0.02; done
	sleep 0.3
	kill -KILL $pid
	wait $pid || true
	[ -z "$(find . -name '.x.fd2*')" ]
}
