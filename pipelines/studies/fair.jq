# The tables of `fair` from its results, for each kind of student and number of images: accuracies,
# which rows differ by more than two standard errors, and the differences of chosen pairs.
include "statistics";

def letter: [. + 65] | implode;

# The mean top-1 of each set's students, in percent: an object with a key for each set
def of_sets: group_by(.set) | map({("\(.[0].set)"): map(.top1 * 100) | mean}) | add;
# a minus b, set by set, of the sets that both have
def difference($a; $b):
	[$a, $b | of_sets] as [$a, $b] | [$a | keys[] | select(in($b)) | $a[.] - $b[.]];

def accuracies:
	["", "row", "top-1 %", "sets", "students", "image bytes", "label bytes",
		"CPU s of a set"],
	(to_entries[] | .key as $i | .value |
		[($i | letter), .[0].row, (of_sets | plus_minus(1; error)),
		(map(.set) | unique | length), length, (map(.image_bytes) | mean | round),
		(map(.label_bytes) | mean | round), (map(.seconds) | mean | round)]) | @tsv;

# + where the row's letter is better than the column's, - where it is worse
def against: . as $rows | [" ", (range(length) | letter)],
	(range(length) as $i | [($i | letter), (range(length) as $j | if $i == $j then " " else
		difference($rows[$i]; $rows[$j]) |
		if told_apart | not then "." elif mean > 0 then "+" else "-" end end)]) | join(" ");

def chosen($pairs): . as $rows | $pairs | split("\n")[] | split(" ") | select(length == 2) |
	map(. as $name | $rows | map(select(.[0].row == $name))[0]) as [$a, $b] |
	select($a and $b) | difference($a; $b) | select(. != []) |
	["\($a[0].row) minus \($b[0].row)", plus_minus(1; error),
		if told_apart then "told apart" else "" end] | @tsv;

group_by([.kind, .ipc])[] | "students: \(.[0].kind), images per class: \(.[0].ipc)", "",
	(group_by(.row) | sort_by(of_sets | -mean) |
		accuracies, "", against, "", chosen($pairs)), ""
