#!/bin/sh
# start.sh MODEL [RUNS]: seconds from the start of `masa generate` to the end of its first
# token, the model's file in the system's cache: each run, then the median.
set -eu
masa=${MASA:-$(dirname "$0")/../build/release/masa}
cat "$1" >/dev/null
i=0
while [ $i -lt "${2:-5}" ]; do
    begin=$(date +%s%N)
    "$masa" generate --model "$1" --max-tokens 1 "Hello" >/dev/null
    end=$(date +%s%N)
    echo $((end - begin))
    i=$((i + 1))
done | sort -n | awk '{ v[NR] = $1 / 1e9; printf "%.3f s\n", v[NR] }
    END { if (!NR) exit 1; printf "median %.3f s\n", v[int((NR + 1) / 2)] }'
