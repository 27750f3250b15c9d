#!/usr/bin/env bats
# Figures: coordinates of images, what fd2-plot draws, and fd2-report's page.

bats_require_minimum_version 1.5.0
load helpers

embed() {
	"$python" "$root/pipelines/embed" "$@"
}

# with_sklearn: sets $python to one that has scikit-learn too, or skips the test. make check does
# not install it.
with_sklearn() {
	for python in "$root/build/venv/bin/python" python3; do
		! "$python" -c 'import msgpack, numpy, sklearn' 2>/dev/null || return 0
	done
	skip "no scikit-learn"
}

# clusters FILE: features of 6 classes in a plane, turned into 9 dimensions, and the plane's
# coordinates in FILE.plane
clusters() {
	"$python" - "$1" "$root/test/cli" <<-'END'
		import sys
		import numpy as np
		sys.path.insert(0, sys.argv[2])
		from separation import write
		r = np.random.default_rng(5)
		turn = np.linalg.qr(r.normal(size=(9, 9)))[0][:2]
		features, plane = {}, {}
		for c in range(6):
		    centre = np.array([9 * np.cos(c), 5 * np.sin(c)])
		    for i in range(8):
		        key = f"class-{c}/{i + 1:04d}"
		        plane[key] = centre + 0.3 * r.normal(size=2)
		        features[key] = (plane[key] @ turn + 1).astype("f4")
		write(sys.argv[1], "features", {"inputs": {"teacher": "ab" * 32}}, features)
		np.savetxt(sys.argv[1] + ".plane", np.array(list(plane.values())))
	END
}

@test "embed: PCA keeps the distances of a plane" {
	need_python
	clusters f.fd2
	embed --method pca f.fd2 >pca.tsv
	[ "$(head -n 2 pca.tsv | cut -f 1-3 | xargs)" = "set class id f class-0 0001" ]
	"$python" - <<-'END'
		import numpy as np
		x = np.loadtxt("f.fd2.plane")
		y = np.loadtxt("pca.tsv", skiprows=1, usecols=(3, 4))
		def far(a):
		    return np.linalg.norm(a[:, None] - a[None], axis=2)
		assert y.shape == (48, 2) and far(x).max() > 15
		assert abs(far(x) - far(y)).max() < 1e-3, abs(far(x) - far(y)).max()
		assert abs(y.mean(0)).max() < 1e-3 and y[:, 0].var() > y[:, 1].var()
	END
	embed --method pca --classes 3 --per-class 2 f.fd2 f.fd2 | cut -f 2,3 | tail -n 6 >chosen
	[ "$(tr '\t\n' '/ ' <chosen)" = "class-0/0001 class-0/0002 class-2/0001 class-2/0002 \
class-4/0001 class-4/0002 " ]
}

@test "embed: what it cannot place" {
	need_python
	clusters f.fd2
	run -1 --separate-stderr embed --perplexity 16 f.fd2
	said "embed: perplexity 16 needs 49 images or more, not 48"
	head -c 1000 f.fd2 >cut.fd2
	run -1 --separate-stderr embed cut.fd2
	said "embed: 'cut.fd2' is cut or damaged"
	echo >text
	run -1 --separate-stderr embed text
	said "embed: 'text' is not a stream of attention maps or features"
	run -1 --separate-stderr embed --classes 1 --per-class 2 f.fd2
	said "embed: expected 3 images or more, not 2"
}

@test "embed, stat: a tab in a class's name is no new column" {
	need_python
	"$python" - "$root/test/cli" <<-'END'
		import sys
		import numpy as np
		sys.path.insert(0, sys.argv[1])
		from separation import write
		r = np.random.default_rng(5)
		features = {f"{c}\tx/{i:04d}": r.normal(size=4).astype("f4")
		            for c in "ab" for i in range(3)}
		write("f.fd2", "features", {"inputs": {"teacher": "ab" * 32}}, features)
	END
	[ "$(embed --method pca f.fd2 | cut -f 2,3 | sed 1d | xargs)" = \
		"a?x 0000 a?x 0001 a?x 0002 b?x 0000 b?x 0001 b?x 0002" ]
	fd2-stat --per-class table f.fd2 >stat
	[ "$(cut -f 2,3,7 table | sed 1d | xargs)" = "a?x 3 b?x b?x 3 a?x" ]
}

