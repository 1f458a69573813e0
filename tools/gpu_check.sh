#!/bin/bash
# Checks and measures on a GPU, on a machine that needs nothing but the driver and cuBLASLt.
#
#   tools/gpu_check.sh pack [ARCHITECTURE]   builds for it (sm_90 unless named) and packs the
#                                            programs and their libraries, build/gpu.tar.xz
#   gpu/gpu_check.sh run [OUT [PART...]]     there, unpacked: the parts right, fast and faults,
#                                            all of them unless named; writes to OUT (out)
#
# A part has its seconds and every step in it has, and no step stops the next. OUT gets few files,
# each written as the work goes: summary.txt, a line a step; log.txt, what the steps said;
# profile_*.csv, the time and the bytes of every kernel, where ncu is installed.
set -uo pipefail

tests=(rows gather head linear cache attention)
device=${DEVICE:-cuda} # any that masa has: on a machine without a GPU, to try the steps
programs=(gpu_rows_probe test_kernels_cuda_whole "${tests[@]/#/gpu_}")
theirs='/(libc|libm|libdl|libpthread|librt|libresolv|libutil|libcublas.*|ld-linux.*)\.so' # the machine's own

pack() {
    cd "$(dirname "$0")/.." || exit 1
    local out=$PWD/build/gpu program foreign
    # Libraries are found beside the programs, and by nothing else: the machine's tools have their own.
    # shellcheck disable=SC2016
    cmake --preset release -B build/cuda -DMASA_CUDA=ON "-DCMAKE_CUDA_ARCHITECTURES=${1:-90}-real" \
        '-DCMAKE_BUILD_RPATH=$ORIGIN/lib' -DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags >/dev/null || exit 1
    ninja -C build/cuda ${JOBS:+-j $JOBS} masa masa_cuda "${programs[@]}" || exit 1
    rm -rf "$out" && mkdir -p "$out/lib" || exit 1
    cp build/cuda/masa build/cuda/libmasa_cuda.so tools/gpu_check.sh bench/peers/train_torch_gpu.py "$out" || exit 1
    for program in "${programs[@]}"; do
        cp "build/cuda/tests/kernels/cuda/$program" "$out" || exit 1
    done
    # All that the programs link to, but the C library and CUDA.
    libraries "$out" | xargs -I{} cp -L {} "$out/lib" || exit 1
    find "$out" -type f ! -name '*.sh' ! -name '*.py' -exec strip {} + || exit 1
    foreign=$(libraries "$out" | grep -v "^$out/lib/")
    [ -z "$foreign" ] || { echo "not packed: $foreign"; exit 1; }
    tar -C build -cf - gpu | xz -0 >build/gpu.tar.xz || exit 1
    ls -sh build/gpu.tar.xz
    [ "$(stat -c %s build/gpu.tar.xz)" -lt $((60 << 20)) ] || { echo "larger than 60 MiB"; exit 1; }
}

libraries() { # of the programs in that folder, but those that the machine has
    find "$1" -maxdepth 1 -type f ! -name '*.sh' ! -name '*.py' -exec ldd {} + | awk '/=> \// {print $3}' |
        sort -u | grep -vE "$theirs"
}

say() {
    echo "$*" | tee -a "$out/summary.txt"
}

# step NAME SECONDS COMMAND...: what it says goes to the log, how it ended to the summary.
step() {
    local name=$1 limit=$2 began=$SECONDS left=$((deadline - SECONDS)) rc
    shift 2
    if [ "$left" -lt 5 ]; then
        say "$name: left out, no time"
        return 1
    fi
    [ "$limit" -le "$left" ] || limit=$left
    echo "== $name" >>"$out/log.txt"
    timeout -k 2 "$limit" "$@" 2>&1 | { head -c 300000; cat >/dev/null; } >>"$out/log.txt"
    rc=${PIPESTATUS[0]}
    case $rc in
    0) say "$name: passed in $((SECONDS - began)) s" ;;
    124 | 137) say "$name: FAILED, not done in $limit s" ;;
    *) say "$name: FAILED ($rc) in $((SECONDS - began)) s" ;;
    esac
    return "$rc"
}

find_cublas() { # the folder of libcublasLt.so.13, of the toolkit or of a Python package
    local found
    ldconfig -p | grep -q 'libcublasLt\.so\.13' && return
    found=$(timeout 20 find /usr/local/cuda*/ /opt /usr/lib/python3* /usr/local/lib -name 'libcublasLt.so.13' 2>/dev/null | head -1)
    [ -n "$found" ] && export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$(dirname "$found")"
}

# A run of masa-efficient in one piece and one that was stopped and resumed: the same bits.
resume() {
    local masa=("$(cd "$(dirname "$0")" && pwd)/masa") file settings
    settings=(--device "$device" -q -m model -d problems.jsonl --preset masa-efficient -s meta.start_step=1
        -s rollout.prompts_per_step=2 -s rollout.group_size=4 -s rollout.max_tokens=16 -s meta.max_tokens=16
        -s algorithm.overlong_buffer=16 -s optimizer.tokens_per_pass=2048 -s data.max_prompt_tokens=1800)
    cd "$1" || exit 1
    "${masa[@]}" init model -a qwen3 --hidden 128 --layers 2 --heads 4 --kv-heads 2 --head-dim 64 --context 2048 &&
        "${masa[@]}" tasks -n 20 -k chain:1-2 >problems.jsonl &&
        "${masa[@]}" train whole -n 2 "${settings[@]}" && "${masa[@]}" train parts -n 1 "${settings[@]}" &&
        "${masa[@]}" train parts --resume --device "$device" -q -s train.steps=2 || exit 1
    for file in model.safetensors optimizer.bin; do
        cmp "whole/checkpoints/step-000002/$file" "parts/checkpoints/step-000002/$file" || exit 1
    done
}

