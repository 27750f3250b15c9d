#!/usr/bin/env bats
# The man pages of the tools: they name every option, its choices and its default, and their
# examples run.

bats_require_minimum_version 1.5.0
load helpers

pages=("$root"/man/fd2-*.1)

# page_options PAGE: what --list-options prints, as the page has it: "-b" or
# "--fit<tab>short|squash", one per line
page_options() {
	awk '/^\.It .*Fl / {
		sub(/^\.It /, "")
		n = split($0, forms, / , /)
		choices = ""
		if (match($0, /Ar .* \| .*/) || match($0, /-method Ar .*/)) {
			choices = forms[n]
			sub(/.* Ar /, "", choices)
			gsub(/ \| /, "|", choices)
			choices = "\t" choices
		}
		for (i = 1; i <= n; i++) {
			name = forms[i]
			sub(/^Fl /, "", name)
			sub(/ .*/, "", name)
			print "-" name choices
		}
	}' "$root/man/$1"
}

# item PAGE OPTION: the text below that option, on one line.
item() {
	awk -v fl="Fl -$2" '
		/^\.(It Fl|Sh) / { inside = 0 }
		/^\.It / && index($0 " ", fl " ") { inside = 1; next }
		inside { printf "%s ", $0 }
	' "$root/man/$1"
}

# try PAGE SCRIPT: runs that example on copies of the files of tiny_run, which it may overwrite
try() {
	tiny_run
	local file
	for file in *.*; do
		cp "$file" copy
		mv copy "$file"
	done
	example "$1" "$2"
	run -0 --separate-stderr bash -eu "$2"
}

@test "man: every tool has a page, and every page a tool" {
	diff <(printf '%s\n' "${pages[@]}" | xargs -n 1 basename -s .1) \
		<(basename -s .c "$root"/tools/fd2-*)
}

@test "man: pages and tools name the same options and choices" {
	local page tool without
	for page in "${pages[@]}"; do
		tool=$(basename "$page" .1)
		echo "$tool"
		case $tool in
		fd2-draw | fd2-import) without='^--(device|dtype)\b' ;;
		fd2-expert | fd2-match) without='^--dtype\b' ;;
		fd2-exchange | fd2-look | fd2-stat) without='^--(device|dtype|seed)\b' ;;
		fd2-plot | fd2-report)
			without='^(--(device|dtype|log|quiet|seed|threads|verbose)|-[qv]$)'
			;;
		*) without='^$' ;;
		esac
		diff <({ page_options "$tool.1"; page_options fd2.7 | grep -vE -- "$without"; } |
			grep -vxe -h -e --list-options | sort) <("$tool" --list-options |
			sed '/^operand\t/d; /^\(--arch\|-a\)\t/s/\t.*//' | sort)
	done
}

@test "man: the page of the teacher names every backbone" {
	local name n=0
	for name in $(fd2-teacher --list-options | sed -n 's/^--arch\t//p' | tr '|' ' '); do
		grep -wq -- "$name" "$root/man/fd2-teacher.1"
		n=$((n + 1))
	done
	[ $n -ge 10 ]
}

@test "man: options stand in the order of their long names" {
	local page
	for page in "${pages[@]}" "$root/man/fd2.7"; do
		echo "$page"
		page_options "$(basename "$page")" | cut -f 1 | grep '^--' | LC_ALL=C sort -cu
	done
}

