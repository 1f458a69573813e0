#!/bin/sh
# run.sh MODEL.gguf [SECTION...]: masa bench and its peers side by side, JSON Lines.
# MASA is the program, PEERS the folder of the peers' packages and converted models.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
model=$1
shift
masa=${MASA:-$here/../../build/release/masa}
peers=${PEERS:-/tmp/peers}
python=$peers/venv/bin/python
[ -d "$peers/hf" ] || "$masa" convert "$model" "$peers/hf"
for section in ${*:-train decode step}; do
    "$masa" bench --model "$model" --json --sections "peaks,$section"
    case $section in
    train)
        "$python" "$here/train_torch.py" "$peers/hf" 4 512
        "$python" "$here/train_torch.py" "$peers/hf" 4 512 --compile
        "$python" "$here/train_torch.py" "$peers/hf" 1 4096
        ;;
    decode)
        for batch in 16 64; do
            "$python" "$here/generate_torch.py" "$peers/hf" $batch
        done
        ;;
    step) "$python" "$here/step_trl.py" "$peers/hf" ;;
    esac
done
