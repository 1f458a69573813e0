#!/bin/bash
# fuzz/run.sh [SECONDS]: every target of build/fuzz on its corpus and, for so long (2), beyond;
# as many at a time as there are cores. The seed is always the same: who fuzzes for a minute has
# seen what ./check will see in its seconds. An input that one fails on is kept in
# build/fuzz/found/ and belongs, once the fault is mended, into fuzz/corpus/. For longer hunts run
# a target alone, with other seeds:
#     build/fuzz/fuzz/fuzz_gguf -max_total_time=3600 CORPUS_OF_YOUR_OWN fuzz/corpus/gguf
set -euo pipefail
cd "$(dirname "$0")/.."
export seconds=${1:-2}
mkdir -p build/fuzz/found

run_target() {
    local format=$1 log=build/fuzz/found/$1.log new
    new=$(mktemp -d)
    if "build/fuzz/fuzz/fuzz_$format" -seed=1 -max_total_time="$seconds" -timeout=20 -close_fd_mask=1 \
        -artifact_prefix="build/fuzz/found/$format-" "$new" "fuzz/corpus/$format" >"$log" 2>&1
    then
        awk -v format="$format" '/^Done/ { printf "%-18s %9d inputs\n", format, $2 }' "$log"
        rm -rf "$new" "$log"
    else
        rm -rf "$new"
        echo "masa: fuzz_$format fails; $log says on what:" >&2
        tail -25 "$log" >&2
        return 1
    fi
}
export -f run_target

for source in fuzz/fuzz_*.c; do
    format=${source#fuzz/fuzz_}
    echo "${format%.c}"
done | xargs -P "$(nproc)" -I '{}' bash -c 'run_target {}'
