# Means and deviations of all tables: jq -L pipelines 'include "statistics"; ...'.

def mean: add / length;

# Sample variance and standard deviation of the numbers of an array; 0 for one number
def variance: mean as $m | (map(. - $m | . * .) | add) / ([length - 1, 1] | max);
def deviation: variance | sqrt;

# A number with N decimals, as text: 2.5 | fixed(2) is "2.50"
def fixed($n): pow(10; $n) as $p | (. * $p | round) as $i | ($i | fabs | floor) as $a |
	(if $i < 0 then "-" else "" end) + ($a / $p | floor | tostring) +
	if $n > 0 then "." + (("0" * $n) + ($a % $p | tostring))[-$n:] else "" end;

# "2.50 +- 0.12" of an array, and "2.50" of one number
def spread($n):
  (mean | fixed($n)) + if length > 1 then " +- " + (deviation | fixed($n)) else "" end;
