# The parts of fd2-report's page, from an index: an object per file, with its `name` and `what`.
include "statistics";

def esc: tostring | @html;
def stem: sub("\\.[^./]*$"; "");
def percent($n): if . == null then "-" else 100 * . | fixed($n) end;
def figure: if type == "number" then (if . == floor and fabs < 1e15 then tostring
  else . * 10000 | round / 10000 | tostring end) else . // "-" end;

def cell: if (tostring | test("^(-|-?[0-9][0-9., +-]*( %)?)$")) then "<td class=n>\(esc)</td>"
  else "<td>\(esc)</td>" end;
# Of names of columns and rows of cells; the first cell is the row's name.
def grid($caption; $names; $rows):
  "<div class=wide role=region tabindex=0 aria-label=\"\($caption | esc)\">",
  "<table><caption><span>\($caption | esc)</span></caption>",
  "<thead><tr>" + ([$names[] | "<th scope=col>\(esc)</th>"] | add) + "</tr></thead><tbody>",
  ($rows[] | "<tr><th scope=row>\(.[0] | esc)</th>" + ([.[1:][] | figure | cell] | add // "") +
    "</tr>"),
  "</tbody></table></div>";

# Columns that no row has are left out: $columns is [[heading, key]...].
def some($caption; $columns; $rows):
  [$columns[] | .[1] as $k | select(any($rows[]; .[$k] != null))] as $c |
  grid($caption; ["file"] + ($c | map(.[0])); [$rows[] | . as $r | [.name] + ($c | map($r[.[1]]))]);

# Results

def set_name: if .set then "\(.set), \(.row)" else .seed as $s | .name | stem |
  if endswith("-\($s)") then .[:-("-\($s)" | length)] else . end end;
def students:
  [.[] | select(.what == "result") | . + {set: set_name, views: (if .augment == false then "whole"
    else "augmented" end)}] | select(. != []) |
  grid("Students on held-out images, mean +- sample standard deviation over the seeds";
    ["set", "labels", "views", "student", "seeds", "images", "top-1 %", "top-5 %", "ECE", "NLL",
      "image bytes", "label bytes"];
    [group_by([.set, .labels, .views, .arch])[] | [(.[0] | .set, .labels, .views, .arch),
      length, .[0].images, (map(.top1 * 100) | spread(1)), (map(.top5 * 100) | spread(1)),
      (map(.ece) | text(3)), (map(.nll) | text(2)),
      ((map(.image_bytes), map(.label_bytes)) | mean | round)]]);
def evaluations:
  [.[] | select(.what == "evaluation")] | select(. != []) |
  grid("Networks that were measured"; ["file", "network", "images", "top-1 %", "top-5 %", "ECE",
    "NLL"]; map([.name, .arch, .val_images, (.top1 | percent(1)), (.top5 | percent(1)), .ece,
    .nll]));
def teachers:
  [.[] | select(.what == "stream" and .kind == "teacher")] | select(. != []) |
  grid("Teachers"; ["file", "backbone", "maps", "alpha", "pixels", "classes", "epochs",
    "top-1 % of the backbone", "of CAL"];
    map([.name] + (.meta | [.arch, .maps, .alpha, .size, (.classes | length), .epoch,
      (.val.backbone | percent(1)), (.val.cal | percent(1))])));
def statistics:
  ([.[] | select(.what == "stat")] |
    [.[], (.[] | select(.real) | .name as $n | .real + {name: "\($n), real images"})]) |
  select(. != []) |
  some("Distances of representations and attention maps, fd2-stat(1)"; [["images", "images"],
    ["attention within a class", "intra_class_attention"], ["own prototype", "own_prototype"],
    ["other prototypes", "other_prototypes"], ["nearest is right", "nearest_right"],
    ["attention on the part", "part_mass"], ["area of the part", "part_area"],
    ["dispersion", "dispersion"], ["inter-class", "inter_class"],
    ["nearest centre", "nearest_centre"], ["Fisher ratio", "fisher_ratio"],
    ["silhouette", "silhouette"], ["trace of attention", "attention_trace"],
    ["1-NN to real", "nearest_accuracy"]]; .);
def costs:
  [.[] | select(.what == "log") | .name as $n | .cost[]? | {name: $n} + .] | select(. != []) |
  some("Cost of students"; [["student", "arch"], ["seed", "seed"], ["seconds", "seconds"],
    ["peak MiB", "peak_mib"]]; .);
def sets:
  [.[] | select(.what == "shard")] | select(. != []) |
  grid("Sets of images"; ["file", "images", "classes", "width", "height", "MB", "made by"];
    map([.name, .samples, (.classes | length), (.width | unique | join("-")),
      (.height | unique | join("-")), (.bytes / 1e6 | fixed(1)), .meta.tool]));
def results: students, evaluations, teachers, statistics, sets, costs;

# Tables

# Of the lines of a file with tabs
def lines($caption): [inputs | split("\t") | select(. != [])] | select(. != []) |
  grid($caption; .[0]; .[1:]);

# Provenance

def short: "<code title=\"\(esc)\">\(.[:12] | esc)</code>";
def anchor: "file-\(.n)";
def settings: [.meta.options // {} | to_entries[] | select(.value != null and .value != [])] |
  select(. != []) |
  "<details><summary>settings</summary><dl>" + ([.[] | "<dt>\(.key | esc)</dt><dd>" +
    (.value | if type == "array" then map(tostring) | join(" ") else tostring end | esc) +
    "</dd>"] | add) + "</dl></details>";
# What a file was made from: links to files of the report, by digest.
def origins($all):
  [.meta.inputs // {} | to_entries[] | .key as $k | .value |
    if type == "array" then .[] else . end | . as $d |
    ([$all[] | select(.digest == $d)][0]) as $f | "\($k | esc) " +
    if $f then "<a href=\"#\($f | anchor)\">\($f.name | esc)</a>" else $d | short end] |
  if . == [] then "-" else join(", ") end;
def provenance:
  [.[] | select(.digest)] as $all | select($all != []) |
  "<div class=wide role=region tabindex=0 aria-label=\"Files and what they were made from\">",
  "<table><caption><span>Files and what they were made from. Of a file that is not in this table," +
    " the first 12 digits of its digest are shown.</span></caption>",
  "<thead><tr>" + (["file", "content", "made by", "from", "digest", "settings"] |
    map("<th scope=col>\(.)</th>") | add) + "</tr></thead><tbody>",
  ($all[] | "<tr id=\(anchor)><th scope=row>\(.name | esc)</th><td>" +
    (if .what == "shard" then "image shard" else .kind // .format end | esc) + "</td><td>" +
    ("\(.meta.tool // "-") \(.meta.version // "")" | esc) + "</td><td>\(origins($all))</td><td>" +
    (.digest | short) + "</td><td>\([settings] | add // "-")</td></tr>"),
  "</tbody></table></div>";

# As a shell takes it
def quoted: if test("^[A-Za-z0-9_./:=,+@%-]+$") then . else @sh end;
def commands:
  [.[] | select(.what == "log") | .name as $n | .argv[]? | [$n, (map(quoted) | join(" "))]] |
  select(. != []) |
  "<h3>Commands</h3>", "<p>As the logs have them.</p><dl class=commands>",
  (.[] | "<dt>\(.[0] | esc)</dt><dd><code>\(.[1] | esc)</code></dd>"), "</dl>";

# What a figure shows, for who cannot see it: of a table of fd2-plot --data
def in_words: [inputs | split("\t")] | .[0] as $names | .[1:] as $rows |
  if ($rows | length) == 0 then "" else
    [range(1; $names | length) as $i | [$rows[][$i] | tonumber? // empty] | select(. != []) |
      "\($names[$i]) from \(.[0] | figure) to \(.[-1] | figure)" +
      if length > 2 then ", between \(min | figure) and \(max | figure)" else "" end] |
    if length > 12 then .[:12] + ["and \(length - 12) more"] else . end | join("; ") end;
