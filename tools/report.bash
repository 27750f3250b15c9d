# What the files of fd2-report are, by their content: the arrays `files` and `captions`, `of` with
# the files of each kind, one per line, and $scratch/index, an object of JSON per file.
# shellcheck shell=bash

files=()
declare -A captions of namesakes

# add FILE CAPTION: each file once
add() {
	local base=${1##*/}
	if [ ! "${captions[$1]+there}" ]; then
		files+=("$1")
		namesakes[$base]+=x
	fi
	captions[$1]=${2:-${captions[$1]-}}
}

# name_of FILE: without its folder, unless files of several folders have that name
name_of() {
	local base=${1##*/}
	if [ "${namesakes[$base]}" = x ]; then printf '%s\n' "$base"; else printf '%s\n' "$1"; fi
}

# file_of OPERAND: FILE, of FILE or FILE=TEXT; both may hold a =
file_of() {
	local file=$1
	while [ ! -e "$file" ] && [[ $file == *=* ]]; do file=${file%=*}; done
	[ -e "$file" ] || file=$1
	printf '%s\n' "$file"
}

# take_operands FILE...: files, FILE=TEXT, and folders, without the page that was made before
take_operands() {
	local operand file inside caption
	for operand; do
		file=$(file_of "$operand")
		caption=${operand#"$file"} caption=${caption#=}
		[ -r "$file" ] || die "cannot read '$file'"
		[ ! "$file" -ef "$page" ] || die "'$file' is an input and the output"
		if [ ! -d "$file" ]; then
			add "$file" "$caption"
			continue
		fi
		for inside in "$file"/*; do
			[ ! -f "$inside" ] || [ "$inside" -ef "$page" ] || add "$inside"
		done
	done
}

# The first bytes, in hex
magic() { head -c 4 "$1" | od -An -tx1 | tr -d ' \n'; }

# kind_of FILE: shard, stream, log, result, evaluation, report, stat, table, text, picture or
# nothing. Shards and streams are described in $scratch/look.
kind_of() {
	case $(magic "$1") in
	ffd8ff* | 89504e47) echo picture ;;
	7b*) head -n 1 "$1" | jq -r 'if .event then "log" elif .confusion then "report"
		elif .evaluated then "evaluation" elif .top1 and .arch then "result"
		elif has("intra_class_attention") then "stat" else "" end' 2>/dev/null || true ;;
	*)
		if [[ $1 == *.svg ]] && grep -q '<svg' "$1"; then
			echo picture
		elif fd2-look --json "$1" >"$scratch/look" 2>/dev/null; then
			jq -r 'if .format == "fd2-shard" then "shard" elif .kind then "stream"
				else "" end' "$scratch/look"
		elif [[ $1 == *.tsv ]]; then
			echo table
		elif [[ $1 == *.txt ]]; then
			echo text
		fi
		;;
	esac
}

# describe FILE KIND NUMBER: its objects of the index
describe() {
	local name
	name=$(name_of "$1")
	case $2 in
	shard | stream) jq -c --arg what "$2" --arg name "$name" --argjson n "$3" \
		'del(.tensors) | {$what, $name, $n} + .' "$scratch/look" ;;
	log) jq -cRn --arg name "$name" '[inputs | fromjson?] | {what: "log", $name,
		argv: map(select(.event == "start").argv), cost: map(select(.event == "cost"))}' \
		"$1" ;;
	result | evaluation | stat) jq -c --arg what "$2" --arg name "$name" \
		'{$what, $name} + .' "$1" ;;
	esac
}

describe_files() {
	local file kind n=0 left=()
	for file in "${files[@]}"; do
		kind=$(kind_of "$file")
		[ "$kind" ] || left+=("$(name_of "$file")")
		describe "$file" "$kind" $n >>"$scratch/index"
		of[${kind:-none}]+=$file$'\n'
		n=$((n + 1))
		[ "$quiet" ] || [ ! -t 2 ] || printf '\r%d of %d files' $n ${#files[@]} >&2
	done
	[ "$quiet" ] || [ ! -t 2 ] || printf '\r\033[K' >&2
	[ ${#left[@]} -lt ${#files[@]} ] || die "'${files[0]}' is not a file of a run"
	((!${#left[@]})) || say "skipped files of other kinds: ${left[*]}"
}
