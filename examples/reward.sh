#!/bin/sh
# A reward: 1 to a response of at most 100 tokens, and 100 / tokens to a longer one.
#     --set reward.command=examples/reward.sh
while read -r line; do
    id=$(printf '%s' "$line" | sed 's/^{"id":\([0-9]*\),.*/\1/')
    tokens=$(printf '%s' "$line" | sed 's/^{"id":[0-9]*,"tokens":\([0-9]*\),.*/\1/')
    if [ "$tokens" -le 100 ]; then reward=1; else reward=$(printf "0.%03d" $((100 * 1000 / tokens))); fi
    echo "{\"id\":$id,\"reward\":$reward}"
done
