#!/bin/bash
# The rules of the house that no compiler knows. ./check runs this first; it takes a second.
set -o pipefail
cd "$(dirname "$0")/.." || exit 1
broken=0
breaks() { echo "masa: $*" >&2; broken=1; }

grep -rn '#include "\.\./' src tests fuzz && breaks "an include goes around the folder map"

git ls-files src tests bench fuzz examples | grep -E '\.(c|h|cu|cpp)$' | sed 's:.*/::' | sort | uniq -d |
    grep . && breaks "a file name stands twice in the repository"

tools/header_index.sh | diff docs/headers.md - ||
    breaks "docs/headers.md is behind the headers; run: tools/header_index.sh >docs/headers.md"

grep -rnw 'skip()' tests --include='*.c' && breaks "a test is skipped without skip_since(reason)"

# Another version lays some lines out in another way.
if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    git ls-files '*.c' '*.h' '*.cu' '*.cpp' | xargs -r clang-format --dry-run -Werror ||
        breaks "the layout is not .clang-format's; run: git ls-files '*.c' '*.h' '*.cu' '*.cpp' | xargs clang-format -i"
else
    echo "masa: the layout is not checked: there is no clang-format 14" >&2
fi

exit $broken
