#!/bin/bash
# Checks the kernels on a GPU in at most six minutes, on a machine that needs nothing but the
# driver and cuBLASLt.
#
#   tools/gpu_check.sh pack [ARCHITECTURE]   builds for it (sm_90 unless named) and packs the
#                                            programs and their libraries, build/gpu.tar.xz
#   gpu/gpu_check.sh run [OUT]               there, unpacked: runs them and writes to OUT (out)
#
# Right comes before fast, and what is done is written as it is done: OUT/summary.txt has a
# line for every step, whatever happens to the next.
set -uo pipefail

pack() {
    cd "$(dirname "$0")/.." || exit 1
    local out=build/gpu tests=(rows gather head linear attention) program
    cmake --preset release -B build/cuda -DMASA_CUDA=ON "-DCMAKE_CUDA_ARCHITECTURES=${1:-90}-real" >/dev/null || exit 1
    ninja -C build/cuda masa masa_cuda gpu_rows_probe test_kernels_cuda_whole "${tests[@]/#/gpu_}" || exit 1
    rm -rf "$out" && mkdir -p "$out/lib" || exit 1
    cp build/cuda/masa build/cuda/libmasa_cuda.so tools/gpu_check.sh "$out"
    for program in gpu_rows_probe test_kernels_cuda_whole "${tests[@]/#/gpu_}"; do
        cp "build/cuda/tests/kernels/cuda/$program" "$out" || exit 1
    done
    # All that the programs link to, but the C library and CUDA.
    ldd "$out"/masa "$out"/gpu_rows "$out"/libmasa_cuda.so | awk '/=> \// {print $3}' | sort -u |
        grep -vE '/(libc|libm|libdl|libpthread|librt|libcublas.*|ld-linux.*)\.so' |
        xargs -I{} cp -L {} "$out/lib"
    strip "$out"/masa "$out"/gpu_* "$out"/test_* "$out"/lib/*.so* "$out"/libmasa_cuda.so 2>/dev/null
    tar -C build -cJf build/gpu.tar.xz gpu && ls -sh build/gpu.tar.xz
}

# step NAME SECONDS COMMAND...: its output goes to OUT/NAME.log, its result to the summary.
step() {
    local name=$1 limit=$2 began=$SECONDS rc
    shift 2
    if [ $((SECONDS + 5)) -gt "$deadline" ]; then
        echo "$name: left out, no time" | tee -a "$out/summary.txt"
        return 1
    fi
    [ $((SECONDS + limit)) -le "$deadline" ] || limit=$((deadline - SECONDS))
    timeout -k 5 "$limit" "$@" >"$out/$name.log" 2>&1
    rc=$?
    echo "$name: $([ $rc -eq 0 ] && echo passed || echo "FAILED ($rc)") in $((SECONDS - began)) s" |
        tee -a "$out/summary.txt"
    return $rc
}

find_cublas() { # the folder of libcublasLt.so.13, of the toolkit or of a Python package
    local found
    ldconfig -p | grep -q 'libcublasLt\.so\.13' && return
    found=$(find /usr/local/cuda*/ /opt /usr/lib/python3* /usr/local/lib -name 'libcublasLt.so.13' 2>/dev/null | head -1)
    [ -n "$found" ] && export LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$(dirname "$found")"
}

# A run of masa-efficient in one piece and one that was stopped and resumed: the same bits.
resume() {
    local masa=("$(cd "$(dirname "$0")" && pwd)/masa") file settings
    settings=(--device "${DEVICE:-cuda}" -q -m model -d problems.jsonl --preset masa-efficient -s meta.start_step=1
        -s rollout.prompts_per_step=2 -s rollout.group_size=4 -s rollout.max_tokens=16 -s meta.max_tokens=16
        -s algorithm.overlong_buffer=16 -s optimizer.tokens_per_pass=2048 -s data.max_prompt_tokens=1800)
    cd "$1" || exit 1
    "${masa[@]}" init model -a qwen3 --hidden 128 --layers 2 --heads 4 --kv-heads 2 --head-dim 64 --context 2048 &&
        "${masa[@]}" tasks -n 20 -k chain:1-2 >problems.jsonl &&
        "${masa[@]}" train whole -n 2 "${settings[@]}" && "${masa[@]}" train parts -n 1 "${settings[@]}" &&
        "${masa[@]}" train parts --resume --device "${DEVICE:-cuda}" -q -s train.steps=2 || exit 1
    for file in model.safetensors optimizer.bin; do
        cmp "whole/checkpoints/step-000002/$file" "parts/checkpoints/step-000002/$file" || exit 1
    done
}

run() {
    here=$(cd "$(dirname "$0")" && pwd)
    out=$(mkdir -p "${1:-$here/out}" && cd "${1:-$here/out}" && pwd)
    deadline=350
    : >"$out/summary.txt"
    export LD_LIBRARY_PATH="$here/lib:$here" MASA_PLUGIN_FOLDER=$here
    export PATH=$PATH:/usr/local/cuda/bin
    find_cublas
    MASA_PLUGIN_FOLDER=$here:$LD_LIBRARY_PATH
    work=$(mktemp -d)
    step card 10 nvidia-smi

    # Right?
    for test in rows gather head linear attention; do step "gpu_$test" 40 "$here/gpu_$test"; done
    step whole 40 "$here/test_kernels_cuda_whole"
    mkdir "$work/resume" && step resume 40 "$here/gpu_check.sh" resume "$work/resume"
    step rows_probe 30 "$here/gpu_rows_probe"

    # Fast? A random model of SmolLM2-135M's layers (its vocabulary is of bytes alone).
    step init 60 "$here/masa" init "$work/model" --hidden 576 --intermediate 1536 --layers 30 \
        --heads 9 --kv-heads 3 --context 2048
    step bench 60 "$here/masa" bench --device cuda --json --quick -m "$work/model" \
        --sections peaks,prefill,decode,train
    "$here/masa" tasks -n 400 -k chain:1-2,add:1-2 --solutions >"$work/problems.jsonl" 2>/dev/null
    for device in cuda cpu; do
        step "sft_$device" 40 "$here/masa" sft "$work/run_$device" --device $device -m "$work/model" \
            -d "$work/problems.jsonl" -n 8 -s sft.batch=16 -s sft.max_tokens=256
    done

    # Faults that results do not show.
    if command -v compute-sanitizer >/dev/null; then
        for tool in memcheck racecheck synccheck; do
            for test in gather attention; do
                step "${tool}_$test" 40 compute-sanitizer --tool $tool --error-exitcode 9 "$here/gpu_$test"
            done
        done
    else
        echo "compute-sanitizer: not installed" | tee -a "$out/summary.txt"
    fi
    rm -rf "$work"
    ! grep -q FAILED "$out/summary.txt"
}

case ${1:-} in
pack) pack "${2:-}" ;;
run) run "${2:-}" ;;
resume) resume "$2" ;;
*) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