@test "embed: t-SNE keeps classes together, and is the same twice" {
	with_sklearn
	clusters f.fd2
	embed f.fd2 >one.tsv
	embed f.fd2 | cmp - one.tsv
	"$python" - <<-'END'
		import numpy as np
		rows = [line.split("\t") for line in open("one.tsv")][1:]
		y = np.array([r[3:] for r in rows], float)
		far = np.linalg.norm(y[:, None] - y[None], axis=2) + 1e9 * np.eye(len(y))
		assert all(rows[i][1] == rows[k][1] for i, k in enumerate(far.argmin(1)))
	END
}

need_gnuplot() {
	command -v gnuplot >/dev/null || skip "no gnuplot"
}

# logs and reports of two runs, and the tables of fd2-stat and of pipelines/paper
measurements() {
	local image step
	for image in 1 2; do
		for step in 0 10; do
			echo "{\"event\":\"step\",\"image\":$image,\"step\":$step," \
				"\"loss\":{\"bn\":$((image + step)),\"S\":null,\"F\":0.5}}"
		done
	done >a.log
	sed 's/"F":0.5/"F":-0.5/' a.log >b.log
	printf '{"event":"epoch","epoch":%d,"train_cal":%s,"val_cal":%s,"loss":{"total":1}}\n' \
		1 0.25 0.125 2 0.5 0.25 >teacher.log
	printf '%s\n' '{"classes":["a <b>","c"],"confusion":[[3,1],[0,2]],"calibration":[
		{"within":[0.5,0.6],"images":4,"confidence":0.55,"accuracy":0.25}]}' \
		'{"classes":["a <b>","c"],"confusion":[[1,1],[0,4]],"calibration":[
		{"within":[0.5,0.6],"images":12,"confidence":0.59,"accuracy":0.75},
		{"within":[0.9,1],"images":1,"confidence":0.95,"accuracy":1}]}' | jq -c . >x.report
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' \
		set class images dispersion inter_class nearest_centre nearest_class \
		fd2 a 1 - 0.8 0.5 b fd2 b 2 0.3 0.7 0.5 a fd2 c 2 0.4 0.6 0.6 a \
		real a 9 0.1 1.8 1.5 b real b 9 0.2 1.7 1.5 a real c 9 0.3 1.6 1.6 a >classes.tsv
	printf '%s\t%s\t%s\t%s\t%s\n' set class id x y fd2 a 0001 1 2 fd2 "b'c" 0001 2 1 \
		real a 0001 0 0 >embed.tsv
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' teacher maps alpha 'backbone %' spread 'CAL %' seeds \
		r 8 0.1 50 1 60 3 r 8 0.2 51 1 61 3 r 16 0.1 52 1 62 3 >alpha.tsv
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' N_S ipc 'mean s' spread images 'paper s' \
		2 5 10.5 1.5 2 12 3 5 11 - 3 - >time.tsv
}

# data KIND FILE...: the table, with | for tabs and ; for line ends
data() {
	fd2-plot --data "$@" | tr '\t\n' '|;'
}

@test "plot: the numbers of each kind" {
	measurements
	[ "$(data losses a.log)" = "step|bn|F;0|1.5|0.5;10|11.5|0.5;" ]
	[ "$(data losses a.log b.log)" = \
		"step|a bn|a F|b bn|b F;0|1.5|0.5|1.5|-0.5;10|11.5|0.5|11.5|-0.5;" ]
	[ "$(data losses teacher.log)" = "epoch|total;1|1;2|1;" ]
	jq -nc '(10, 20) | {event: "iteration", iteration: ., loss: {dm: (. / 4)}}' >match.log
	[ "$(data losses match.log)" = "iteration|dm;10|2.5;20|5;" ]
	[ "$(data accuracy teacher.log)" = "epoch|train cal|val cal;1|25|12.5;2|50|25;" ]
	# (4 x 0.55 + 12 x 0.59) / 16, (4 x 0.25 + 12 x 0.75) / 16
	[ "$(data calibration x.report)" = "confidence|accuracy|images;0.58|0.625|16;0.95|1|1;" ]
	[ "$(data confusion x.report)" = "class|a <b>|c;a <b>|4|2;c|0|6;" ]
	[ "$(data classes classes.tsv)" = "class|fd2 dispersion|fd2 inter-class|real \
dispersion|real inter-class;a|-|0.8|0.1|1.8;b|0.3|0.7|0.2|1.7;c|0.4|0.6|0.3|1.6;" ]
	[ "$(data nearest --classes 2 classes.tsv)" = "class|fd2|real;a|0.5|1.5;b|0.5|1.5;" ]
	[ "$(data alpha alpha.tsv)" = "alpha|backbone, M = 8|CAL, M = 8|backbone, M = 16|\
CAL, M = 16;0.1|50|60|52|62;0.2|51|61|-|-;" ]
	[ "$(data time time.tsv)" = "N_S|mean s|spread|paper s;2|10.5|1.5|12;3|11|-|-;" ]
	cp a.log ./-a.log
	fd2-plot --data losses -- -a.log | cmp - <(fd2-plot --data losses a.log)
	[ "$(data scatter embed.tsv)" = "set|class|x|y;fd2|a|1|2;fd2|b'c|2|1;real|a|0|0;" ]
}

