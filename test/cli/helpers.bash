# Shared by the bats files: `load helpers` at their top. A file that has its own setup calls
# fd2_setup in it.
# shellcheck shell=bash

root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
# shellcheck source=test/cli/tiny.bash
. "$root/test/cli/tiny.bash"

# build/bin comes first in PATH (FD2_BIN: another build), and each test works in its own empty
# folder.
fd2_setup() {
	PATH=${FD2_BIN:-$root/build/bin}:$PATH
	unset MAKEFLAGS MFLAGS MAKELEVEL
	trap 'skip "real photographs absent"' USR1
	cd "$BATS_TEST_TMPDIR" || return 1
}

setup() {
	fd2_setup
}

# real_data NAME: prints the path of a shard of real photographs, or skips the test.
real_data() {
	local folder=${FD2_DATA:-../shared/data}
	[[ $folder == /* ]] || folder=$root/$folder
	if [ -f "$folder/$1" ]; then
		echo "$folder/$1"
	else
		# `skip` would end no more than the subshell of "$(real_data ...)"; the signal
		# reaches the test itself.
		kill -USR1 $$
	fi
}

# need_python: sets $python to one that has msgpack, msgpack_numpy and numpy, or skips the test.
need_python() {
	export python=$root/build/venv/bin/python
	[ -e "$root/build/venv/ok" ] || skip "no build/venv with Python's msgpack"
}

# py ARGUMENT...: a program on standard input, which can import from streams read(PATH) -> (header,
# {name: array}) and write(PATH, header, tensors).
py() {
	need_python
	cat >streams.py <<-'END'
		import zlib, msgpack
		from msgpack_numpy import decode, encode
		def read(path):
		    with open(path, "rb") as f:
		        objects = msgpack.Unpacker(f, max_buffer_size=0, object_hook=decode)
		        o = list(objects)
		    assert o[-1]["end"] and o[-1]["count"] == len(o) - 2
		    return o[0], {x["name"]: x["value"] for x in o[1:-1]}
		def write(path, header, tensors):
		    o = [header] + [{"name": k, "value": v} for k, v in tensors.items()]
		    b = b"".join(msgpack.packb(x, default=encode) for x in o)
		    b += msgpack.packb({"end": True, "count": len(tensors), "crc32": zlib.crc32(b)})
		    open(path, "wb").write(b)
	END
	PYTHONPATH=. PYTHONDONTWRITEBYTECODE=1 "$python" - "$@"
}

# said SENTENCE: the tool ended with that one line on stderr, or with one that matches a pattern. A
# long sentence may be given in several words.
# shellcheck disable=SC2053,SC2154 # the pattern is one; `run` sets stderr
said() {
	local sentence=$*
	if [ "${#stderr_lines[@]}" != 1 ] || [[ $stderr != $sentence ]]; then
		printf 'expected on stderr: %s\nbut it has: %s\n' "$sentence" "$stderr"
		return 1
	fi
}

# said_first SENTENCE: the tool's first line on stderr is that one, or matches that pattern.
# shellcheck disable=SC2053
said_first() {
	local sentence=$*
	if [[ ${stderr_lines[0]} != $sentence ]]; then
		printf 'expected first on stderr: %s\nbut it has: %s\n' "$sentence" "$stderr"
		return 1
	fi
}

# writes PID: it has an unfinished output open, which has no name where the file system can do that
writes() {
	find "/proc/$1/fd" -lname "$PWD/*.tmp" -o -lname "$PWD/* (deleted)" 2>/dev/null | grep -q .
}

# example PAGE NAME: the block that follows that comment, into the file NAME.
example() {
	awk -v name="$2" '
		$0 == ".\\\" example: " name { wanted = 1 }
		wanted && /^\.Ed/ { exit }
		inside { gsub(/\\e/, "\\"); print }
		wanted && /^\.Bd/ { inside = 1 }
	' "$root/man/$1" >"$2"
	[ -s "$2" ]
}
