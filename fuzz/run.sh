#!/bin/bash
# fuzz/run.sh [SECONDS [SEED [AT_ONCE]]]: every target of build/fuzz on its corpus and, for so long
# (2), beyond; as many at once as there are cores, unless told. With seed 1, the usual one, who
# fuzzes for a minute has seen what ./check will see in its seconds. An input that a target fails
# on is kept in build/fuzz/found/ and belongs, once the fault is mended, into fuzz/corpus/. For
# longer hunts run a target alone:
#     build/fuzz/fuzz/fuzz_gguf -max_total_time=3600 CORPUS_OF_YOUR_OWN fuzz/corpus/gguf
# What it prints: the target, how many inputs, and what was found.
set -euo pipefail
cd "$(dirname "$0")/.."
export seconds=${1:-2} seed=${2:-1}
mkdir -p build/fuzz/found

run_target() {
    local format=$1 log=build/fuzz/found/$1.log new found=nothing
    new=$(mktemp -d)
    "build/fuzz/fuzz/fuzz_$format" -seed="$seed" -max_total_time="$seconds" -timeout=20 \
        -close_fd_mask=1 -print_final_stats=1 -artifact_prefix="build/fuzz/found/$format-" \
        "$new" "fuzz/corpus/$format" >"$log" 2>&1 || found="a fault: $log"
    rm -rf "$new"
    awk -v format="$format" -v found="$found" '/^stat::number_of_executed_units/ { n = $2 }
        END { printf "%-18s %9d inputs  %s\n", format, n, found }' "$log"
    if [ "$found" = nothing ]; then
        rm "$log"
    else
        echo "masa: fuzz_$format fails; $log says on what:" >&2
        tail -25 "$log" >&2
        return 1
    fi
}
export -f run_target

for source in fuzz/fuzz_*.c; do
    format=${source#fuzz/fuzz_}
    echo "${format%.c}"
done | xargs -P "${3:-$(nproc)}" -I '{}' bash -c 'run_target {}'
