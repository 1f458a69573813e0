#!/bin/bash
# skipped.sh BUILD: which tests the last ctest of a build left out, counted by reason.
log=$1/Testing/Temporary/LastTest.log
[ -r "$log" ] || { echo "masa: $log: no tests were run here" >&2; exit 1; }
echo "skipped: $(grep -c '^skipped: ' "$log")"
grep '^skipped: ' "$log" | sed 's/^skipped: //' | sort | uniq -c | sort -rn