@test "plot: SVG and PNG of each kind" {
	need_gnuplot
	need_python
	measurements
	local kind file
	while read -r kind file; do
		echo "$kind"
		fd2-plot -o "$kind.svg" --title "it's <$kind>" "$kind" "$file"
		fd2-plot -o "$kind.png" --size 300x200 "$kind" "$file"
		[[ $(file "$kind.png") == *"PNG image data, 300 x 200"* ]]
		"$python" - "$kind" <<-'END'
			import sys, xml.etree.ElementTree as E
			svg, kind = "{http://www.w3.org/2000/svg}", sys.argv[1]
			root = E.parse(kind + ".svg").getroot()
			assert root.find(svg + "title").text == f"it's <{kind}>"
			text = " ".join("".join(t.itertext()) for t in root.iter(svg + "text"))
			names = {"losses": "bn F step loss", "accuracy": "train val cal epoch",
			    "calibration": "confidence accuracy", "confusion": "a <b> c predicted",
			    "classes": "fd2 real inter-class", "nearest": "fd2 real",
			    "scatter": "a b'c real", "alpha": "backbone, CAL, M = 16",
			    "time": "N_S mean paper"}[kind].split()
			assert all(n in text for n in names), (names, text)
		END
	done <<-'END'
		losses a.log
		accuracy teacher.log
		calibration x.report
		confusion x.report
		classes classes.tsv
		nearest classes.tsv
		scatter embed.tsv
		alpha alpha.tsv
		time time.tsv
	END
	[ "$(find . -name '*.tmp')" = "" ]
	fd2-plot --title "it's <losses>" losses a.log | cmp - losses.svg
	fd2-plot --title 'a\b \n' losses a.log | grep -qF '<title>a\b \n</title>'
	# one image per class has no dispersion
	awk -F '\t' -v OFS='\t' 'NR > 1 { $4 = "-" } { print }' classes.tsv >single.tsv
	fd2-plot classes single.tsv >single.svg
	grep -q inter-class single.svg
	! grep dispersion single.svg || false
	# a name that begins with what is a comment to gnuplot
	sed 's/\ta\t/\t#a\t/' classes.tsv >sign.tsv
	fd2-plot nearest sign.tsv | grep -q '>#a<'
	# of many classes each image is a point, and the names are left out
	awk 'BEGIN { OFS = "\t"; print "set", "class", "id", "x", "y"
		for (i = 0; i < 93; i++) print "set", i % 31, i, i, i % 7 }' >many.tsv
	fd2-plot scatter many.tsv >many.svg
	[ "$(grep -o "href='#gpPt6'" many.svg | wc -l)" = 93 ]
	! grep '>set<' many.svg || false
	# the names of many classes would not fit
	jq -cn '[range(60) | "class-\(.)"] as $c | {classes: $c,
		confusion: [$c[] | [range(60)]], calibration: []}' >many.report
	fd2-plot confusion many.report >many.svg
	grep -q '<image' many.svg
	! grep class- many.svg || false
}

@test "plot: what it cannot draw" {
	measurements
	local sentence options
	while IFS='|' read -r sentence options; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr fd2-plot $options
		[ "${stderr_lines[0]}" = "fd2-plot: $sentence" ]
	done <<-'LINES'
		expected a kind and the files to draw|losses
		unknown kind 'pie'|pie a.log
		--size expects WxH, not '3'|--size 3 losses a.log
		'x.pdf' ends neither in .svg nor in .png|-o x.pdf losses a.log
		--classes is for classes and nearest|--classes 3 losses a.log
	LINES
	run -1 --separate-stderr fd2-plot losses x.report
	said "fd2-plot: 'x.report' has nothing to draw as losses"
	run -1 --separate-stderr fd2-plot losses none.log
	said "fd2-plot: cannot read 'none.log'"
	sed 's/"c"/"d"/' x.report >y.report
	run -1 --separate-stderr fd2-plot confusion x.report y.report
	said "fd2-plot: cannot draw confusion: the reports have different classes"
	# without gnuplot
	mkdir bin
	local tool
	for tool in bash readlink dirname getopt jq mktemp rm awk wc head cat; do
		ln -s "$(command -v $tool)" bin/
	done
	PATH=$PWD/bin run -1 --separate-stderr "$(command -v fd2-plot)" losses a.log
	said "fd2-plot: gnuplot is not installed: 'apt-get install gnuplot-nox' as root installs it"
}

