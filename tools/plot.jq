# The tables that fd2-plot draws: the first line has the names of the columns.
include "statistics";

def file: input_filename | sub(".*/"; "") | sub("\\.[^.]*$"; "");

# Of objects {x, s, y}: a line per x, and a column per series s with the mean of its y.
def pivot($first):
  (reduce .[].s as $s ([]; if index($s) then . else . + [$s] end)) as $names |
  [$first] + $names,
  (group_by(.x)[] |
    (group_by(.s) | map({(.[0].s): (map(.y | numbers) | if . == [] then null else mean end)}) |
      add) as $y |
    [.[0].x] + [$names[] | $y[.]]);

# Logs and reports, lines of JSON

# $plural: of several files, a series has the file's name too
def series($name): if $plural then "\(file) \($name)" else $name end;

def losses:
  [inputs | select(.loss? | type == "object") | . as $line |
    first("step", "iteration", "epoch" | select($line[.])) as $first |
    .loss | to_entries[] | select(.value) |
    {x: $line[$first], s: series(.key), y: .value, $first}] |
  pivot(.[0].first);

def accuracy:
  [inputs | select(.event? == "epoch") | .epoch as $x | to_entries[] |
    select(.key | test("^(train|val)_|^top1$")) |
    {x: $x, s: series(.key | sub("_"; " ")), y: (100 * .value)}] |
  pivot("epoch");

# All lines of the reports together
def calibration:
  ["confidence", "accuracy", "images"],
  ([inputs | .calibration[]?] | group_by(.within)[] | (map(.images) | add) as $n |
    [(map(.images * .confidence) | add / $n), (map(.images * .accuracy) | add / $n), $n]);

def confusion:
  [inputs | select(.confusion?)] | .[0].classes as $names |
  if any(.[]; .classes != $names) then error("the reports have different classes") else . end |
  ["class"] + $names,
  (map(.confusion) | transpose | map(transpose | map(add)) | to_entries[] |
    [$names[.key]] + .value);

# Tables with tabs, read as raw lines

# Each line as an object by the names in its file's first line
def records:
  foreach (inputs | {file: input_filename, v: split("\t")}) as $line ({};
    if $line.file != .file then {file: $line.file, names: $line.v} else .v = $line.v end;
    select(.v) | [.names, .v] | transpose | map({(.[0]): .[1]}) | add);
def number: tonumber? // null;

# $classes of the lines below the names, spaced evenly; 0: all
def some: .[0], (.[1:] | length as $n |
  if $classes == 0 or $classes >= $n then .[] else .[range($classes) * $n / $classes | floor] end);

def classes:
  [[records | select(.class and .dispersion) | {x: .class} +
    ({s: "\(.set) dispersion", y: (.dispersion | number)},
     {s: "\(.set) inter-class", y: (.inter_class | number)})] |
  pivot("class")] | some;
def nearest:
  [[records | select(.class and .nearest_centre) |
    {x: .class, s: .set, y: (.nearest_centre | number)}] |
  pivot("class")] | some;
def scatter:
  ["set", "class", "x", "y"], (records | select(.set and .x) | [.set, .class, .x, .y]);

# Of pipelines/paper: ablation-alpha-pretrain and ns-time
def alpha:
  [records | select(.alpha and .maps) | {x: (.alpha | number)} +
    ({s: "backbone, M = \(.maps)", y: (.["backbone %"] | number)},
     {s: "CAL, M = \(.maps)", y: (.["CAL %"] | number)})] |
  pivot("alpha");
def time:
  ["N_S", "mean s", "spread", "paper s"],
  (records | select(.N_S) | [.N_S, .["mean s"], .spread, .["paper s"]]);

# Six digits of each number. What is not there is -, and no text has what separates fields or quotes
# them.
def digits:
  if . == 0 then . else pow(10; 5 - (fabs | log10 | floor)) as $p | . * $p | round / $p end;
def table:
  map(if . == null then "-" elif type == "number" then digits else gsub("[\t\n\"]"; " ") end |
    tostring) | join("\t");
