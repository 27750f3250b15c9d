# bash completion for every fd2 tool. The options and their choices come from the tool itself.

# TOOL: its long options. TOOL OPTION: the choices of that one.
_fd2_candidates() {
	local name choices
	while IFS=$'\t' read -r name choices; do
		if [[ -z ${2-} ]]; then
			[[ $name == operand ]] || printf '%s\n' "$name"
		elif [[ $name == "$2" && $choices ]]; then
			printf '%s\n' "${choices//|/$'\n'}"
		fi
	done < <("$1" --list-options 2>/dev/null)
}

_fd2() {
	local tool=$1 word=$2 before=$3 found files=
	# bash cuts --device=cpu into three words; the choices belong to the first.
	if [[ $before == = ]]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	word=${word#=}
	COMPREPLY=()
	if [[ $before == -* ]]; then
		found=$(_fd2_candidates "$tool" "$before")
	fi
	if [[ -z ${found-} && $word == -* ]]; then
		found=$(_fd2_candidates "$tool")
	fi
	if [[ -z ${found-} && $word != -* ]]; then
		found=$(_fd2_candidates "$tool" operand)
		# only the first operand is one of them
		if printf '%s\n' "${COMP_WORDS[@]:1:COMP_CWORD-1}" | grep -qxF -- "$found"; then
			found=
		fi
		# an operand, or the file that the option before takes
		[[ $before != -* ]] || files=1
	fi
	if [[ ${found-} ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$found" -- "$word")
	fi
	if [[ -z ${found-} || $files ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
	fi
}

# shellcheck disable=SC2046 # one word per tool
complete -F _fd2 fd2-{teacher,protos,distill,attn,relabel,eval,expert,look,match,select} \
	$(compgen -c fd2- | sort -u)
