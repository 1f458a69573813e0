#!/bin/bash
# The rules of the house that no compiler knows. ./check runs this first; it takes a second.
set -o pipefail
cd "$(dirname "$0")/.." || exit 1
broken=0
breaks() { echo "masa: $*" >&2; broken=1; }

grep -rn '#include "\.\./' src tests fuzz && breaks "an include goes around the folder map"

tools/header_index.sh | diff docs/headers.md - ||
    breaks "docs/headers.md is behind the headers; run: tools/header_index.sh >docs/headers.md"

grep -rnw 'skip()' tests --include='*.c' && breaks "a test is skipped without skip_since(reason)"

exit $broken
