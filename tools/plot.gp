# How fd2-plot draws its tables. Given: kind, title, the file `data` with rows and columns, the
# `first` column's name; positive, whether no value is 0 or less; dispersed, whether a class has a
# dispersion; colour_of and shape_of, those of the blocks of a scatter.

# Okabe and Ito's colours, which all can tell apart, and two more
colours = '#0072b2 #d55e00 #009e73 #cc79a7 #e69f00 #56b4e9 #000000 #f0e442 #882255 #999999'
do for [i=1:words(colours)] { set linetype i lc rgb word(colours, i) pt 7 }
set linetype cycle words(colours)
set datafile separator tab
set datafile missing '-'
set datafile commentschars '' # a class may begin with #
set title title
set key outside
set grid ytics lt 1 lc rgb '#dddddd'
set border 3
set tics nomirror

if (kind eq 'losses') {
	set xlabel first
	set ylabel 'loss'
	if (positive) { set logscale y }
	plot for [i=2:columns] data using 1:i with lines lw 2 title columnheader(i)
}
if (kind eq 'accuracy' || kind eq 'alpha') {
	set xlabel first
	set ylabel 'top-1 %'
	set offsets graph 0.02, graph 0.02, 0, 0
	plot for [i=2:columns] data using 1:i with linespoints lw 2 ps 0.6 title columnheader(i)
}
if (kind eq 'calibration') {
	set xlabel 'confidence'
	set ylabel 'accuracy'
	set xrange [0:1]
	set yrange [0:1]
	set size square
	plot x with lines lc rgb '#777777' dt 2 title 'calibrated', \
		data using 1:2 with linespoints lw 2 title 'accuracy of a bin'
}
if (kind eq 'confusion') {
	set xlabel 'predicted'
	set ylabel 'class'
	set cblabel 'share of the class'
	set cbrange [0:1]
	set palette defined (0 '#ffffff', 0.5 '#56b4e9', 1 '#002b4d')
	set xrange [-0.5:rows - 0.5]
	set yrange [rows - 0.5:-0.5]
	set size ratio 1
	set tics scale 0
	unset grid
	unset key
	set xtics rotate by -45
	if (rows > 40) { # the table has no names
		unset xtics
		unset ytics
		plot data matrix using 1:2:3 with image
	} else { # one shape per cell: browsers blur the pixels of an image
		plot data matrix rowheaders columnheaders using 1:2:3 with image pixels
	}
}
if (kind eq 'classes' || kind eq 'nearest') {
	if (rows > 60) { set xtics scale 0 } else { set xtics rotate by -45 }
	name(text) = rows > 60 ? '' : text
	set xrange [-1:rows]
	set yrange [0:*]
}
if (kind eq 'classes' && dispersed) {
	set style fill solid 0.8
	set style histogram clustered gap 1
	set ylabel 'dispersion (bars)'
	set y2label 'inter-class distance (lines)'
	set y2tics
	set y2range [0:*]
	set border 11
	plot for [i=2:columns:2] data using i:xticlabels(name(strcol(1))) lt i / 2 with histograms \
		title columnheader(i), \
		for [i=3:columns:2] data using 0:i axes x1y2 with linespoints lw 2 lt i / 2 \
		title columnheader(i)
}
if (kind eq 'classes' && !dispersed) { # one image per class
	set ylabel 'inter-class distance'
	plot for [i=3:columns:2] data using 0:i:xticlabels(name(strcol(1))) \
		with linespoints lw 2 lt i / 2 title columnheader(i)
}
if (kind eq 'nearest') {
	set ylabel 'distance to the nearest class mean'
	plot for [i=2:columns] data using 0:i:xticlabels(name(strcol(1))) \
		with linespoints lw 2 ps 0.6 title columnheader(i)
}
if (kind eq 'scatter') {
	# A block per set and class; a class has a colour, a set a shape.
	set size square
	unset xtics
	unset ytics
	unset grid
	set border 15
	set offsets graph 0.03, graph 0.03, graph 0.03, graph 0.03
	if (words(colour_of) > 30) { unset key }
	plot for [i=1:words(colour_of)] data index i - 1 using 3:4 with points ps 1.2 \
		lt int(word(colour_of, i)) pt int(word(shape_of, i)) title columnheader(1)
}
if (kind eq 'time') {
	set xlabel 'N_S'
	set xtics 1
	set offsets graph 0.05, graph 0.05, 0, 0
	set ylabel 'seconds per image of all classes'
	set yrange [0:*]
	plot data using 1:2 with linespoints lw 2 title 'mean', \
		data using 1:2:3 with yerrorbars lt 1 notitle, \
		data using 1:4 with linespoints lw 2 title 'paper'
}
