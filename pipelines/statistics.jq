# Means and deviations of all tables: jq -L pipelines 'include "statistics"; ...'.

def mean: add / length;

# Sample variance and standard deviation of the numbers of an array; 0 for one number
def variance: mean as $m | (map(. - $m | . * .) | add) / ([length - 1, 1] | max);
def deviation: variance | sqrt;
# Of the mean
def error: deviation / (length | sqrt);

# A number with N decimals, as text: 2.5 | fixed(2) is "2.50"
def fixed($n): pow(10; $n) as $p | (. * $p | round) as $i | ($i | fabs | floor) as $a |
	(if $i < 0 then "-" else "" end) + ($a / $p | floor | tostring) +
	if $n > 0 then "." + (("0" * $n) + ($a % $p | tostring))[-$n:] else "" end;

# "2.50 +- 0.12" of an array, its mean and what `width` says of it, and "2.50" of one number
def plus_minus($n; width):
	(mean | fixed($n)) + if length > 1 then " +- " + (width | fixed($n)) else "" end;
def spread($n): plus_minus($n; deviation);
# The same, and "-" where one is missing
def text($n): if all(. != null) then spread($n) else "-" end;

# Of differences, pair by pair: whether their mean is more than two standard errors from 0
def told_apart: length > 1 and (mean | fabs) > 2 * error;
def verdict: "\(mean | fixed(1)) points, standard error \(error | fixed(1)): " +
	if told_apart then "told apart" else "not told apart" end;