@test "man: the defaults are those of --help" {
	local page tool option default text count=0
	for page in "${pages[@]}"; do
		tool=$(basename "$page" .1)
		while IFS=$'\t' read -r option default; do
			echo "$tool --$option: $default"
			text="$(item "$tool.1" "$option") $(item fd2.7 "$option")"
			[[ $text == *"The default is $default"[.,]* ||
				$text == *"The default, $default,"* ]]
			count=$((count + 1))
		done < <("$tool" --help | awk '
			match($0, /^ +(-., )?--[a-z-]+/) {
				name = substr($0, RSTART, RLENGTH)
				sub(/.*--/, "", name)
			}
			match($0, /\(default [^ ()]+\)$/) {
				print name "\t" substr($0, RSTART + 9, RLENGTH - 10)
			}')
	done
	[ $count -gt 80 ]
}

# links FOLDER: "page<tab>file#id" of every link that stays in the folder, as a path in it
links() {
	(cd "$1" && grep -roE '(href|src)="[^"]*"' --include='*.html' .) | awk -F '(:[a-z]*="|")' '
		$2 ~ /^[a-z]+:/ { next }
		{
			page = substr($1, 3); at = $2
			file = at; sub(/#.*/, "", file)
			id = index(at, "#") ? substr(at, index(at, "#")) : ""
			folder = page; if (!sub(/\/[^\/]*$/, "/", folder)) folder = ""
			path = file == "" ? page : folder file
			while (sub(/[^\/]+\/\.\.\//, "", path));
			print page "\t" path id
		}' | sort -u
}

@test "html: every link leads to a page, and to a place in it" {
	"$root/tools/build/html" out
	(cd out && find . -type f | sed 's,^\./,,' && grep -roE ' id="[^"]*"' --include='*.html' . |
		sed -E 's,^\./(.*): id="(.*)"$,\1#\2,') >places
	links out >leads
	[ "$(wc -l <leads)" -gt 400 ]
	awk -F '\t' 'NR == FNR { place[$0] = 1; next }
		!($2 in place) { print; bad = 1 }
		END { exit bad }' places leads
	# each manual is there, and linked from the first page
	local page
	for page in "$root"/man/*.[157]; do
		grep -qF "index.html	man/$(basename "$page").html" leads
	done
	# an .Xr to a page of ours never leaves the folder
	! grep -r 'manpages.debian.org/fd2' out || false
}

@test "man: every page has its sections and no warning" {
	local page section
	for page in "${pages[@]}"; do
		mandoc -Tlint -Wwarning "$page"
		for section in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
			grep -x "\.Sh $section" "$page"
		done
	done
	mandoc -Tlint -Wwarning "$root/man/fd2.7"
}

@test "man: every example that is marked is run here or in formats.bats" {
	local name
	while read -r name; do
		echo "$name"
		grep -qE "(try|example) [a-z0-9.-]+ $name" "$root"/test/cli/{man,formats}.bats
	done < <(sed -n 's/^\.\\" example: //p' "$root"/man/*.[157])
}

@test "fd2(7): the six stages, word for word" {
	example fd2.7 stages.sh
	run -0 --separate-stderr bash -euo pipefail stages.sh
	jq -es '.[0].images == 6 and .[0].own_prototype > 0 and .[1].labels == "soft" and
		.[1].val_images == 12' <<<"$output"
	fd2-look --check train.tar
	fd2-look --check val.tar
	fd2-look --check teacher.fd2 protos.fd2 attn.fd2
}

# recipe: its options in the text on standard input, one per line
recipe() {
	tr -s '\\\n\t ' ' ' | sed 's/ e / /g' | grep -oE -- '-b 32 --lr .* --fit squash' |
		sed 's/ --/\n--/g' | sort
}

@test "man: README, manuals and the demo have one recipe for photographs" {
	recipe <"$root/README.md" >readme
	[ "$(wc -l <readme)" = 10 ]
	for file in man/fd2.7 man/fd2-teacher.1 pipelines/demo pipelines/tutorial.md; do
		echo "$file"
		recipe <"$root/$file" | diff readme -
	done
}

@test "tutorial: its commands, with smaller numbers" {
	sed -nE '/^    /{s/^    //; s/-s 96/-s 32/; s/-e (12|8)/-e 3/; s/-e 60/-e 1/
		s/--steps 100/--steps 2/; s/1-4/1/; /^(set|distilled) /d
		s/per-class 100/per-class 12/; s/-o train/--per-class 12 &/
		s/^(fd2-draw)/\1 --classes 3 --size 40/; p}' \
		"$root/pipelines/tutorial.md" >tutorial.sh
	OMP_NUM_THREADS=1 run -0 bash -euo pipefail tutorial.sh
	[ "$(jq .images result.json)" = 9 ]
	[ "$(file -b --mime-type birds.jpg distilled.jpg attention.jpg | sort -u)" = image/jpeg ]
	grep -q '^distilled *random baseline *soft' compare/table.txt
}

@test "fd2(7): tar in the place of a stage" {
	try fd2.7 swap.sh
	jq -e '.data == "real" and .images == 3 and .classes == 3 and .epochs == 2' <<<"$output"
}

@test "fd2(7): shards of work" {
	tiny_run
	rm labels.fd2
	example fd2.7 parts.mk
	# interrupted by Ctrl-C where the first images are finished, and run again
	env --default-signal=INT setsid make -s -f parts.mk STEPS=30 3>&- &
	until [ -e classes-0-1.tar.part ] || [ -e classes-0-1.tar ]; do sleep 0.02; done
	kill -INT -- -$!
	wait $! || true
	make -s -j 2 -f parts.mk STEPS=30
	fd2-distill --threads 1 -t teacher.fd2 --batch 2 -n 2 --steps 30 -o whole.tar train.tar
	tar xf whole.tar --exclude '__*__' --one-top-level=whole
	for part in classes-0-1.tar classes-2-2.tar; do
		tar xf $part --exclude '__*__' --one-top-level=parts
	done
	diff -r whole parts
	[ -z "$(find . -name '*.part')" ]
	# the inputs are prerequisites
	touch train.tar
	make -n -f parts.mk >plan
	[ "$(grep -c '^fd2-distill' plan)" = 2 ]
	[ "$(fd2-look --json labels.fd2 | jq .meta.images)" = 6 ]
}

@test "fd2(7): the group loop as a Make chain is the loop inside" {
	tiny_run
	example fd2.7 group.mk
	make -s -f group.mk
	fd2-distill -t teacher.fd2 -p protos.fd2 -n 3 --steps 2 --ls-view plain -o whole.tar \
		train.tar
	tar xf whole.tar --exclude '__*__' --one-top-level=whole
	for id in 1 2 3; do
		tar xf $id.tar --exclude '__*__' --one-top-level=parts
	done
	diff -r whole parts
	[ "$(find parts -name '*.jpg' | wc -l)" = 9 ]
}

@test "fd2(7): events of the log have the keys that it names" {
	tiny_run
	fd2-distill -t teacher.fd2 -n 2 --steps 1 --log log -o d.tar train.tar
	fd2-teacher -a "$tiny_arch" -q -s 32 -M 2 -b 12 -e 1 --val val.tar --log log -o t.fd2 \
		train.tar
	fd2-eval -a "$tiny_arch" -l labels.fd2 --val val.tar --log log distilled.tar
	jq -r '"\(.event) \(.tool // "") \(del(.tool) | keys - ["event", "t"] | join(" "))" +
		" \(.loss // {} | keys | join(" "))"' log >got
	diff - got <<-'END'
		start fd2-distill argv options version 
		settings  inputs options 
		step  first_class image loss lr step view F S bn ce cls total
		step  first_class image loss lr step view F S bn ce cls total
		end  status 
		start fd2-teacher argv options version 
		epoch  epoch loss lr train_backbone train_cal val_backbone val_cal center total
		end  status 
		start fd2-eval argv options version 
		epoch  epoch loss lr student kl
		epoch  epoch loss lr student kl
		epoch  ece epoch loss lr nll student top1 top5 kl
		cost  arch peak_mib seconds seed student 
		end  status 
	END
	local word
	while read -r word; do
		echo "$word"
		sed -n '/^\.Sh LOG/,/^\.Sh REPRO/p' "$root/man/fd2.7" |
			grep -qE "^\.(It )?Li (.* )?$word( |$)"
	done < <(tr ' ' '\n' <got | grep -v '^fd2\|^$' | sort -u)
}

@test "fd2-teacher(1): its example" {
	try fd2-teacher.1 teacher.sh
	jq -e '.[0] == "resnet18" and .[1] == 32 and (.[2] | .backbone >= 0 and .cal >= 0)' \
		<<<"$output"
	fd2-look --check best.fd2
	[ ! -e tiny.fd2.ckpt ]
}

@test "fd2-protos(1): its example" {
	try fd2-protos.1 protos.sh
	[ "${#lines[@]}" = 6 ]
	printf '%s\n' "${lines[@]}" | awk '!($1 > 0 && $1 <= 1) { exit 1 }'
}

@test "fd2-protos(1): its example of statistics" {
	try fd2-protos.1 statistics.sh
	[ "${#lines[@]}" -gt 10 ]
}

@test "fd2-distill(1): its example" {
	try fd2-distill.1 distill.sh
	[ "$(jq -s length <<<"$(grep '^{' <<<"$output")")" = 8 ]
	file few.jpg | grep JPEG
}

@test "fd2-distill(1): its example of FADRM+" {
	try fd2-distill.1 fadrm.sh
	diff <(jq -r '.[]' <<<"$output") <(fd2-look --json teacher.fd2 other.fd2 | jq -r .digest)
	[ "$(tar tf fadrm.tar | grep -c '\.jpg$')" = 6 ]
}

@test "fd2-distill(1): its examples of LPLD and G-VBSM" {
	try fd2-distill.1 lpld.sh
	[ "$(tar tf lpld.tar | grep -c '\.jpg$')" = 6 ]
	try fd2-distill.1 g-vbsm.sh
	jq -e '.labels == "soft" and .top1 >= 0' <<<"$output"
}

@test "fd2-select(1): its example" {
	try fd2-select.1 select.sh
	[ "$(grep '^{' <<<"$output" | jq -s -c 'map(.data)')" = '["random","herding","rded"]' ]
	[ "$(grep -c '^red-spot/' <<<"$output")" = 4 ]
}

@test "fd2-match(1): its example" {
	try fd2-match.1 match.sh
	[ "$(grep '^{' <<<"$output" | jq -s -c 'map([.data, .labels, .images])')" = \
		'[["dm","hard",3],["random","hard",3]]' ]
	[ "$(tail -n 2 <<<"$output" | grep -cE '^[0-9.]+$')" = 2 ]
}

@test "fd2-expert(1): its example" {
	try fd2-expert.1 expert.sh
	[ "$(grep -cP '^[01]\t[1-6]\t[0-9.]+$' <<<"$output")" = 12 ]
	[ "$(tar tf datm.tar | grep -c '\.json$')" = 3 ]
}

@test "fd2-attn(1): its example" {
	try fd2-attn.1 attn.sh
	[ -s attention.jpg ]
	fd2-look --check maps.fd2
}

@test "fd2-relabel(1): its example" {
	try fd2-relabel.1 relabel.sh
	[ "$(grep '^{' <<<"$output" | jq -s -c 'map(.seed)')" = '[1,2]' ]
	[ "$(tail -n 1 <<<"$output" | wc -w)" = 3 ]
}

@test "fd2-relabel(1): its example of few labels" {
	try fd2-relabel.1 few-labels.sh
	# two of six batches, each of six images and three classes
	[ "$(jq -c '[.epochs, .label_bytes]' <<<"$output")" = '[6,412]' ]
}

@test "fd2-eval(1): its example, and the keys that it names" {
	try fd2-eval.1 eval.sh
	[ "$(cut -f 1 <<<"$output" | xargs)" = "soft hard" ]
	diff <(sed -n '/^\.Sh OUTPUT/,/^\.El/s/^\.It Li //p' "$root/man/fd2-eval.1" |
		sed 's/ , /\n/g' | sort) \
		<(head -n 1 results.json | jq -r 'keys[]' | sort)
}

@test "fd2-eval(1): its example of a saved student" {
	try fd2-eval.1 evaluate.sh
	[ "$(head -n 1 <<<"$output" | jq .nll)" = "$(jq .nll result.json)" ]
	[ "$(wc -l <predictions.tsv)" = 13 ]
	[ "$(head -n 2 <<<"$output" | tail -n 1)" = $'sample\tclass\tpredicted\tp' ]
}

@test "fd2-eval(1): several students" {
	try fd2-eval.1 students.sh
	[ "$(head -n 2 <<<"$output" | cut -f 1 | xargs)" = "convnet3 resnet18" ]
	[[ ${lines[2]} =~ ^[0-9]\ of\ [a-z-]+\ taken\ for\ [a-z-]+$ ]]
	# the page names the report's keys
	local key
	for key in $(head -n 1 report.json | jq -r 'keys[], (.calibration[0] | keys[])'); do
		sed -n '/^\.Fl -report/,/^\.Fl -log/p' "$root/man/fd2-eval.1" |
			grep -qE "^\.Li (.* )?$key( |$)"
	done
}

@test "fd2-compare(1): its example" {
	try fd2-compare.1 compare.sh
	[ "$(tail -n 2 <<<"$output" | cut -f 1,2)" = \
		$'distilled\tconvnet3\nrandom baseline\tconvnet3' ]
}

@test "fd2-stat(1): its example, and the keys that it names" {
	try fd2-stat.1 stat.sh
	[ "${#lines[@]}" = 3 ]
	diff <(sed -n '/^\.Sh OUTPUT/,/^\.Sh EXIT/s/^\.It Li //p' "$root/man/fd2-stat.1" | sort) \
		<({ printf '%s\n' "${lines[@]:0:2}"; fd2-attn -t teacher.fd2 val.tar |
		fd2-stat --boxes val.tar; } | jq -r 'keys[]' | sort -u)
}

@test "fd2-stat(1): its example of real images" {
	try fd2-stat.1 separation.sh
	[ "$(wc -l <classes.tsv)" = 7 ]
	jq -es 'all(.nearest_accuracy >= 0 and .real.dispersion > 0) and
		(.[0] | has("attention_trace")) and (.[1] | has("attention_trace") | not)' \
		<<<"$output"
}

@test "fd2-plot(1): its examples" {
	command -v gnuplot >/dev/null || skip "no gnuplot"
	try fd2-plot.1 losses.sh
	[[ $output =~ ^2$'\t'[0-9.]+$'\t' ]]
	grep -q '<svg' losses.svg
	try fd2-plot.1 classes.sh
	grep -q 'dispersion' fig-1a.svg
	[[ $(file fig-3b.png) == *"PNG image data"* ]]
	grep -q 'gold-bar' confusion.svg
}

@test "fd2-report(1): its example" {
	try fd2-report.1 report.sh
	grep -q '<h1>A small run</h1>' run.html
	grep -q 'alt="attention in the distilled images"' run.html
}

@test "fd2-import(1): its example" {
	try fd2-import.1 import.sh
	[ "$(fd2-look --json mine-train.tar | jq -c '[.samples, .classes["red-spot"]]')" = \
		'[30,10]' ]
	fd2-look --check mine-val.tar
	[[ ${stderr_lines[-2]} == "fd2-import: mine-val.tar: 6 images of 3 classes, "* ]]
}

@test "fd2-exchange(1): .cls members for webdataset" {
	try fd2-exchange.1 add-cls.sh
	fd2-look --json with-cls.tar | jq -e '.meta == null'
	# as webdataset groups them: each image with the number of its class
	tar tf with-cls.tar | grep -c '\.cls$' | grep -x 6
	local class n=0
	for class in images/*/; do
		[ "$(cat "$class"*.cls)" = "$n$n" ]
		n=$((n + 1))
	done
	[ "$n" = 3 ]
}

@test "fd2-exchange(1): a teacher as FD2's authors save it" {
	need_python
	tiny_run
	example fd2-exchange.1 theirs.py
	cat >torch.py <<-'END'
		import checkpoint, sys
		here = sys.modules["torch"]
		here.tensor, here.save = checkpoint.keep, lambda v, path: checkpoint.write(path, v)
	END
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=.:$root/test/cli "$python" theirs.py
	fd2-teacher -q --import theirs.pth -a "$tiny_arch" -s 32 --classes-from train.tar \
		-o back.fd2
	diff <(fd2-look --json teacher.fd2 | jq -c '.tensors[]' | sort) \
		<(fd2-look --json back.fd2 | jq -c '.tensors[]' | sort)
}

@test "fd2-exchange(1): its example of a generator's images" {
	need_python
	fd2-draw --classes 3 --per-class 2 --size 48 --seed 9 -o drawn.tar
	mkdir generated
	tar xf drawn.tar -C generated --wildcards '*.jpg'
	"$python" - generated/*/*1.jpg <<-'PYTHON'
		import os, sys, PIL.Image
		for path in sys.argv[1:]:
		    PIL.Image.open(path).resize((60, 44)).save(path.replace(".jpg", ".png"))
		    os.remove(path)
	PYTHON
	[ "$(find generated -name '*.png' | wc -l)" -gt 0 ]
	try fd2-exchange.1 generator.sh
	jq -e '.images == 6 and .classes == 3 and .labels == "soft"' <<<"${lines[-1]}"
}

@test "fd2-exchange(1): its example" {
	try fd2-exchange.1 exchange.sh
	[ "$(fd2-look --json back.tar | jq -r .digest)" = "$(fd2-look --json distilled.tar |
		jq -r .digest)" ]
	jq -e '.images == 6 and .labels == "soft"' <<<"$output"
}
