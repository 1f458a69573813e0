#!/bin/bash
# Makes the toy regime of PLAN.md in a folder: models and problems, from nothing but `masa`, the
# same to the byte on the same machine. Half an hour of one core. Every step that is done is
# left alone; a broken-off one goes on.
#
#   experiments/toy/make.sh OUT [MASA]
#
#   base      random weights, 2.5 million parameters
#   taught    clean solutions of seven families
#   skilled   and more of the three that are to be mastered, in smaller batches
#   start     and then solutions with slips in 6 % of the steps: knows how, errs at random
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: experiments/toy/make.sh OUT [MASA]} masa=${2:-masa}
export OMP_NUM_THREADS=1
mkdir -p "$out"

tasks() { # FILE OPTIONS...
    local file=$1; shift
    [ -f "$out/$file" ] || { "$masa" tasks "$@" >"$out/$file.part" && mv "$out/$file.part" "$out/$file"; }
}
taught=chain:1-16=5,add:1-10=5,sort:1-10=5,search:3-6=4,base:1-4=2,solve:1-4=2,secret:4-12=0.6
form=(--meta-template "$here/meta.txt" --lengths 10-160)
tasks clean.jsonl -n 46000 -k $taught --solutions --predictions 0.05 "${form[@]}" --seed 1
mastered=chain:1-16=6,add:1-10=6,sort:2-10=3,search:3-4=1,base:1-2=1,solve:1-2=1,secret:4-12=0.4
tasks more.jsonl -n 36000 -k $mastered --solutions --predictions 0.05 "${form[@]}" --seed 3
tasks sloppy.jsonl -n 6000 -k $taught --solutions --slips 0.06 --predictions 0.25 "${form[@]}" --seed 2

[ -d "$out/base" ] || "$masa" init "$out/base" --hidden 192 --layers 6 --heads 6 --kv-heads 3 \
    --intermediate 512 --context 640 --phrases "$here/phrases.txt" --seed 1

teach() { # RUN MODEL DATA SETTINGS...
    local run=$out/$1 model=$2 data=$out/$3; shift 3
    [ -d "$run.model" ] && return
    if [ -f "$run/config.yaml" ]; then "$masa" sft "$run" --resume
    else "$masa" sft "$run" --model "$model" --data "$data" --set sft.batch=64 --set sft.max_tokens=400 --set data.suffix= \
            --set optimizer.beta2=0.98 --set optimizer.weight_decay=0.01 --set train.threads=1 \
            --set train.save_every=200 "$@"
    fi
    mkdir -p "$run.part"
    cp "$run/checkpoints/$(cat "$run/checkpoints/latest")"/*.json "$run.part"
    cp "$run/checkpoints/$(cat "$run/checkpoints/latest")"/model.safetensors "$run.part"
    rm -f "$run.part/state.json"
    mv "$run.part" "$run.model"
}
teach taught "$out/base" clean.jsonl --set optimizer.lr=2e-3 --set optimizer.schedule=cosine \
    --set optimizer.warmup_steps=30
teach skilled "$out/taught.model" more.jsonl --set optimizer.lr=1.5e-3 --set optimizer.schedule=cosine \
    --set optimizer.warmup_steps=30 --set sft.batch=32
teach start "$out/skilled.model" sloppy.jsonl --set optimizer.lr=3e-4 --set optimizer.warmup_steps=10

# The mixes: easy and frontier problems among hopeless ones. In H three of four groups of 16 have
# no variance, in P one of two; F is H with so many that none comes twice. In L, whose steps are H's
# in all else, what is hopeless also takes long, as in models that think: two thirds of it are
# graphs, which were never taught and on which attempts wander.
frontier() { echo "chain:2-16=$1,add:2-8=$1,sort:2-8=$1"; }
hopeless() { echo "add:11-18=$1,sort:11-18=$1,secret:6-16=$1"; }
tasks trainH.jsonl -n 960 -k "add:1=0.03,$(frontier 0.0833),$(hopeless 0.24)" --seed 11
tasks trainF.jsonl -n 2400 -k "add:1=0.03,$(frontier 0.0833),$(hopeless 0.24)" --seed 12
tasks trainL.jsonl -n 960 -k "add:1=0.03,$(frontier 0.0833),graph:12-20=0.48,$(hopeless 0.08)" --seed 13
tasks trainM.jsonl -n 3400 -k "add:1=0.03,$(frontier 0.0833),graph:12-20=0.48,$(hopeless 0.08)" --seed 14
tasks trainP.jsonl -n 960 -k "add:1=0.04,$(frontier 0.1667),$(hopeless 0.1533)" --seed 11

# What is asked in evaluations, of the other half of all problems, and in which part of the table.
test_part() { # PART NUMBER KINDS
    "$masa" tasks -n "$2" -k "$3" --test --seed 21 | sed "s/^{/{\"part\":\"$1\",/" >>"$out/test.part"
}
if [ ! -f "$out/test.jsonl" ]; then
    rm -f "$out/test.part"
    test_part frontier 400 chain:2-16,add:2-8,sort:2-8
    test_part trivial 10 add:1
    test_part hopeless 50 add:11-18,sort:11-18,secret:6-16
    test_part longer 100 chain:17-20,add:9,sort:9-10
    test_part heldout 100 solve:1,search:3-4
    mv "$out/test.part" "$out/test.jsonl"
fi
