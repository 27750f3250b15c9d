# How fd2-plot and fd2-report write their outputs.
# shellcheck shell=bash

unfinished=

# scratch_folder: the variable `scratch`, removed at the end
scratch_folder() {
	scratch=$(mktemp -d 2>/dev/null) ||
		die "cannot make a folder for temporary files in '${TMPDIR:-/tmp}'"
	trap 'rm -rf "$scratch" "$unfinished"' EXIT
}

# publish FROM TO: as the other tools do, only a whole file gets the name; a link stays a link, what
# is not a file is written as it is, and a read-only file is not replaced.
publish() {
	local to=$2 why
	[ ! -e "$to" ] || [ -w "$to" ] || die "cannot write '$2': Permission denied"
	if [ -e "$to" ] && [ ! -f "$to" ]; then
		why=$({ cat <"$1" >"$to"; } 2>&1) || die "cannot write '$2': ${why##*: }"
		return
	fi
	to=$(readlink -m -- "$to")
	unfinished=$(dirname "$to")/.$(basename "$to").$$.tmp
	why=$({
		cp -- "$1" "$unfinished" && sync -- "$unfinished" &&
			{ [ ! -e "$to" ] || chmod --reference="$to" -- "$unfinished"; } &&
			mv -- "$unfinished" "$to"
	} 2>&1) || die "cannot write '$2': ${why##*: }"
	unfinished=
}
