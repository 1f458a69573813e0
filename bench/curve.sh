#!/bin/sh
# curve.sh MODEL OUT.svg [CONTEXTS]: draws the time of a token by the context it stands in,
# decoding and training, attention apart (`masa bench --sections curve`).
set -eu
masa=${MASA:-$(dirname "$0")/../build/release/masa}
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
"$masa" bench --model "$1" --sections curve --json ${3:+--contexts "$3"} |
    tee /dev/stderr | tr -d '{}"' | awk -F '[:,]' '{ print $4, $6, $8, $10, $12 }' >"$rows"
gnuplot - <<END
set terminal svg size 820,360 font "sans,12"
set output "$2"
set multiplot layout 1,2
set grid
set key top left
set xlabel "tokens of context"
set ylabel "ms per token"
set yrange [0:*]
set xrange [0:*]
do for [what in "decoding training"] {
    set title what
    plot "< grep ^".what." $rows" using 2:3 with linespoints title "all", \
         "" using 2:4 with linespoints title "attention", \
         "" using 2:5 with linespoints title "the rest"
}
END