# student FILE SEED TOP1
student() {
	jq -cn --argjson seed "$2" --argjson top1 "$3" '{arch: "convnet3", $seed, data: "syn",
		labels: "soft", images: 6, image_bytes: 1000, label_bytes: 20, $top1, top5: 1,
		ece: 0.1, nll: 1}' >"$1"
}

# run_files: a folder `run` with every kind of file that the page knows
run_files() {
	tiny_run
	measurements
	mkdir run
	cp {teacher,protos,attn,labels}.fd2 distilled.tar run
	cp teacher.log x.report classes.tsv embed.tsv run
	{
		echo '{"event":"start","t":0,"argv":["fd2-distill","-o","a b.tar"]}'
		cat a.log
	} >run/distill.log
	student run/fd2-1.json 1 0.4
	student run/fd2-2.json 2 0.6
	jq -c '{set: "x", row: "random baseline", augment: false} + .' run/fd2-*.json \
		>run/results.jsonl
	fd2-stat --real attn.fd2 attn.fd2 >run/attn.stat
	echo 'a table <b>of & text' >run/table.txt
	fd2-look -q --sheet run/sheet.jpg train.tar
	echo 3 >run/settings.students
}

@test "report: a page that stands alone, of every kind of file" {
	need_gnuplot
	need_python
	run_files
	run -0 --separate-stderr fd2-report -o page.html --title "A <small> run" run \
		run/sheet.jpg="birds & \"others\""
	[ "${stderr_lines[0]}" = "fd2-report: skipped files of other kinds: settings.students" ]
	"$python" "$root/test/cli/page.py" page.html >text
	local part
	for part in "A <small> run" "fd2 soft augmented convnet3 2 6 50.0 +- 14.1 100.0 +- 0.0" \
		"x, random baseline soft whole convnet3 2 6" "attn.stat, real images" \
		"a table <b>of & text" \
		"distill.log fd2-distill -o 'a b.tar'" \
		"Loss terms of distill.log" "Accuracies of teacher.log" "Confusion of classes" \
		"Calibration" "Dispersion and inter-class distance" "Coordinates of images" \
		"distilled.tar: first images"; do
		grep -F -- "$part" text
	done
	grep -q 'alt="images of distilled.tar, class by class: blue-ring, gold-bar, red-spot"' \
		page.html
	grep -q 'alt="[^"]*bn from 1.5 to 11.5' page.html
	# protos.fd2 was made from the teacher, which is a line of the same table
	local anchor
	anchor=$(sed -nE 's,.*<tr id=(file-[0-9]+)><th scope=row>teacher.fd2</th>.*,\1,p' page.html)
	grep -E "scope=row>protos.fd2</th>.*<a href=\"#$anchor\">teacher.fd2</a>" page.html
	! compgen -G '*.tmp' || false
	# a browser, where there is one, shows it without a complaint
	command -v chromium >/dev/null || return 0
	chromium --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" \
		--window-size=400,3000 --screenshot="$PWD/page.png" --enable-logging=stderr --v=0 \
		"file://$PWD/page.html" 2>log
	! grep CONSOLE log || false
	[[ $(file page.png) == *"PNG image data, 400 x 3000"* ]]
}

