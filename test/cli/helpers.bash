# Shared by the bats files: `load helpers` at their top. A file that has its own setup calls fd2_setup in it.
# shellcheck shell=bash

root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

# build/bin comes first in PATH (FD2_BIN: another build), and each test works in its own empty folder.
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
		# `skip` would end no more than the subshell of "$(real_data ...)"; the signal reaches the test itself.
		kill -USR1 $$
	fi
}

# need_python: sets $python to one that has msgpack, msgpack_numpy and numpy, or skips the test.
need_python() {
	export python=$root/build/venv/bin/python
	[ -e "$root/build/venv/ok" ] || skip "no build/venv with Python's msgpack"
}