right() {
    deadline=$((SECONDS + 150))
    step card 10 nvidia-smi
    for test in "${tests[@]}"; do step "gpu_$test" 40 "$here/gpu_$test"; done
    step whole 60 "$here/test_kernels_cuda_whole"
    mkdir "$work/resume" && step resume 40 "$here/gpu_check.sh" resume "$work/resume"
    step rows_probe 20 "$here/gpu_rows_probe"
}

# Shapes of `masa init`.
smollm=(--vocab 49152 --hidden 576 --intermediate 1536 --heads 9 --kv-heads 3 --context 2048) # SmolLM2-135M, 30 layers
qwen=(-a qwen3 --vocab 151936 --hidden 1024 --intermediate 3072 --layers 28 --heads 16 --kv-heads 8 --head-dim 128
    --rope-theta 1000000 --context 2048) # Qwen3-0.6B

# init NAME SHAPE...: a random model.
init() {
    step "init_$1" 120 "$here/masa" init "$work/$1" "${@:2}"
}

# bench NAME SECONDS MODEL ARGUMENTS...
bench() {
    step "bench_$1" "$2" "$here/masa" bench --device "$device" --json -m "$work/$3" "${@:4}"
}

# profile NAME MODEL KERNELS-BEFORE KERNELS ARGUMENTS...: every kernel of them by itself.
profile() {
    step "profile_$1" 60 ncu --clock-control none --csv --log-file "$out/profile_$1.csv" --launch-skip "$3" \
        --launch-count "$4" --metrics gpu__time_duration.sum,dram__bytes_read.sum,dram__bytes_write.sum \
        "$here/masa" bench --device "$device" --json -m "$work/$2" "${@:5}"
}

# peer MODEL PASSES: PyTorch with the same shape, where the machine has it.
peer() {
    [ "$torch" = True ] || { say "torch_$1: no torch: skipped"; return; }
    step "torch_$1" 40 python3 "$here/train_torch_gpu.py" "$work/$1" "$2"
}

fast() {
    local passes=8x512,32x512,16x1024 made torch
    deadline=$((SECONDS + 270))
    init qwen "${qwen[@]}" & # takes one core for half a minute
    made=$!
    init smollm --layers 30 "${smollm[@]}"
    bench step 60 smollm --sections step
    bench decode 60 smollm --sections prefill,decode --batch 1,64,256 --new-tokens 896
    bench train 60 smollm --sections train --passes $passes
    torch=$(timeout 30 python3 -c 'import torch; print(torch.cuda.is_available())' 2>/dev/null)
    peer smollm $passes
    bench peaks 30 smollm --sections peaks
    "$here/masa" tasks -n 400 -k chain:1-2,add:1-2 --solutions >"$work/problems.jsonl" 2>/dev/null
    step sft 30 "$here/masa" sft "$work/run" --device "$device" -m "$work/smollm" -d "$work/problems.jsonl" -n 8 \
        -s sft.batch=16 -s sft.max_tokens=256
    if wait $made; then
        bench qwen_decode 40 qwen --sections prefill,decode --batch 1,64,256 --new-tokens 384
        bench qwen_train 40 qwen --sections train --passes 8x512,16x512
        peer qwen 8x512,16x512
    fi
    command -v ncu >/dev/null || { say "ncu: not installed"; return; }
    init small --layers 4 "${smollm[@]}" # a layer's kernels, and the head's, at their true sizes
    profile train small 0 400 --sections train --passes 8x512
    profile decode small 900 200 --sections decode --batch 256 --new-tokens 64
}

# Faults that results do not show.
faults() {
    local tool
    deadline=$((SECONDS + 150))
    command -v compute-sanitizer >/dev/null || { say "compute-sanitizer: not installed"; return; }
    for tool in memcheck racecheck synccheck; do
        for test in attention gather; do
            step "${tool}_$test" 40 compute-sanitizer --tool $tool --error-exitcode 9 "$here/gpu_$test"
        done
    done
}

run() {
    local part
    here=$(cd "$(dirname "$0")" && pwd)
    out=$(mkdir -p "${1:-$here/out}" && cd "${1:-$here/out}" && pwd)
    : >"$out/summary.txt"
    : >"$out/log.txt"
    export PATH=$PATH:/usr/local/cuda/bin
    find_cublas
    export MASA_PLUGIN_FOLDER=$here:${LD_LIBRARY_PATH:-}
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    shift $(($# ? 1 : 0))
    [ $# -gt 0 ] || set -- right fast faults
    for part in "$@"; do
        case $part in
        right | fast | faults) "$part" ;;
        *) say "$part: FAILED, no such part" ;;
        esac
    done
    ! grep -q FAILED "$out/summary.txt"
}

case ${1:-} in
pack) pack "${2:-}" ;;
run) shift; run "$@" ;;
resume) resume "$2" ;;
*) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