@test "report: pictures are described, and one of a shard's name stands for its sheet" {
	need_python
	tiny_run
	fd2-look -q --sheet distilled.jpg train.tar
	fd2-report -q -o page.html distilled.tar distilled.jpg teacher.fd2 protos.fd2 \
		distilled.jpg='birds & "others"'
	"$python" "$root/test/cli/page.py" page.html >/dev/null
	[ "$(grep -o '<img alt="[^"]*"' page.html | sort -u)" = \
		'<img alt="birds &amp; &quot;others&quot;"' ]
	# odd names
	cp distilled.jpg ./-.jpg
	fd2-report -q -o -.html -- -.jpg
	grep -q '<h1>-.jpg</h1>' ./-.html
	mkdir lr=1
	mv distilled.jpg 'lr=1/[a].jpg'
	mv distilled.tar 'lr=1/[a].tar'
	fd2-report -q -o page.html lr=1 'lr=1/[a].jpg=a = b'
	# a log of which nothing is told
	echo '{"event":"end","t":1}' >end.log
	run -0 --separate-stderr fd2-report -q -o end.html end.log
	[ -z "$stderr" ]
	[ "$(grep -o '<figcaption>[^<]*' page.html)" = '<figcaption>[a].jpg: a = b' ]
	mv 'lr=1/[a].jpg' distilled.jpg
	# the heading is the first file's name, not its caption's end
	fd2-report -q -o page.html distilled.jpg='left/right view'
	grep -q '<h1>distilled.jpg</h1>' page.html
	grep -q '<img alt="left/right view"' page.html
}

@test "report: an unfinished log, and tables with empty lines" {
	measurements
	mkdir run
	{ cat a.log && echo -n '{"event":"ste'; } >run/a.log
	: >run/empty.tsv
	printf 'a\tb\n\n1\t2\n' >run/gap.tsv
	run -0 --separate-stderr fd2-report -o page.html run
	said "fd2-report: page.html: 3 files, *"
	grep -q '<th scope=row>1</th><td class=n>2</td>' page.html
	! grep 'scope=row>null' page.html || false
}

@test "report: files of one name in two folders are two runs" {
	mkdir a b
	local run
	for run in a b; do
		jq -nc --argjson top1 "$([ $run = a ] && echo 0.25 || echo 0.75)" \
			'{$top1, top5: 1, ece: 0, nll: 1, arch: "resnet18", seed: 1, labels: "hard",
			images: 2, image_bytes: 9, label_bytes: 0}' >$run/fd2-1.json
	done
	fd2-report -q -o page.html a b
	grep -qF '<th scope=row>a/fd2</th>' page.html
	grep -qF '<td class=n>75.0</td>' page.html
	fd2-report -q -o page.html a
	grep -qF '<th scope=row>fd2</th>' page.html
}

@test "report: what it is not given" {
	run -2 --separate-stderr fd2-report
	[ "${stderr_lines[0]}" = "fd2-report: no file" ]
	run -1 --separate-stderr fd2-report none.tar
	said "fd2-report: cannot read 'none.tar'"
	echo text >notes
	run -1 --separate-stderr fd2-report -o no/page.html notes
	said "fd2-report: cannot write 'no/page.html': no such folder"
	run -1 --separate-stderr fd2-report -o notes notes
	said "fd2-report: 'notes' is an input and the output"
	run -1 --separate-stderr fd2-report notes
	said "fd2-report: 'notes' is not a file of a run"
	mkdir folder
	run -1 --separate-stderr fd2-report -o folder "$root/lib/map.svg"
	said "fd2-report: cannot write 'folder': it is a directory"
	[ -z "$(ls folder)" ]
	[ ! -e report.html ]
}

@test "plot, report: a page and a figure are written as all outputs are" {
	log() { printf '{"event":"epoch","epoch":%d,"train_backbone":0.5}\n' 1 2 3; }
	log >x.log
	draw() { fd2-plot -o "$1.svg" accuracy x.log; }
	page() { fd2-report -q -o "$1.html" x.log; }
	local kind end file link
	for kind in draw page; do
		[ $kind = draw ] && end=svg || end=html
		mkdir $kind
		file=$kind/file.$end link=$kind/link.$end
		echo old >"$file"
		chmod 640 "$file"
		echo mine >"$file.tmp"
		ln -s "file.$end" "$link"
		$kind $kind/link
		[ -L "$link" ]
		[ "$(stat -c %a "$file")" = 640 ]
		grep -q '</' "$file"
		[ "$(cat "$file.tmp")" = mine ]
		ln -s /dev/full "$kind/full.$end"
		run -1 --separate-stderr $kind $kind/full
		[[ $stderr == "fd2-"*": cannot write '$kind/full.$end': No space left on device" ]]
		[ -z "$(find $kind -name '.?*')" ]
		TMPDIR=none run -1 --separate-stderr $kind $kind/none
		[[ $stderr == "fd2-"*": cannot make a folder for temporary files in 'none'" ]]
	done
}
