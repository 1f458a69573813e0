#!/bin/bash
# tools/gpu_budget.sh [ARCHITECTURE...]: compiles the GPU's kernels (sm_80 86 89 90 100 120 if
# none is named) and holds what ptxas says of each to src/kernels/cuda/budget.txt: no spill to
# memory, no more registers than are written there. Says the registers of those that are named
# there, by architecture. Needs nvcc, and no GPU.
set -euo pipefail
cd "$(dirname "$0")/.."
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
[ -x "$nvcc" ] || { echo "gpu_budget: no nvcc here; skipped"; exit 0; }
architectures=("$@")
if [ $# -eq 0 ]; then # those of the six that this nvcc knows
    for a in 80 86 89 90 100 120; do
        if "$nvcc" --list-gpu-code | grep -qx "sm_$a"; then architectures+=("$a"); fi
    done
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() { # file architecture
    "$nvcc" -std=c++17 -arch="sm_$2" -cubin -Xptxas -v -o "$work/$(basename "$1").$2" \
        -Isrc/kernels/cuda -Isrc/kernels -Isrc/kernels/include -Isrc/base/include "$1" \
        >"$work/$(basename "$1").$2.log" 2>&1 || { cat "$work/$(basename "$1").$2.log"; exit 1; }
}
for a in "${architectures[@]}"; do
    for f in src/kernels/cuda/*.cu; do
        compile "$f" "$a" &
        while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
    done
done
while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n; done

# One line a kernel: architecture, name, registers, bytes of stack, of spills.
for log in "$work"/*.log; do
    architecture=${log%.log}
    architecture=${architecture##*.}
    c++filt <"$log" | awk -v a="$architecture" '
        /Compiling entry function/ { split($0, quoted, "\x27"); name = quoted[2] }
        /bytes stack frame/ { stack = $1; spill = $5 + $9 }
        /Used [0-9]+ registers/ {
            for (i = 1; i <= NF; i++) if ($i == "Used") registers = $(i + 1)
            sub(/^void /, "", name); sub(/\(.*/, "", name)
            print a, registers, stack, spill, name }'
done >"$work/kernels"

awk '
    FNR == NR { if ($0 !~ /^#/ && NF) { limit[$1] = $2 } next }
    {   most = ($5 in limit) ? limit[$5] : limit["*"]
        n++
        if ($5 in limit) { used[$5] = used[$5] " " $2 " (sm_" $1 ")" }
        if ($3 > 0 || $4 > 0) { print "sm_" $1 " " $5 ": " $3 " bytes of stack, " $4 " of spills"; bad++ }
        if ($2 > most) { print "sm_" $1 " " $5 ": " $2 " registers, " most " in the budget"; bad++ } }
    END { for (name in used) print name ":" used[name] | "sort"
        close("sort")
        print n " kernels, " bad + 0 " over budget"; exit bad > 0 || n == 0 }
' src/kernels/cuda/budget.txt "$work/kernels"
